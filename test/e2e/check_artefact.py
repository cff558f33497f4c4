"""An artefact runs without the compiler and gives its source's bits; a cache serves many processes at once."""
import json
import os
import random
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import works
from harness import Suite, expect

suite = Suite(__doc__)
RUNNER = os.path.join(suite.options.build, "bin", "bench-artefact")
STEPS = 6
WORK = works.RECORDED[0]
GPT, SIZES = WORK.prepare(suite.scratch.name), WORK.settings
MLP = os.path.join("examples", "02_mlp", "mlp.dsl")
BASELINE = "x86-64-v3"


def build(file, *options, **keywords):
    path = suite.path("program.cleave")
    suite.cleave("build", file, "-o", path, "--quiet", *options, **keywords)
    return path


def run_without_compiler(artefact, steps=STEPS, threads=2, **keywords):
    done = subprocess.run([RUNNER, artefact, "train", str(steps), str(threads)], capture_output=True, text=True, timeout=300,
                          **keywords)
    expect(done.returncode == 0, f"an artefact runs with the runtime library alone; found {done.stderr}")
    result = json.loads(done.stdout)
    expect(result["compiler"] is False, "LLVM is not mapped into a process that runs an artefact")
    return [float.fromhex(loss) for loss in result["losses"]]


@suite.test("a GPT's artefact gives the bits of a run from source, with no compiler in the process")
def _():
    source = suite.losses(GPT, "--steps", STEPS, *SIZES)
    artefact = build(GPT, *SIZES)
    for threads in (1, 2):
        losses = run_without_compiler(artefact, threads=threads)
        expect(losses == source, f"losses with {threads} threads are {source}; found {losses}")
    through_tool = suite.losses(artefact, "--steps", STEPS)
    expect(through_tool == source, f"cleave run ART gives {source}; found {through_tool}")


@suite.test("an artefact runs from any folder, its source and the compiler's folder gone")
def _():
    folder = suite.path("elsewhere")
    os.makedirs(folder)
    program = WORK.prepare(folder)
    artefact = build(program, *SIZES)
    os.remove(program)
    expect(len(run_without_compiler(artefact, steps=2, cwd="/")) == 2, "two steps run")


@suite.test("bf16, decoding and convolutions, too")
def _():
    for work in works.RECORDED:
        if not work.bf16 and work.program not in ("decode", "conv"):
            continue
        program = work.prepare(suite.scratch.name)
        source = suite.losses(program, "--steps", STEPS, *work.settings)
        losses = run_without_compiler(build(program, *work.settings))
        expect(losses == source, f"losses of {work.name} are {source}; found {losses}")


@suite.test("code for a baseline uses no later instruction and agrees to rounding")
def _():
    older = {**os.environ, "CLEAVE_PROCESSOR": BASELINE, "CLEAVE_CACHE": ""}
    text = suite.cleave("ir", GPT, "--stage", "asm", "--target", BASELINE, *SIZES).stdout
    expect("%ymm" in text, "a baseline with AVX2 has vectors of 256 bits")
    expect("%zmm" not in text and "%k1" not in text, "code for AVX2 uses no register of AVX-512")
    source = suite.losses(GPT, "--steps", STEPS, *SIZES)

    def expect_near(losses):
        close = all(abs(a - b) <= 1e-4 * abs(b) for a, b in zip(losses, source))
        expect(len(losses) == STEPS and close, f"losses are near {source}; found {losses}")

    artefact = build(GPT, "--target", BASELINE, *SIZES)
    losses = run_without_compiler(artefact, env=older)
    expect_near(losses)
    expect(run_without_compiler(artefact, threads=1, env=older) == losses, "the number of threads changes no bit")
    # The host stands for an older one; its code is tuned for another processor, so sums may be grouped otherwise.
    here = suite.cleave("build", GPT, "-o", suite.path("same.cleave"), "--json", *SIZES, env=older)
    expect("host" in json.loads(here.stdout)["target"], "the host is the target")
    expect_near(run_without_compiler(suite.path("same.cleave"), env=older))


def cached(folder, *options, limit="1024"):
    environment = {**os.environ, "CLEAVE_CACHE": folder, "CLEAVE_CACHE_SIZE": limit}
    return [suite.cleave_path, "run", MLP, "--json", "--steps", "2", *options], environment


def run_together(commands):
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                 for command, environment in commands]
    results = []
    for process in processes:
        out, error = process.communicate(timeout=300)
        expect(process.returncode == 0, f"a run beside others ends well; found {error}")
        results.append(json.loads(out))
    return results


@suite.test("processes that race for one entry of a cache all get the right program")
def _():
    folder = suite.path("cache")
    results = run_together([cached(folder)] * 6)
    expect(len({result["loss"] for result in results}) == 1, "all losses are equal")
    after = run_together([cached(folder)])[0]
    expect(after["cache"] == "hit" and after["loss"] == results[0]["loss"], f"the entry is whole afterwards; found {after}")
    expect(not [name for name in os.listdir(folder) if name.endswith(".partial")], "nothing half written is left")


@suite.test("entries that are damaged, removed and evicted meanwhile make no run fail")
def _():
    folder, stop, chance = suite.path("shaken"), threading.Event(), random.Random(3)
    sizes = [("--set", f"Hidden={hidden}") for hidden in (32, 48)]
    expected = [result["loss"] for result in run_together([cached("", *size) for size in sizes])]

    def shake():
        while not stop.wait(0.01):
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                path = os.path.join(folder, name)
                try:
                    choice = chance.randrange(4)
                    if choice == 0:
                        os.remove(path)
                    elif choice == 1:
                        os.truncate(path, chance.randrange(os.path.getsize(path)))
                    elif choice == 2:
                        with open(path, "r+b") as file:
                            file.seek(chance.randrange(os.path.getsize(path)))
                            file.write(b"\xff")
                except (OSError, ValueError):
                    pass  # gone already, or empty

    thread = threading.Thread(target=shake)
    thread.start()
    try:
        for _ in range(3):
            # Little room, too: entries of the other size are in the way.
            results = run_together([cached(folder, *size, limit=limit) for size in sizes for limit in ("1024", "0")])
            found = [result["loss"] for result in results]
            expect(found == [loss for loss in expected for _ in range(2)], f"losses are {expected}; found {found}")
    finally:
        stop.set()
        thread.join()


suite.main()
