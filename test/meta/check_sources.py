"""Rules that tie sources, documentation and tests together."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Suite, expect

suite = Suite(__doc__)


def read_all(folders, suffixes):
    """path -> text of every file under the folders."""
    texts = {}
    for top in folders:
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in names:
                if name.endswith(suffixes):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8", errors="replace") as file:
                        texts[os.path.relpath(path, ROOT)] = file.read()
    return texts


SOURCES = read_all(["lang", "dialects", "compiler", "runtime", "tools"], (".cpp", ".h"))
TESTS = read_all(["test/lit", "test/unit", "test/e2e"], (".mlir", ".dsl", ".test", ".cpp", ".py", ".json"))
REFERENCE = read_all(["lang"], ("REFERENCE.md",))

codes = {}
for path, text in SOURCES.items():
    code_only = re.sub(r"^\s*//.*$", "", text, flags=re.M)
    for code in re.findall(r'"(E\d{3})"', code_only):
        codes.setdefault(code, path)
test_text = "\n".join([*TESTS.values(), *REFERENCE.values()])


def code_is_tested(code, path):
    expect(re.search(rf"\b{code}\b", test_text), f"a diagnostic has a test that names its code; found none of {code} ({path})")


for code, path in sorted(codes.items()):
    suite.test(f"diagnostic {code} has a test")(lambda code=code, path=path: code_is_tested(code, path))


def documented_pass(path, text, flag):
    stem = os.path.splitext(os.path.basename(path))[0]
    if not flag.startswith(("print-", "test-")):
        kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", stem).lower()
        expect(kebab == flag, f"a pass's file is named like its flag; found --{flag} in {path}")
        header = re.match(r"(?://[^\n]*\n)*", text)[0]
        for part in (f"--{flag}:", "->", "Before", "After"):
            expect(part in header, f"{path} begins with its pass's documentation: summary, example, what holds before and "
                                   f"after, why it stands where it does; found no '{part}'")
    expect(any(f"-{flag}" in test for test in TESTS.values()), f"a pass has a test that runs it; found none of --{flag}")


for path, text in sorted(SOURCES.items()):
    for flag in re.findall(r'getArgument\(\) const (?:override|final) \{ return "([\w-]+)"', text):
        suite.test(f"pass --{flag}")(lambda path=path, text=text, flag=flag: documented_pass(path, text, flag))


@suite.test("names, docs and words")
def _():
    done = subprocess.run([sys.executable, "tools/dev/check.py", "--only", "naming,docs,words"], cwd=ROOT,
                          capture_output=True, text=True)
    expect(done.returncode == 0, done.stdout + done.stderr)


suite.main()
