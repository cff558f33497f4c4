"""Code blocks in the documentation do what they say.

In every .md file of the repository:
  ```cleave         a whole program: `cleave check` accepts it
  ```cleave-error   a whole program: `cleave check` rejects it with the words of the ```text block that follows
  ```sh             a command of ./dev, or of cleave: it exists; `cleave check` lines are run, `cleave run` lines with 2 steps
"""
import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Suite, expect

suite = Suite(__doc__)


def markdown_files():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "build")))
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".md"))


def blocks(path):
    """(language, line of its first line, text) of each fenced block."""
    language, first, lines = None, 0, []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if fence := re.match(r"\s*```(\S*)", line):
                if language is None:
                    language, first, lines = fence[1], number + 1, []
                else:
                    yield language, first, "".join(lines)
                    language = None
            elif language is not None:
                lines.append(line)


def program(name, text):
    path = suite.path(re.sub(r"\W", "_", name) + ".dsl")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def accepted(name, text):
    suite.cleave("check", program(name, text))


def rejected(name, text, words):
    done = suite.cleave("check", program(name, text), status=1)
    output = " ".join(done.stderr.split())
    for line in filter(str.strip, words.splitlines()):
        expect(" ".join(line.split()) in output, f"the diagnostic has the words '{line.strip()}'; found\n{done.stderr}")


def command(line):
    words = shlex.split(line, comments=True)
    if not words:
        return
    if words[0] == "./dev":
        known = subprocess.run(["./dev", "help"], cwd=ROOT, capture_output=True, text=True).stdout
        expect(len(words) > 1 and re.search(rf"^  {re.escape(words[1])}\b", known, re.M),
               f"a command of ./dev is in its help; found '{line}'")
    elif words[0] in ("cleave", "build/bin/cleave"):
        arguments = words[1:]
        if arguments[0] == "run":
            arguments += ["--steps", "2", "--quiet"]
        suite.cleave(*arguments, cwd=ROOT)
    elif words[0] not in ("git", "cd", "cmake", "ninja", "tools/dev/run_tests.py"):
        expect(False, f"a ```sh block holds commands this test knows; found '{line}'")


def add_tests(path):
    found = list(blocks(path))
    for index, (language, first, text) in enumerate(found):
        name = f"{os.path.relpath(path, ROOT)}:{first}"
        if language == "cleave":
            suite.test(name)(lambda name=name, text=text: accepted(name, text))
        elif language == "cleave-error":
            following = found[index + 1] if index + 1 < len(found) else ("", 0, "")
            words = following[2] if following[0] == "text" else ""

            @suite.test(name)
            def _(name=name, text=text, words=words):
                expect(words.strip(), "a ```cleave-error block is followed by a ```text block with the diagnostic")
                rejected(name, text, words)
        elif language == "sh":
            for offset, line in enumerate(text.splitlines()):
                if line.strip() and not line.lstrip().startswith("#"):
                    suite.test(f"{os.path.relpath(path, ROOT)}:{first + offset}")(lambda line=line: command(line))


for markdown in markdown_files():
    add_tests(markdown)
suite.main()
