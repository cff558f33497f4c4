"""Losses equal those of an independent implementation (JAX) over 20 steps: 1e-4 relative in f32, 1e-3 in bf16.

The reference's losses are recorded in reference/losses.json by tools/bench/record_losses.py. It began from the same
initial weights, which are a function of the seed that uses IEEE operations alone.
"""
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import works
from harness import ROOT, Suite, expect

suite = Suite(__doc__)

with open(os.path.join(ROOT, "test", "e2e", "reference", "losses.json")) as recorded:
    REFERENCE = json.load(recorded)


def compare(work):
    with open(works.TEXT, "rb") as file:
        found = hashlib.sha256(file.read()).hexdigest()
    expect(found == REFERENCE["text_sha256"], f"{works.TEXT} is the text the losses were recorded on; it changed")
    folder = suite.path(work.name)
    os.mkdir(folder)
    reference = REFERENCE["runs"][work.name]
    losses = suite.losses(work.prepare(folder), "--steps", len(reference), *work.settings, timeout=240)
    expect(len(losses) == len(reference), f"there are {len(reference)} losses; found {len(losses)}")
    for step, (ours, wanted) in enumerate(zip(losses, reference)):
        error = abs(ours - wanted) / abs(wanted)
        expect(error <= work.tolerance, f"step {step}: the loss is {wanted}, found {ours}, relative error {error:.1e}")


for each in works.RECORDED:
    suite.test(each.name)(lambda work=each: compare(work))
suite.main()
