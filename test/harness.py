"""What the scripts of test/meta and test/e2e share: a list of named tests, and a way to run the tools.

  suite = Suite(__doc__)

  @suite.test("the loss falls")
  def _():
      ...
      expect(last < first, f"the loss falls; found {first} -> {last}")

  suite.main()      # prints what failed, then `N passed, N failed[, N skipped]`
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise Failure(message)


def build_setting(build, name):
    """A variable of the build folder's configuration, or ""."""
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as cache:
        for line in cache:
            if line.startswith(name + ":"):
                return line.split("=", 1)[1].strip()
    return ""


class Suite:
    def __init__(self, description):
        parser = argparse.ArgumentParser(description=description.splitlines()[0])
        parser.add_argument("--build", type=os.path.abspath, default=os.path.join(ROOT, "build"))
        parser.add_argument("--filter", default="", help="only tests whose name contains this")
        self.options = parser.parse_args()
        self.cleave_path = os.path.join(self.options.build, "bin", "cleave")
        # What is compiled with sanitizers is slow, and libraries made so load into programs made so alone.
        self.sanitizers = [flag for flag in build_setting(self.options.build, "CMAKE_CXX_FLAGS").split()
                           if flag.startswith(("-fsanitize", "-fno-sanitize"))]
        self.tests = []
        self.scratch = tempfile.TemporaryDirectory(prefix="cleave-test-")

    def path(self, name):
        """A file that exists as long as the suite runs."""
        return os.path.join(self.scratch.name, name)

    def test(self, name):
        def add(function):
            self.tests.append((name, function))
            return function
        return add

    def cleave(self, *arguments, status=0, timeout=300, **options):
        """Runs the tool; the completed process. `status`: the exit status it must have, None for any."""
        command = [self.cleave_path, *map(str, arguments)]
        options.setdefault("env", {**os.environ, "CLEAVE_VERIFY_STAGES": "1", "CLEAVE_CACHE": ""})
        try:
            done = subprocess.run(command, cwd=options.pop("cwd", ROOT), stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, errors="replace", timeout=timeout, **options)
        except subprocess.TimeoutExpired:
            raise Failure(f"a command ends within {timeout} s: {' '.join(command)}")
        if status is not None and done.returncode != status:
            raise Failure(f"exit status {status} was expected, found {done.returncode}: {' '.join(command)}\n"
                          f"{done.stdout[-1000:]}{done.stderr[-3000:]}")
        return done

    def losses(self, file, *arguments, **options):
        """The loss of every step of `cleave run FILE`, as the metrics file has them."""
        metrics = self.path("metrics.jsonl")
        if os.path.exists(metrics):
            os.remove(metrics)
        self.cleave("run", file, "--quiet", "--metrics", metrics, *arguments, **options)
        with open(metrics) as lines:
            rows = [json.loads(line) for line in lines]
        return [row["loss"] for row in rows if "loss" in row]

    def interrupted(self, file, *arguments):
        """The exit status of `cleave run` that Ctrl-C stops once it has made a step."""
        metrics = self.path("interrupted.jsonl")
        process = subprocess.Popen([self.cleave_path, "run", file, "--quiet", "--metrics", metrics, *arguments], cwd=ROOT,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (os.path.exists(metrics) and os.path.getsize(metrics)):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        return process.wait(timeout=60)

    def main(self):
        passed = failed = skipped = 0
        for name, function in self.tests:
            if self.options.filter not in name:
                continue
            try:
                function()
                passed += 1
            except Skip as reason:
                skipped += 1
                print(f"SKIP {name}: {reason}", flush=True)
            except Exception as error:  # a test that breaks is a test that failed
                failed += 1
                text = str(error) if isinstance(error, Failure) else traceback.format_exc()
                print(f"FAIL {name}: {text}", flush=True)
        self.scratch.cleanup()
        print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
        sys.exit(1 if failed else 0)
