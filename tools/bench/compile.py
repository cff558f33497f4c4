#!/usr/bin/env python3
"""How long the compiler takes: `./dev bench compile [--json FILE]`. Medians of several runs, whole processes.

  hello      compile and run a program of one line                                      (bound 0.5 s)
  check      `cleave check` of the GPT                                                  (bound 0.1 s)
  layers     to native code (`cleave ir --stage asm`) of the GPT: 48 layers over 6      (bound 1.15)
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GPT = os.path.join(ROOT, "examples", "04_gpt", "gpt.dsl")
HELLO = 'entry train() -> (answer: f32) {\n  let answer: f32 = 42\n  print("hello", answer)\n  return answer\n}\n'
BOUNDS = {"hello_seconds": 0.5, "check_seconds": 0.1, "layers_ratio": 1.15}


def seconds(command):
    began = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return time.monotonic() - began


def median_seconds(command, runs):
    return statistics.median(seconds(command) for _ in range(runs))


def compilation(cleave, layers):
    """The command that takes the GPT to native code."""
    return [cleave, "ir", GPT, "--stage", "asm", "--set", f"Layers={layers}"]


def measure(cleave, runs):
    with tempfile.TemporaryDirectory() as folder:
        hello = os.path.join(folder, "hello.dsl")
        with open(hello, "w") as file:
            file.write(HELLO)
        result = {"hello_seconds": median_seconds([cleave, "run", hello, "--steps", "1", "--quiet", "--no-cache"], runs),
                  "check_seconds": median_seconds([cleave, "check", GPT], runs)}
    times = {6: [], 48: []}
    for _ in range(runs):  # in turns, so that noise hits both
        for layers, found in times.items():
            found.append(seconds(compilation(cleave, layers)))
    result["compile_6_seconds"], result["compile_48_seconds"] = (statistics.median(times[layers]) for layers in (6, 48))
    result["layers_ratio"] = result["compile_48_seconds"] / result["compile_6_seconds"]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    result = measure(os.path.join(options.build, "bin", "cleave"), options.runs)
    for name, value in result.items():
        bound = f"   (at most {BOUNDS[name]})" if name in BOUNDS else ""
        print(f"{name:<22}{value:>8.3f}{bound}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2)
    return 0 if all(result[name] <= bound for name, bound in BOUNDS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
