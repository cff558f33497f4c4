#!/usr/bin/env python3
"""Runs the fuzz targets of test/fuzz, one after the other, from their committed corpora.

  fuzz.py --build build-fuzz [TARGET...] [--seconds N] [--keep]

What a run finds goes to BUILD/findings, with the command that repeats it. New inputs that reach new code stay in
BUILD/corpus; `--keep` reduces them with the committed ones to the smallest set of files that covers as much, and puts
it into test/fuzz/corpus. Exit status 1 when something was found.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FUZZ = os.path.join(ROOT, "test", "fuzz")
# Programs of the repository are seeds too, without being copied.
PROGRAMS = ["examples/*/*.dsl", "stdlib/*/*.dsl", "test/e2e/gradients/*.dsl", "test/lit/**/*.dsl", "test/fuzz/corpus/Program/*"]
SEEDS = {"Program": PROGRAMS, "Index": PROGRAMS}
DICTIONARIES = {"Index": "Program"}
LARGEST = {"Program": 1500, "Index": 1000, "Artefact": 16384}
KEPT_BYTES = {"Artefact": 4096}  # of one input that is committed; else 600
MADE = re.compile("[0-9a-f]{40}")  # libFuzzer's names of what it made
SLOWEST_SECONDS = 20
MOST_MEGABYTES = 4000


def names():
    return sorted(os.path.splitext(name)[0] for name in os.listdir(FUZZ) if name.endswith(".cpp") and name != "Replay.cpp")


def options(target):
    out = [f"-timeout={SLOWEST_SECONDS}", f"-rss_limit_mb={MOST_MEGABYTES}", f"-max_len={LARGEST.get(target, 2048)}"]
    dictionary = os.path.join(FUZZ, f"{DICTIONARIES.get(target, target)}.dict")
    return out + ([f"-dict={dictionary}"] if os.path.exists(dictionary) else [])


def seeds(target, build):
    """A folder of the seeds that lie about in the repository."""
    folder = os.path.join(build, "seeds", target)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for pattern in SEEDS.get(target, []):
        for path in glob.glob(os.path.join(ROOT, pattern), recursive=True):
            shutil.copy(path, os.path.join(folder, os.path.relpath(path, ROOT).replace("/", "_")))
    return folder


def environment(made=None):
    """`made`: the folder for the seeds that a target makes itself."""
    # Some targets write small files all the time: a disk would be what takes theirs.
    memory = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}
    # The ANTLR runtime is not instrumented: its containers look overrun where they are not.
    # Short stacks of allocations and a small quarantine make a parser that allocates much twice as fast.
    return {**os.environ, **memory, "ASAN_OPTIONS": "detect_container_overflow=0:allocator_may_return_null=1:malloc_context_size=3:quarantine_size_mb=16",
            "UBSAN_OPTIONS": "print_stacktrace=1", **({"CLEAVE_FUZZ_SEEDS": made} if made else {})}


def fuzz(target, arguments):
    corpus, findings = os.path.join(arguments.build, "corpus", target), os.path.join(arguments.build, "findings")
    committed = os.path.join(FUZZ, "corpus", target)
    for folder in (corpus, findings, committed):
        os.makedirs(folder, exist_ok=True)
    others = seeds(target, arguments.build)
    command = [os.path.join(arguments.build, "bin", f"fuzz-{target}"), f"-max_total_time={arguments.seconds}",
               "-print_final_stats=1", f"-artifact_prefix={findings}/{target}-", *options(target),
               corpus, committed, others]
    print(f"== {target}: {arguments.seconds} s", flush=True)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace", env=environment(others),
                               cwd=arguments.build)
    last, executions, tail = "", "0", []
    for line in process.stderr:
        tail = (tail + [line])[-60:]
        if found := re.search(r"cov: (\d+) ft: (\d+)", line):
            last = f"{found[1]} edges, {found[2]} features"
        if found := re.search(r"stat::number_of_executed_units:\s*(\d+)", line):
            executions = found[1]
    status = process.wait()
    print(f"   {executions} executions, {last or 'no coverage'}: {'clean' if status == 0 else f'FOUND SOMETHING, status {status}'}", flush=True)
    if status != 0:
        print("".join(tail))
    return status == 0


def keep(target, arguments):
    """The smallest set of small inputs that reaches what all small ones reach, as the committed corpus."""
    small, merged = (os.path.join(arguments.build, part, target) for part in ("small", "merged"))
    committed, kept = os.path.join(FUZZ, "corpus", target), KEPT_BYTES.get(target, 600)
    for folder in (small, merged):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
    for source in (committed, os.path.join(arguments.build, "corpus", target)):
        for path in glob.glob(os.path.join(source, "*")):
            if os.path.getsize(path) <= kept and MADE.fullmatch(os.path.basename(path)):
                shutil.copy(path, small)
    subprocess.run([os.path.join(arguments.build, "bin", f"fuzz-{target}"), "-merge=1", "-use_counters=0",
                    f"-max_len={kept}", merged, small],
                   check=True, stderr=subprocess.DEVNULL, env=environment())
    for path in glob.glob(os.path.join(committed, "*")):
        if MADE.fullmatch(os.path.basename(path)):  # others were written by hand, or broke something once
            os.remove(path)
    for path in glob.glob(os.path.join(merged, "*")):
        shutil.copy(path, committed)
    print(f"   {target}: {len(os.listdir(committed))} files committed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(names())}")
    parser.add_argument("--build", default=os.path.join(ROOT, "build-fuzz"))
    parser.add_argument("--seconds", type=int, default=600, help="for each target (600)")
    parser.add_argument("--keep", action="store_true", help="commit the smallest corpus that covers as much")
    arguments = parser.parse_args()
    arguments.build = os.path.abspath(arguments.build)
    for target in arguments.targets:
        if target not in names():
            parser.error(f"no target '{target}'; there are: {', '.join(names())}")
    fine = True
    for target in arguments.targets or names():
        fine &= fuzz(target, arguments)
        if arguments.keep:
            keep(target, arguments)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
