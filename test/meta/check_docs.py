"""Code blocks in the documentation do what they say.

In every .md file of the repository:
  ```cleave         a whole program: `cleave check` accepts it
  ```cleave-error   a whole program: `cleave check` rejects it with the words of the ```text block that follows
  ```sh             commands of ./dev, which exist, and of cleave, which are run; `cleave run` with 2 steps
Commands of cleave in running text are run as well. A file that does not exist is the last whole program above.
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


def run_cleave(arguments, text):
    """`text`: the program that a file name stands for when there is no such file."""
    file = next((word for word in arguments if word.endswith(".dsl")), None)
    if file and not os.path.exists(os.path.join(ROOT, file)):
        expect(text, f"a command names a file of the repository or a program above it; found {file}")
        arguments[arguments.index(file)] = program(file[:-4], text)
    if arguments[0] == "run":
        if "--steps" in arguments:
            at = arguments.index("--steps")
            del arguments[at:at + 2]
        arguments += ["--steps", "2", "--quiet"]
    suite.cleave(*arguments)


def command(line, text):
    words = shlex.split(line, comments=True)
    if words and words[0] == "./dev":
        known = subprocess.run(["./dev", "help"], cwd=ROOT, capture_output=True, text=True).stdout
        expect(len(words) > 1 and re.search(rf"^  {re.escape(words[1])}\b", known, re.M),
               f"a command of ./dev is in its help; found '{line}'")
    elif words and words[0] in ("mpirun", "srun"):  # by the threads of one process: check_mpi.py has the launchers
        run_cleave(words[words.index("cleave") + 1:], text)
    elif words and words[0] in ("cleave", "build/bin/cleave"):
        run_cleave(words[1:], text)
    elif words:
        expect(words[0] in ("git", "cd", "cmake", "ninja", "tools/dev/run_tests.py"),
               f"a ```sh block holds commands this test knows; found '{line}'")


def inline_commands(path):
    """(line number, command) of each `cleave ... FILE.dsl ...` in running text."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^\s*```.*?^\s*```", lambda match: re.sub(r"[^\n]", " ", match[0]), file.read(), flags=re.M | re.S)
    for match in re.finditer(r"`(cleave (?:run|check|ir|fmt) [^`\n]*\w\.dsl[^`\n]*)`", text):
        if not re.search(r"[A-Z]{3,}|\.\.\.", match[1].replace("--", "")):  # FILE, NAME: not to be run as it stands
            yield text.count("\n", 0, match.start()) + 1, match[1]


def add_tests(path):
    found = list(blocks(path))
    programs = [text for language, _, text in found if language == "cleave"]
    last = programs[-1] if programs else ""
    for number, line in inline_commands(path):
        suite.test(f"{os.path.relpath(path, ROOT)}:{number} {line}")(lambda line=line: command(line, last))
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
                    suite.test(f"{os.path.relpath(path, ROOT)}:{first + offset}")(
                        lambda line=line: command(line, last))


for markdown in markdown_files():
    add_tests(markdown)
suite.main()
