#!/usr/bin/env python3
"""The house rules that a script can see: `./dev check`. Each finding is `file:line: rule, then what was found`.

  check.py [--build build] [--only format,naming,sizes,docs,words,tidy] [--fast] [--format]
"""
import argparse
import ast
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLANG_FORMAT, CLANG_TIDY = "clang-format-22", "clang-tidy-22"
CPP = (".cpp", ".h", ".hpp", ".c")
FILE_LIMIT, FUNCTION_LIMIT, USUAL_FUNCTION = 800, 80, 45
# A function or file that has a reason to be longer says it: `// NOLINT(size): why`.
EXEMPT = "NOLINT(size):"
TOP_FOLDERS = ["lang", "dialects", "dialects/model", "dialects/pipe", "compiler", "runtime", "stdlib", "tools", "test",
               "examples"]


def git(*arguments):
    """What git prints, by line; nothing where there is no git or no repository: tests run without it."""
    try:
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True).stdout.splitlines()
    except OSError:
        return []


def files(*suffixes):
    """Every file of the repository, also those not yet committed, with one of the suffixes."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard")
    if not names:  # a copy without git
        names = [os.path.relpath(os.path.join(folder, name), ROOT) for folder, folders, found in os.walk(ROOT)
                 for name in found if not folder[len(ROOT):].startswith(("/build", "/.git/"))]
    return sorted(name for name in set(names) if name.endswith(suffixes) and os.path.isfile(os.path.join(ROOT, name)))


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


# --- formatting ---------------------------------------------------------------------------------------


def programs():
    return [name for name in files(".dsl") if name.startswith(("stdlib/", "examples/"))]


def formatter(build):
    """The built `cleave`, or None with a word about it."""
    cleave = os.path.join(build, "bin", "cleave")
    if os.path.exists(cleave):
        return cleave
    print("programs are formatted by cleave fmt, which is not built; run ./dev build cleave", file=sys.stderr)
    return None


def check_format(build):
    done = subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", *files(*CPP)], cwd=ROOT, capture_output=True, text=True)
    for line in done.stderr.splitlines():
        if match := re.match(r"(.*?):(\d+):\d+: error:", line):
            yield f"{match[1]}:{match[2]}: files are formatted by clang-format; run ./dev format"
    if cleave := formatter(build):
        done = subprocess.run([cleave, "fmt", "--check", *programs()], cwd=ROOT, capture_output=True, text=True)
        for name in done.stdout.splitlines():
            yield f"{name}:1: programs are formatted by cleave fmt; run ./dev format"
        yield from re.findall(r"^\S.*error.*$", done.stderr, re.M)


def format_all(build):
    status = subprocess.run([CLANG_FORMAT, "-i", *files(*CPP)], cwd=ROOT).returncode
    if cleave := formatter(build):
        status |= subprocess.run([cleave, "fmt", *programs()], cwd=ROOT).returncode
    return status


# --- names --------------------------------------------------------------------------------------------


def check_naming():
    for name in files(*CPP):
        stem, suffix = os.path.splitext(os.path.basename(name))
        is_tool_main = name.startswith("tools/") and stem == os.path.basename(os.path.dirname(name))
        c_name = name.startswith(("cmake/", "runtime/abi/")) or suffix == ".c"
        if not (re.fullmatch(r"[A-Z][A-Za-z0-9]*", stem) or is_tool_main or c_name):
            yield f"{name}:1: a C++ file is named like its main class, in CamelCase; found '{stem}'"
        if not re.fullmatch(r"[a-z0-9_/-]*", os.path.dirname(name)):
            yield f"{name}:1: folders are in lower case; found '{os.path.dirname(name)}'"
        if suffix in (".h", ".hpp") and not name.startswith("cmake/"):
            guard = re.search(r"#ifndef (\w+)", read(name))
            wanted = "CLEAVE_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
            if not guard or guard[1] != wanted:
                yield f"{name}:1: an include guard spells the path, {wanted}; found {guard[1] if guard else 'none'}"


# --- sizes --------------------------------------------------------------------------------------------


def blank_out(text):
    """C++ text with comments and literals blanked, so that only code's braces are left. Lines keep their number."""
    def blanks(match):
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blanks, text,
                  flags=re.S)


def cpp_functions(text):
    """(name, first line, last line) of every function; what lies inside a function belongs to it."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), blank_out(text), flags=re.M)
    stack, start = [], 0  # stack: function start or None for a container
    for match in re.finditer(r"[{};]", code):
        inside = any(entry is not None for entry in stack)
        if match[0] == "{":
            head = code[start:match.start()]
            container = re.match(r"\s*(?:template\s*<.*>\s*)?(?:inline\s+)?(namespace|class|struct|union|enum|extern)\b",
                                 head, re.S) and not re.search(r"\)\s*(const|override|noexcept|\s)*$", head)
            is_function = not inside and not container and "(" in head and not re.search(r"=\s*$", head)
            stack.append((start + len(head) - len(head.lstrip()), head) if is_function else None)
        elif match[0] == "}" and stack:
            entry = stack.pop()
            if entry is not None:
                name = re.search(r"([~\w:]+|operator\S+)\s*\(", entry[1])
                yield name[1] if name else "?", code.count("\n", 0, entry[0]) + 1, code.count("\n", 0, match.end()) + 1
        start = match.end()


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node.lineno, node.end_lineno


def check_sizes():
    lengths = []
    for name in files(*CPP, ".td", ".g4", ".py", ".dsl", ".sh"):
        text = read(name)
        lines = text.splitlines()
        if len(lines) >= FILE_LIMIT and EXEMPT not in "\n".join(lines[:5]):
            yield f"{name}:1: a file has fewer than {FILE_LIMIT} lines; found {len(lines)}"
        found = cpp_functions(text) if name.endswith(CPP) else python_functions(text) if name.endswith(".py") else []
        for function, first, last in found:
            length = last - first + 1
            lengths.append(length)
            if length >= FUNCTION_LIMIT and EXEMPT not in "\n".join(lines[max(0, first - 2):last]):
                yield f"{name}:{first}: a function has fewer than {FUNCTION_LIMIT} lines; '{function}' has {length}"
    usual = sum(length < USUAL_FUNCTION for length in lengths)
    if lengths and usual < 0.9 * len(lengths):
        yield (f"nine in ten functions have fewer than {USUAL_FUNCTION} lines; found {usual} of {len(lengths)}")


# --- docs ---------------------------------------------------------------------------------------------


def check_docs():
    for folder in TOP_FOLDERS:
        if os.path.isdir(os.path.join(ROOT, folder)) and not os.path.exists(os.path.join(ROOT, folder, "README.md")):
            yield f"{folder}:1: a folder has a README.md with its decisions; found none"
    for name in files(".md"):
        in_block = False
        for number, line in enumerate(read(name).splitlines(), 1):
            if line.lstrip().startswith("```"):
                in_block = not in_block
            for target in [] if in_block else re.findall(r"\]\(([^)\s]+)\)", line):
                path = target.split("#")[0]
                base = os.path.dirname(name)
                if path and "://" not in path and not os.path.exists(os.path.join(ROOT, base, path)):
                    yield f"{name}:{number}: a link leads to a file of the repository; found no '{target}'"


# --- words --------------------------------------------------------------------------------------------

WORDS = [
    (r"\b(?:TODO|FIXME|XXX|HACK)\b", "open ends go to the issue tracker, not into the sources"),
    (r"(?<![\w.])/(?:home|root|work|Users)/", "no path of one machine stands in the repository"),
]


def check_words():
    for name in files(*CPP, ".td", ".g4", ".py", ".dsl", ".md", ".txt", ".cmake", ".sh", ".mlir", ".test", "dev"):
        if name == "tools/dev/check.py":
            continue
        for number, line in enumerate(read(name).splitlines(), 1):
            for word, rule in WORDS:
                if match := re.search(word, line):
                    yield f"{name}:{number}: {rule}; found '{match[0]}'"


# --- clang-tidy ---------------------------------------------------------------------------------------


def changed_files():
    """C++ sources that differ from the main branch, or, on the main branch itself, from the commit before."""
    base = os.environ.get("CLEAVE_BASE")
    if not base:
        head = git("rev-parse", "HEAD")
        for branch in ("origin/main", "main"):
            merge_base = git("merge-base", "HEAD", branch)
            if merge_base and merge_base != head:
                base = merge_base[0]
                break
    changed = git("diff", "--name-only", "--diff-filter=d", base or "HEAD~1", "--")
    return sorted(set(changed + git("ls-files", "--others", "--exclude-standard")) & set(files(".cpp")))


def check_tidy(build):
    # Examples are built against an installed Cleave: there is no compile command for them here.
    names = [name for name in changed_files() if not name.startswith("examples/")]
    if not names:
        return
    if not os.path.exists(os.path.join(build, "compile_commands.json")):
        yield "clang-tidy needs a configured build folder; run ./dev build first"
        return
    done = subprocess.run([CLANG_TIDY, "--quiet", "-p", build, *names], cwd=ROOT, capture_output=True, text=True)
    for line in sorted(set(re.findall(r"^\S+:\d+:\d+: (?:warning|error): .*$", done.stdout, re.M))):
        yield os.path.relpath(line, ROOT) if line.startswith("/") else line
    if done.returncode != 0 and not done.stdout.strip():
        yield f"clang-tidy failed: {done.stderr.strip()[-500:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--only", help="comma separated: format,naming,sizes,docs,words,tidy")
    parser.add_argument("--fast", action="store_true", help="without clang-tidy")
    parser.add_argument("--format", action="store_true", help="format every C++ file and program and stop")
    options = parser.parse_args()
    if options.format:
        return format_all(options.build)
    checks = {"format": lambda: check_format(options.build), "naming": check_naming, "sizes": check_sizes, "docs": check_docs,
              "words": check_words, "tidy": lambda: check_tidy(options.build)}
    if options.fast:
        del checks["tidy"]
    bad = 0
    for name in options.only.split(",") if options.only else checks:
        findings = list(checks[name]())
        print("\n".join(findings + [f"{name}: {len(findings) or 'no'} findings"]), flush=True)
        bad += len(findings)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
