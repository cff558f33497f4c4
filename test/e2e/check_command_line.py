#!/usr/bin/env python3
"""What is made from the command line itself: completion scripts, the man page, build facts."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import ROOT, Skip, Suite, expect  # noqa: E402

suite = Suite(__doc__)


def commands(*path):
    """Every command with the words that lead to it, as --help lists them."""
    text = suite.cleave(*path, "--help").stdout
    yield path, text
    below = text.partition("Subcommands:\n")[2]
    for name in re.findall(r"^  (\w[\w-]*)", below, re.MULTILINE):
        yield from commands(*path, name)


def options(text):
    lines = re.findall(r"^  (-[\w,-]+)", text.partition("Options:")[2], re.MULTILINE)
    return {name for line in lines for name in line.split(",")}


ALL = list(commands())


def complete(*words):
    """What bash offers for the last of these words."""
    script = suite.path("cleave.bash")
    if not os.path.exists(script):
        with open(script, "w", encoding="utf-8") as file:
            file.write(suite.cleave("completion", "bash").stdout)
    line = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cleave; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "--norc", "-uc", line, script, "cleave", *words], capture_output=True, text=True, cwd=ROOT)
    expect(done.returncode == 0 and not done.stderr, f"the script runs; found {done.stderr}")
    return sorted(filter(None, done.stdout.split("\n")))


@suite.test("help lists the commands that the README tells of")
def _():
    names = {path[0] for path, _ in ALL if path}
    expect({"run", "check", "ir", "fmt", "completion", "man"} <= names, f"the commands; found {sorted(names)}")


@suite.test("bash completes commands, options and values")
def _():
    found = complete("")
    expect(set(found) == {path[0] for path, _ in ALL if len(path) == 1}, f"every command is offered; found {found}")
    expect(complete("comp") == ["completion"], f"a command by its beginning; found {complete('comp')}")
    for path, text in ALL:
        found = complete(*path, "-")
        expect(set(found) == options(text), f"{' '.join(path)}: the options of --help; found {found}, not {sorted(options(text))}")
    expect(complete("ir", "x.dsl", "--stage", "m") == ["memory", "model"], f"the stages; found {complete('ir', '--stage', 'm')}")
    expect(complete("ir", "--stage", "=", "m") == ["memory", "model"], "the stages behind =")
    expect(complete("ir", "--stage", "=") == sorted("ast model grad dist comm sched memory loops kernels exec asm".split()), "all behind =")
    expect(complete("completion", "") == ["bash", "fish", "zsh"], f"the shells; found {complete('completion', '')}")
    expect(complete("run", "--steps", "") == [], "nothing is offered for a number")


@suite.test("bash completes programs, files and folders")
def _():
    expect(complete("run", "examples/04_gpt/") == ["examples/04_gpt/gpt.dsl"], "a program")
    expect("examples" in complete("check", "ex") and complete("fmt", "LIC") == [], "folders, but no other files")
    expect(complete("run", "--save", "LIC") == ["LICENSE"], "any file")
    expect(complete("ir", "--all", "LIC") == [] and complete("ir", "--all", "exa") == ["examples"], "folders alone")


@suite.test("bash itself takes the script")
def _():
    script = 'source <("$0" completion bash); complete -p cleave'
    done = subprocess.run(["bash", "--norc", "-c", script, suite.cleave_path], capture_output=True, text=True)
    expect(done.stdout == "complete -F _cleave cleave\n", f"it is registered; found {done}")


@suite.test("zsh and fish scripts name every option")
def _():
    for shell in ("zsh", "fish"):
        script = suite.cleave("completion", shell).stdout
        for path, text in ALL:
            for option in options(text):
                written = option if shell == "zsh" else f"-{'l' if option.startswith('--') else 's'} {option.lstrip('-')} "
                expect(written in script, f"{shell} knows {option} of {' '.join(path)}")
    suite.cleave("completion", "tcsh", status=2)


@suite.test("zsh and fish parse their scripts")
def _():
    known = [shell for shell in ("zsh", "fish") if shutil.which(shell)]
    if not known:
        raise Skip("neither shell is installed")
    for shell in known:
        script = suite.path(f"cleave.{shell}")
        with open(script, "w", encoding="utf-8") as file:
            file.write(suite.cleave("completion", shell).stdout)
        done = subprocess.run([shell, "-n", script], capture_output=True, text=True)
        expect(done.returncode == 0, f"{shell} -n; found {done.stderr}")


@suite.test("the man page has every command and option, and renders without warnings")
def _():
    page = suite.cleave("man").stdout
    if not shutil.which("groff"):
        raise Skip("groff is not installed")
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-P-cbou"], input=page, capture_output=True, text=True)
    expect(done.returncode == 0 and not done.stderr, f"groff has nothing to say; found {done.stderr}")
    shown = re.sub(r"\s+", " ", done.stdout.replace("\u2010", "-").replace("\u2212", "-"))
    for path, text in ALL:
        section = shown[shown.index(" " + " ".join(("cleave",) + path) + " ", shown.index(" COMMANDS ")):] if path else shown
        for option in options(text):
            expect(option in section, f"the page tells of {option} of {' '.join(path)}")
    expect("130 stopped by Ctrl-C" in shown, "the exit status")


@suite.test("--version gives build facts")
def _():
    lines = dict(line.split(" ", 1) for line in suite.cleave("--version").stdout.splitlines())
    expect(set(lines) - {"commit"} == {"cleave", "build", "LLVM", "target", "processor"}, f"the facts; found {lines}")
    with open(os.path.join(ROOT, "runtime", "abi", "cleave.h"), encoding="utf-8") as file:
        version = re.search(r'#define CLEAVE_VERSION "(.+)"', file.read())[1]
    expect(lines["cleave"] == version, f"the version of cleave.h; found {lines['cleave']}")
    expect(re.fullmatch(r"\d+\.\d+\.\d+\S*", lines["LLVM"]), f"LLVM's version; found {lines['LLVM']}")
    git = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True)
    if git.returncode == 0:
        expect(re.fullmatch(r"[0-9a-f]{7,}(-changed)?", lines.get("commit", "")), f"a commit; found {lines}")


suite.main()
