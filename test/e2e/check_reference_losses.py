"""Training losses in f32 equal those of an independent implementation (JAX) to 1e-4 relative over 20 steps.

The reference's losses are recorded in reference/gpt_losses.json by tools/bench/record_losses.py. It began from the same
initial weights, which are a function of the seed that uses IEEE operations alone.
"""
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import gpt_program
from harness import ROOT, Suite, expect

suite = Suite(__doc__)
TOLERANCE = 1e-4

with open(os.path.join(ROOT, "test", "e2e", "reference", "gpt_losses.json")) as recorded:
    REFERENCE = json.load(recorded)


def compare(run):
    text = os.path.join(ROOT, REFERENCE["text"])
    with open(text, "rb") as file:
        found = hashlib.sha256(file.read()).hexdigest()
    expect(found == REFERENCE["text_sha256"], f"{REFERENCE['text']} is the text the losses were recorded on; it changed")
    program = suite.path("gpt.dsl")
    gpt_program.write_program(program, text)
    losses = suite.losses(program, "--steps", len(run["losses"]), *gpt_program.options(run["sizes"]), timeout=240)
    expect(len(losses) == len(run["losses"]), f"there are {len(run['losses'])} losses; found {len(losses)}")
    for step, (ours, reference) in enumerate(zip(losses, run["losses"])):
        error = abs(ours - reference) / abs(reference)
        expect(error <= TOLERANCE, f"step {step}: the loss is {reference}, found {ours}, relative error {error:.1e}")


for name, run in REFERENCE["runs"].items():
    suite.test(name)(lambda run=run: compare(run))
suite.main()
