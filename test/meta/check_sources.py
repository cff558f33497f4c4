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
TESTS = read_all(["test/lit", "test/unit", "test/conformance", "test/e2e"], (".mlir", ".dsl", ".test", ".cpp", ".py", ".json"))
REFERENCE = read_all(["lang"], ("REFERENCE.md",))

codes = {}
for path, text in SOURCES.items():
    code_only = re.sub(r"(^|\s)//.*$", "", text, flags=re.M)
    for code in re.findall(r'"(E\d{3})"', code_only):
        if code != "E999":  # a fault of the compiler itself: no program is known that shows it
            codes.setdefault(code, path)
test_text = "\n".join([*TESTS.values(), *REFERENCE.values()])


def code_is_tested(code, path):
    expect(re.search(rf"\b{code}\b", test_text), f"a diagnostic has a test that names its code; found none of {code} ({path})")


for code, path in sorted(codes.items()):
    suite.test(f"diagnostic {code} has a test")(lambda code=code, path=path: code_is_tested(code, path))


def documented(flag, path, text):
    for part in ("->", "before", "after"):
        expect(part in text.lower(), f"a pass documents what it does, an example before and after, what must hold, why it "
                                     f"stands where it does; found no '{part}' for --{flag} in {path}")
    ran = re.compile(rf"[-,(\"']{re.escape(flag)}\b")
    named = any(os.path.splitext(os.path.basename(test))[0] == flag.replace("cleave-", "") for test in TESTS)
    expect(named or any(map(ran.search, TESTS.values())), f"a pass has a test that runs it; found none of --{flag}")


def passes():
    """(flag, path, documentation) of each pass, from its class or from its definition in Passes.td."""
    for path, text in sorted(SOURCES.items()):
        header = re.match(r"(?://[^\n]*\n)*", text)[0]
        for flag in re.findall(r'getArgument\(\) const (?:override|final) \{ return "([\w-]+)"', text):
            if not flag.startswith(("print-", "test-")):
                yield flag, path, header
    for path, text in read_all(["dialects", "compiler"], ("Passes.td",)).items():
        for name, flag, body in re.findall(r'^def (\w+) : Pass<"([\w-]+)"(.*?)^}', text, re.M | re.S):
            yield flag, os.path.join(os.path.dirname(path), name + ".cpp"), body + "->"


for flag, path, documentation in passes():
    @suite.test(f"pass --{flag}")
    def _(flag=flag, path=path, documentation=documentation):
        documented(flag, path, documentation)
        stems = os.listdir(os.path.dirname(os.path.join(ROOT, path)))
        wanted = flag.replace("cleave-", "").replace("-", "") + ".cpp"
        first = re.match(r"// (?:--)?([\w-]+):", SOURCES.get(path, ""))
        expect(wanted in [stem.lower() for stem in stems] or first and first[1] == flag,
               f"a pass's file is named like its flag; found --{flag} in {path}")


@suite.test("names, docs and words")
def _():
    done = subprocess.run([sys.executable, "tools/dev/check.py", "--only", "naming,docs,words"], cwd=ROOT,
                          capture_output=True, text=True)
    expect(done.returncode == 0, done.stdout + done.stderr)


suite.main()
