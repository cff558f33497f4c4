"""The same run gives the same bits: twice, with 1 or 2 threads, interrupted and resumed, killed while it saves."""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Suite, expect

suite = Suite(__doc__)
GPT = "examples/04_gpt/gpt.dsl"
SMALL = [word for size in ("Batch=4", "Seq=48", "Embed=64", "Heads=4", "Layers=2", "steps=20", "warm_up=2")
         for word in ("--set", size)]
STEPS = 8


def losses(*options, file=GPT, sets=SMALL, steps=STEPS):
    return suite.losses(file, "--steps", steps, *sets, *options)


def saved(path):
    with open(path, "rb") as file:
        return file.read()


@suite.test("two runs are bit-equal")
def _():
    first, second = losses("--save", suite.path("a.safetensors")), losses("--save", suite.path("b.safetensors"))
    expect(first == second, f"losses are equal; found {first} and {second}")
    expect(saved(suite.path("a.safetensors")) == saved(suite.path("b.safetensors")), "saved states are equal bytes")


@suite.test("1, 2 and 3 threads are bit-equal")
def _():
    runs = {threads: losses("--threads", threads) for threads in (1, 2, 3)}
    expect(runs[1] == runs[2] == runs[3], f"losses do not depend on the number of threads; found {runs}")


@suite.test("convolution and dropout are bit-equal on 1 and 2 threads")
def _():
    one, two = (losses("--threads", threads, file="examples/03_conv/conv.dsl", sets=[]) for threads in (1, 2))
    expect(one == two, f"losses do not depend on the number of threads; found {one} and {two}")


@suite.test("another seed gives other losses")
def _():
    expect(losses() != losses("--seed", 7), "the seed decides the initial weights and batches")


@suite.test("a resumed run goes on as the uninterrupted one")
def _():
    whole, state = losses(), suite.path("half.safetensors")
    first = losses("--save", state, steps=STEPS // 2)
    second = losses("--resume", state)  # --steps is where the step counter ends
    expect(first + second == whole, f"losses are {whole}; found {first} and {second}")


@suite.test("Ctrl-C saves and stops with status 130")
def _():
    state = suite.path("stopped.safetensors")
    status = suite.interrupted(GPT, "--steps", "1000000", "--save", state, *SMALL)
    expect(status == 130, f"exit status 130; found {status}")
    suite.cleave("run", GPT, "--steps", 1, "--quiet", "--resume", state, *SMALL)


@suite.test("a kill at any moment leaves a whole file")
def _():
    state = suite.path("killed.safetensors")
    losses("--save", state, steps=1)
    source = random.Random(1)
    for _ in range(6):
        process = subprocess.Popen([suite.cleave_path, "run", GPT, "--steps", "1000000", "--quiet", "--save", state,
                                    "--save-every", "1", *SMALL], cwd=ROOT, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.5 + source.random())
        process.kill()
        process.wait()
        suite.cleave("run", GPT, "--steps", 1, "--quiet", "--resume", state, *SMALL)


suite.main()
