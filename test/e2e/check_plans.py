"""A program under a plan: saved under one and resumed under another, stopped, profiled, and in the memory that was predicted."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Suite, Skip, expect

suite = Suite(__doc__)
GPT = "examples/04_gpt/gpt.dsl"
SMALL = [word for size in ("Batch=4", "Seq=16", "Embed=32", "Heads=4", "Layers=2", "steps=20", "warm_up=2")
         for word in ("--set", size)]
LARGE = [word for size in ("Batch=8", "Seq=256", "Embed=384", "Heads=6", "Layers=4") for word in ("--set", size)]
MIB = 2 ** 20


def plan(name, mesh):
    return ["--plan", name, "--mesh", mesh]


@suite.test("a run that is resumed under another plan goes on as one that never stopped")
def _():
    whole = suite.losses(GPT, "--steps", 6, *SMALL)
    state = suite.path("state.safetensors")
    found = []
    for steps, options in (2, plan("fsdp", "dp=2")), (4, plan("two_d", "dp=2,tp=2")), (6, []):
        resume = ["--resume", state] if found else []
        found += suite.losses(GPT, "--steps", steps, *SMALL, *options, *resume, "--save", state)
    worst = max(abs(a - b) / a for a, b in zip(whole, found))
    expect(len(found) == 6 and worst < 1e-5, f"losses are {whole}; found {found}")


@suite.test("the same plan gives the same bits with any number of threads")
def _():
    one, three = (suite.losses(GPT, "--steps", 4, *SMALL, *plan("tensor", "tp=2"), "--threads", threads)
                  for threads in (1, 3))
    expect(one == three, f"losses do not depend on the number of threads; found {one} and {three}")


@suite.test("Ctrl-C saves and stops with status 130")
def _():
    state = suite.path("stopped.safetensors")
    status = suite.interrupted(GPT, "--steps", "1000000", "--save", state, *SMALL, *plan("data", "dp=2"))
    expect(status == 130, f"exit status 130; found {status}")
    suite.cleave("run", GPT, "--entry", "eval", "--quiet", "--resume", state, *SMALL, *plan("zero2", "dp=4"))


@suite.test("rank 0 is profiled")
def _():
    done = suite.cleave("run", GPT, "--steps", 2, *SMALL, *plan("data", "dp=2"), "--profile", "--json")
    profile = json.loads(done.stdout)["profile"]
    expect("all_reduce" in json.dumps(profile), f"collectives are shown by what they are; found {profile}")


def peak_of(*command):
    """The most memory of a process, in bytes."""
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    expect(status == 0, f"a run ends well; found status {status}")
    return usage.ru_maxrss * 1024


@suite.test("memory is what was predicted, within 2 % or 32 MiB")
def _():
    if suite.sanitizers:
        raise Skip("sanitizers take memory of their own")
    start = peak_of(suite.cleave_path, "--version")
    for name, mesh in ("data", "dp=2"), ("fsdp", "dp=2"), ("two_d", "dp=2,tp=2"):
        artefact = suite.path(name + ".cleave")
        suite.cleave("build", GPT, "--entry", "train", *LARGE, *plan(name, mesh), "-o", artefact, "--quiet")
        metadata = json.loads(suite.cleave("build", "--inspect", artefact).stdout)
        classes = metadata["plan"]["peak_bytes_by_class"]
        expect(len(classes) == 1, f"ranks are alike; found {len(classes)} classes")
        predicted = classes[0] * metadata["plan"]["ranks"]
        measured = peak_of(suite.cleave_path, "run", artefact, "--entry", "train", "--steps", "2", "--quiet") - start
        expect(abs(measured - predicted) <= max(0.02 * predicted, 32 * MIB),
               f"{name} on {mesh}: {predicted / MIB:.1f} MiB were predicted; found {measured / MIB:.1f}")


suite.main()
