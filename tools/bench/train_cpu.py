#!/usr/bin/env python3
"""Trains the GPT of examples/04_gpt in Cleave and in JAX, in turns, on two threads, and compares losses and speed.

  ./dev bench train-cpu [--json FILE] [--rounds 5] [--steps 6] [--set Layers=2 ...]

Both begin from the weights of Cleave's `init` and see the same token batches. JAX runs twice, with unrolled layers and
with `lax.scan`; the faster one counts. Times are medians over all rounds, without each round's first step.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path += [HERE, os.path.join(ROOT, "test")]
import gpt_program

THREADS, COMPARED_STEPS, TOLERANCE = 2, 20, 1e-4


# --- the peer, in a process of its own ----------------------------------------------------------------


def jax_worker(weights, text_path, sizes, scanned):
    """Reads a number of steps per line, trains that many and answers with one JSON line."""
    import numpy as np
    from gpt_jax import Trainer
    from tensors import read_safetensors
    with open(text_path, "rb") as file:
        text = file.read()
    trainer = Trainer(read_safetensors(weights), sizes["Layers"], scanned, gpt_program.hyper())
    for line in sys.stdin:
        losses, seconds = [], []
        for _ in range(int(line)):
            rows = np.array([list(row) for row in gpt_program.batch(text, sizes, trainer.step)], np.uint8)
            start = time.monotonic()
            losses.append(trainer.train(rows))
            seconds.append(time.monotonic() - start)
        print(json.dumps({"losses": losses, "seconds": seconds,
                          "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)


class Jax:
    def __init__(self, name, weights, text, sizes, scanned):
        self.name, self.seconds, self.losses, self.peak = name, [], [], 0
        self.process = self.first_step = None
        self.command = [sys.executable, __file__, "--worker", weights, text, json.dumps(sizes), str(int(scanned))]

    def train(self, steps):
        """The process stays, so that JAX compiles once; between its turns it sleeps."""
        began = time.monotonic()
        if not self.process:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if self.first_step is None:
            self.first_step = time.monotonic() - began - sum(answer["seconds"][1:])
        self.seconds += answer["seconds"][1:]
        self.losses += answer["losses"]
        self.peak = max(self.peak, answer["peak"])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# --- Cleave -------------------------------------------------------------------------------------------


class Cleave:
    def __init__(self, binary, program, sizes, folder):
        self.name, self.seconds, self.losses, self.peak, self.first_step = "cleave", [], [], 0, None
        self.command = [binary, "run", program, "--threads", str(THREADS), "--quiet", *gpt_program.options(sizes)]
        self.metrics = os.path.join(folder, "metrics.jsonl")
        self.total = 0

    def train(self, steps):
        """A new process each time, as a user would start it."""
        if os.path.exists(self.metrics):
            os.remove(self.metrics)
        began = time.monotonic()
        process = subprocess.Popen([*self.command, "--steps", str(steps), "--metrics", self.metrics],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        whole = time.monotonic() - began
        if status != 0:
            sys.exit(f"cleave failed: {' '.join(self.command)}")
        with open(self.metrics) as file:
            rows = [row for row in map(json.loads, file) if "loss" in row]
        seconds = [row["seconds"] for row in rows]
        if self.first_step is None:
            self.first_step = whole - sum(seconds[1:])
        self.seconds += seconds[1:]
        self.losses = max(self.losses, [row["loss"] for row in rows], key=len)
        self.peak = max(self.peak, usage.ru_maxrss * 1024)

    def close(self):
        pass


# --- the comparison -----------------------------------------------------------------------------------


def corpus(folder):
    """One file with the texts that every Debian system has."""
    path = os.path.join(folder, "corpus.txt")
    source = "/usr/share/common-licenses"
    with open(path, "wb") as out:
        for name in sorted(os.listdir(source)):
            with open(os.path.join(source, name), "rb") as file:
                out.write(file.read())
    return path


def largest_difference(ours, reference):
    return max(abs(a - b) / abs(b) for a, b in zip(ours, reference))


def measure(options, folder):
    sizes = dict(gpt_program.SIZES["benchmark"])
    sizes.update((name, int(size)) for name, size in (pair.split("=") for pair in options.set))
    program, weights = os.path.join(folder, "gpt.dsl"), os.path.join(folder, "init.safetensors")
    text = corpus(folder)
    gpt_program.write_program(program, text)
    binary = os.path.join(options.build, "bin", "cleave")
    subprocess.run([binary, "run", program, "--entry", "init", "--quiet", "--save", weights,
                    *gpt_program.options(sizes)], check=True, stdin=subprocess.DEVNULL)
    runners = [Cleave(binary, program, sizes, folder), Jax("jax unrolled", weights, text, sizes, False)]
    for runner in runners:  # the losses first: a fast wrong step counts for nothing
        runner.train(COMPARED_STEPS)
    runners.append(Jax("jax scan", weights, text, sizes, True))
    difference = largest_difference(runners[0].losses, runners[1].losses)
    print(f"largest relative difference of the losses over {COMPARED_STEPS} steps: {difference:.1e} (at most {TOLERANCE})")
    for runner in runners:
        runner.seconds = []
    for turn in range(options.rounds):
        for runner in runners:
            runner.train(options.steps)
        times = ", ".join(f"{runner.name} {statistics.median(runner.seconds):.3f} s" for runner in runners)
        print(f"round {turn + 1} of {options.rounds}: {times}", flush=True)
    for runner in runners:
        runner.close()
    return sizes, runners, difference


def report(sizes, runners, difference):
    rows = {runner.name: {"step_seconds": statistics.median(runner.seconds), "first_step_seconds": runner.first_step,
                          "peak_bytes": runner.peak} for runner in runners}
    fastest = min(row["step_seconds"] for name, row in rows.items() if name != "cleave")
    print(f"\n{'':<14}{'step':>10}{'to JAX':>10}{'source to first step':>24}{'peak memory':>14}")
    for name, row in rows.items():
        print(f"{name:<14}{row['step_seconds']:>8.3f} s{row['step_seconds'] / fastest:>9.2f}x"
              f"{row['first_step_seconds']:>22.2f} s{row['peak_bytes'] / 2**30:>10.2f} GiB")
    return {"sizes": sizes, "threads": THREADS, "loss_difference": difference, "rows": rows,
            "ratio": rows["cleave"]["step_seconds"] / fastest}


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--worker":
        return jax_worker(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]), sys.argv[5] == "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--set", action="append", default=[], help="another size, Axis=N")
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    # JAX takes as many threads as it may run on.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    with tempfile.TemporaryDirectory(prefix="cleave-bench-") as folder:
        result = report(*measure(options, folder))
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2)
    return 0 if result["loss_difference"] <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
