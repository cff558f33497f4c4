"""Every example runs and learns: the mean loss of the last steps is below that of the first ones."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Suite, expect

suite = Suite(__doc__)

SMALL_GPT = ["--set", "Batch=4", "--set", "Seq=32", "--set", "Embed=48", "--set", "Heads=4", "--set", "Layers=2",
             "--set", "Length=20"]
# example -> (steps, the last ten losses' mean is below this, options)
EXPECTED = {
    "01_line/line.dsl": (100, 0.05, []),
    "02_mlp/mlp.dsl": (300, 0.3, []),
    "03_conv/conv.dsl": (120, 0.9, []),
    "04_gpt/gpt.dsl": (60, 4.0, SMALL_GPT + ["--set", "steps=60", "--set", "warm_up=10"]),
}
# Their inputs come from a host program: check_install.py runs them.
EMBEDDED = ["06_embed/rings.dsl"]
# They continue tokens: check_generate.py runs them.
GENERATING = ["05_gpt2/gpt2.dsl", "05_llama/llama.dsl"]


def mean(values):
    return sum(values) / len(values)


def learns(name):
    expect(name in EXPECTED, f"an example has its expected loss in this file; found none for {name}")
    steps, bound, options = EXPECTED[name]
    losses = suite.losses(f"examples/{name}", "--steps", steps, *options)
    expect(len(losses) == steps, f"there is one loss per step, {steps}; found {len(losses)}")
    first, last = mean(losses[:3]), mean(losses[-10:])
    expect(last < first and last < bound, f"the loss falls below {bound}; found {first:.3f} -> {last:.3f}")


def evaluates(name, entry):
    suite.cleave("run", f"examples/{name}", "--entry", entry, "--steps", 1, "--quiet", *EXPECTED[name][2])


for folder, _, names in sorted(os.walk(os.path.join(ROOT, "examples"))):
    for file in sorted(names):
        if file.endswith(".dsl"):
            name = os.path.relpath(os.path.join(folder, file), os.path.join(ROOT, "examples"))
            if name in EMBEDDED + GENERATING:
                continue
            suite.test(name)(lambda name=name: learns(name))
            with open(os.path.join(folder, file), encoding="utf-8") as text:
                entries = [line.split()[1].split("(")[0] for line in text if line.startswith("entry ")]
            for entry in entries:
                if entry != "train":
                    suite.test(f"{name} {entry}")(lambda name=name, entry=entry: evaluates(name, entry))

suite.main()
