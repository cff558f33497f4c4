#!/usr/bin/env python3
"""Records the losses that JAX computes from Cleave's initial weights to test/e2e/reference/gpt_losses.json.

  ./dev bench record-losses      (needs the environment of tools/bench/setup.sh)
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path += [HERE, os.path.join(ROOT, "test")]
import gpt_program
import numpy as np
from tensors import Safetensors

TEXT, STEPS = "LICENSE", 20
RECORD = os.path.join(ROOT, "test", "e2e", "reference", "gpt_losses.json")


def initial_weights(cleave, program, sizes, path):
    """The state that entry `init` makes, by name."""
    subprocess.run([cleave, "run", program, "--entry", "init", "--quiet", "--save", path, *gpt_program.options(sizes)],
                   check=True, stdin=subprocess.DEVNULL)
    return Safetensors(path)


def jax_losses(tensors, text, sizes, steps):
    from peers.jax_gpt import Trainer
    trainer = Trainer(tensors, sizes["Layers"], False, gpt_program.hyper())
    batches = (np.array([list(row) for row in gpt_program.batch(text, sizes, step)], np.uint8) for step in range(steps))
    return [trainer.train(rows) for rows in batches]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    options = parser.parse_args()
    import jax
    with open(os.path.join(ROOT, TEXT), "rb") as file:
        text = file.read()
    record = {"made_by": f"tools/bench/record_losses.py with JAX {jax.__version__}", "text": TEXT,
              "text_sha256": hashlib.sha256(text).hexdigest(), "runs": {}}
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "gpt.dsl")
        gpt_program.write_program(program, os.path.join(ROOT, TEXT))
        for name, sizes in gpt_program.SIZES.items():
            tensors = initial_weights(os.path.join(options.build, "bin", "cleave"), program, sizes,
                                      os.path.join(folder, "init.safetensors"))
            record["runs"][name] = {"sizes": sizes, "losses": jax_losses(tensors, text, sizes, STEPS)}
            print(name, record["runs"][name]["losses"])
    os.makedirs(os.path.dirname(RECORD), exist_ok=True)
    with open(RECORD, "w") as file:
        json.dump(record, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
