#!/usr/bin/env python3
"""Runs every test suite of a build folder and counts: one line per suite, then one line for all.

  run_tests.py --build build [--suite unit|lit|meta]... [--filter REGEX] [--jobs N] [--json FILE]

The last line is `N passed, N failed` (with `, N skipped` where tests were skipped). Exit status 0 when all passed.
A suite that gives no count at all (it crashed, or its binary is missing) counts as one failure.
"""
import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LLVM_BIN = "/usr/lib/llvm-22/bin"
SUITE_LIMIT_SECONDS = int(os.environ.get("CLEAVE_SUITE_SECONDS", "1200"))  # sanitizers take several times as long


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.seconds += other.seconds

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def run(command, **options):
    """The command's exit status; its output goes to the terminal. A command that hangs is ended."""
    sys.stdout.flush()
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, timeout=SUITE_LIMIT_SECONDS, **options).returncode
    except subprocess.TimeoutExpired:
        print(f"stopped after {SUITE_LIMIT_SECONDS} s: {' '.join(command)}")
        return 124
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}")
        return 127


def gtest(binary, report, expression):
    """One GoogleTest binary. Its own report is quiet about what passed; failures are shown."""
    if os.path.exists(report):
        os.remove(report)
    command = [binary, f"--gtest_output=json:{report}", "--gtest_brief=1"]
    if expression:
        command.append(f"--gtest_filter=*{expression}*")
    status = run(command)
    try:
        with open(report) as file:
            suites = json.load(file)["testsuites"]
    except (OSError, ValueError, KeyError):
        return Count(failed=1)  # it crashed before it could write
    count = Count()
    for test in (test for suite in suites for test in suite["testsuite"]):
        if test.get("failures"):
            count.failed += 1
        elif test.get("result") == "SKIPPED" or test.get("status") == "NOTRUN":
            count.skipped += 1
        else:
            count.passed += 1
    if status != 0 and count.failed == 0:
        count.failed = 1  # it crashed after the report, or a test left with a bad status
    return count


def unit(options):
    with open(os.path.join(options.build, "test", "unit-tests.txt")) as file:
        names = file.read().split()
    for name in names:
        binary = os.path.join(options.build, "test", "unit", name)
        yield name, lambda binary=binary: gtest(binary, binary + ".json", options.filter)


def lit(options):
    def count_lit():
        report = os.path.join(options.build, "test", "lit.xml")
        if os.path.exists(report):
            os.remove(report)
        command = [os.path.join(LLVM_BIN, "lit"), "-sv", "--no-progress-bar", "-j", str(options.jobs), "--xunit-xml-output", report]
        if options.filter:
            command += ["--filter", options.filter, "--allow-empty-runs"]
        status = run(command + [os.path.join(options.build, "test", "lit")])
        count = Count()
        if options.filter and status == 0 and not os.path.exists(report):
            return count  # no test has such a name
        try:
            suites = list(xml.parse(report).getroot().iter("testsuite"))
        except (OSError, xml.ParseError):
            return Count(failed=1)
        for suite in suites:
            tests, failed, skipped = (int(suite.get(key, 0)) for key in ("tests", "failures", "skipped"))
            count.add(Count(tests - failed - skipped, failed, skipped))
        if status != 0 and count.failed == 0:
            count.failed = 1
        return count

    yield "lit", count_lit


def meta(options):
    """Each script of test/meta and test/e2e prints its failures and ends with `N passed, N failed[, N skipped]`."""
    for folder in ("meta", "e2e"):
        scripts = os.path.join(SOURCE, "test", folder)
        for name in sorted(os.listdir(scripts)) if os.path.isdir(scripts) else []:
            if name.startswith("check_") and name.endswith(".py"):
                if options.filter and not re.search(options.filter, name):
                    continue
                yield f"{folder}/{name[:-3]}", lambda path=os.path.join(scripts, name): script(path, options)


def script(path, options):
    sys.stdout.flush()
    try:
        done = subprocess.run([sys.executable, path, "--build", options.build], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, timeout=SUITE_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"stopped after {SUITE_LIMIT_SECONDS} s: {path}")
        return Count(failed=1)
    lines = done.stdout.rstrip().splitlines()
    last = re.fullmatch(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", lines[-1]) if lines else None
    print("\n".join(lines[:-1] if last else lines), end="\n" if len(lines) > bool(last) else "")
    if not last:
        return Count(failed=1)
    count = Count(*(int(number or 0) for number in last.groups()))
    if done.returncode != 0 and count.failed == 0:
        count.failed = 1
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(SOURCE, "build"))
    parser.add_argument("--suite", action="append", choices=["unit", "lit", "meta"])
    parser.add_argument("--filter", help="only tests whose name contains this")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 8))
    parser.add_argument("--json", help="write the counts to this file as well")
    parser.add_argument("--began", type=int, help="when the whole command began, in seconds since 1970")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)

    os.chdir(SOURCE)  # tests may name files from the root of the repository
    counts = {}
    for kind in options.suite or ["unit", "lit", "meta"]:
        for name, suite in {"unit": unit, "lit": lit, "meta": meta}[kind](options):
            print(f"-- {name}", flush=True)
            begin = time.monotonic()
            counts[name] = suite()
            counts[name].seconds = time.monotonic() - begin

    total = Count()
    print("\nresults by suite")
    for name, count in counts.items():
        print(f"  {name:<32} {count}  ({count.seconds:.1f} s)")
        total.add(count)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({name: dataclasses.asdict(count) for name, count in counts.items()}, file, indent=2)
    if total.passed + total.failed == 0:
        print("no test was found")
        total.failed = 1
    whole = f", {time.time() - options.began:.0f} s with the build" if options.began else ""
    print(f"  tests took {total.seconds:.0f} s{whole}")
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
