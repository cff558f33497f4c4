#!/usr/bin/env python3
"""What code made before costs: `./dev bench artefact [--json FILE] [--runs N]`. Medians of several processes.

  artefact   loading the GPT's artefact and running its first step, beyond a steady step and beyond touching the memory
             for the first time; in a process without a compiler (tools/bench/artefact)             (bound 0.05 s)
  cache      source to first step: `cleave run --steps 1` of the GPT, compiled and from the cache
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
sys.path.append(os.path.join(ROOT, "test"))
import works

BOUNDS = {"excess": 0.05}
STEPS, THREADS = 6, 2
WORK = works.Work("gpt", "gpt", works.GPT_SIZES)


def run(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout


def artefact_seconds(build, artefact):
    """One process: the parts of what comes before the second step. `excess` is what only an artefact's user pays."""
    found = json.loads(run([os.path.join(build, "bin", "bench-artefact"), artefact, "train", str(STEPS), str(THREADS)]))
    if found.pop("compiler"):
        sys.exit("LLVM is mapped into a process that runs an artefact")
    found["touch_cold"], found["touch_fresh"] = found["touch"]["cold"], found.pop("touch")["fresh"]
    prepared = found["load"] + found["create"] + found["initialise"] + found["data"]
    found["excess"] = prepared + found["first"] - found["steady"] - found["touch_fresh"]
    del found["losses"], found["peak_bytes"]
    return found


def source_seconds(cleave, program, cache):
    """From starting the command to the end of the first step; an empty cache folder is none."""
    began = time.monotonic()
    run([cleave, "run", program, "--steps", "1", "--quiet", "--threads", str(THREADS), *WORK.settings],
        env={**os.environ, "CLEAVE_CACHE": cache})
    return time.monotonic() - began


def measure(build, runs):
    cleave, samples = os.path.join(build, "bin", "cleave"), []
    with tempfile.TemporaryDirectory() as folder:
        program, artefact, cache = WORK.prepare(folder), os.path.join(folder, "gpt.cleave"), os.path.join(folder, "cache")
        run([cleave, "build", program, "-o", artefact, "--quiet", *WORK.settings])
        source_seconds(cleave, program, cache)  # fills it
        for _ in range(runs):  # in turns, so that noise hits all
            found = artefact_seconds(build, artefact)
            found["source_compiled"] = source_seconds(cleave, program, "")
            found["source_cached"] = source_seconds(cleave, program, cache)
            samples.append(found)
        size = os.path.getsize(artefact)
    medians = {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}
    return {**medians, "least_excess": min(sample["excess"] for sample in samples), "artefact_bytes": size}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    result = measure(options.build, options.runs)
    for name, value in result.items():
        bound = f"   (at most {BOUNDS[name]})" if name in BOUNDS else ""
        print(f"{name:<16}{value:>12}" if isinstance(value, int) else f"{name:<16}{value:>12.4f} s{bound}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2)
    return 0 if all(result[name] <= bound for name, bound in BOUNDS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
