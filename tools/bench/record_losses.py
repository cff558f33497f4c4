#!/usr/bin/env python3
"""Records the losses that JAX computes from Cleave's initial weights to test/e2e/reference/losses.json.

  ./dev bench record-losses [--work NAME]      (needs the environment of tools/bench/setup.sh)
"""
import argparse
import hashlib
import importlib
import json
import os
import subprocess
import tempfile

from rows import ROOT, batches, works
from tensors import Safetensors

STEPS = 20
RECORD = os.path.join(ROOT, "test", "e2e", "reference", "losses.json")


def jax_losses(work: works.Work, cleave: str, folder: str) -> list[float]:
    program, weights = work.prepare(folder), os.path.join(folder, "init.safetensors")
    subprocess.run([cleave, "run", program, "--entry", "init", "--quiet", "--no-cache", "--save", weights, *work.settings],
                   check=True, stdin=subprocess.DEVNULL)
    trainer = importlib.import_module(f"peers.jax_{work.program}").make(Safetensors(weights), work, "unrolled")
    batch_of = batches(work, folder, works.TEXT)
    return [trainer.train(*batch_of(step)) for step in range(STEPS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--work", help="this one only; the record of others stays")
    options = parser.parse_args()
    import jax
    record = {"runs": {}}
    if options.work:
        with open(RECORD, encoding="utf-8") as file:
            record = json.load(file)
    with open(works.TEXT, "rb") as file:
        record["text_sha256"] = hashlib.sha256(file.read()).hexdigest()
    record["made_by"] = f"tools/bench/record_losses.py with JAX {jax.__version__}"
    for work in works.RECORDED:
        if options.work in (None, work.name):
            with tempfile.TemporaryDirectory() as folder:
                record["runs"][work.name] = jax_losses(work, os.path.join(options.build, "bin", "cleave"), folder)
            print(work.name, record["runs"][work.name])
    with open(RECORD, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
