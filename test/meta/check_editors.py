#!/usr/bin/env python3
"""The editors' grammar and the fuzzer's dictionary know every word of the language."""
import glob
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import ROOT, Suite, expect  # noqa: E402

suite = Suite(__doc__)
EDITOR = os.path.join(ROOT, "tools", "editors", "vscode")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def words_of_the_grammar():
    """The quoted words of Cleave.g4, by what they are made of."""
    keywords, marks = set(), set()
    text = read(ROOT, "lang", "grammar", "Cleave.g4")
    for line in text[text.index("program :"):].splitlines():
        if re.match(r"(fragment )?(FLOAT|INTEGER|DIGITS|EXPONENT|IDENTIFIER|STRING|COMMENT|SPACE|OTHER)\b", line):
            continue
        for word in re.findall(r"'([^'\\]+)'", line.partition("//")[0]):
            (keywords if word[0].isalpha() else marks).add(word)
    return keywords, marks


KEYWORDS, MARKS = words_of_the_grammar()
GRAMMAR = json.loads(read(EDITOR, "syntaxes", "cleave.tmLanguage.json"))


def rules(patterns=None):
    """The grammar's rules with includes resolved, in order."""
    for pattern in patterns if patterns is not None else GRAMMAR["patterns"]:
        if "include" in pattern:
            yield from rules(GRAMMAR["repository"][pattern["include"][1:]]["patterns"])
        else:
            yield pattern


RULES = [(re.compile(rule.get("match") or rule["begin"]), rule) for rule in rules()]


def tokenize(line):
    """(text, scope) of a line, as an editor would: the earliest match wins, then the first rule."""
    at, out = 0, []
    while at < len(line):
        found = min(((m.start(), i, m, rule) for i, (pattern, rule) in enumerate(RULES) if (m := pattern.search(line, at))), default=None,
                    key=lambda f: f[:2])
        if not found:
            break
        _, _, match, rule = found
        if "begin" in rule:
            inner = re.compile(r"\\.|" + rule["end"])
            end = match.end()
            while (stop := inner.search(line, end)) and stop.group().startswith("\\"):
                end = stop.end()
            end = stop.end() if stop else len(line)
            out.append((line[match.start():end], rule["name"]))
            at = max(end, match.end())
            continue
        if "captures" in rule:
            out += [(match.group(int(n)), scope["name"]) for n, scope in rule["captures"].items() if match.group(int(n))]
        else:
            out.append((match.group(), rule["name"]))
        expect(match.end() > at or match.end() > match.start(), f"a rule takes something; found {rule}")
        at = match.end()
    return out


def scope_of(line, word, nth=0):
    return [scope for text, scope in tokenize(line) if text == word][nth]


@suite.test("the grammar has words to look for")
def _():
    expect({"axis", "layer", "scan", "over", "sum", "inf"} <= KEYWORDS and {"->", "...", "&&", "("} <= MARKS, f"found {KEYWORDS} {MARKS}")


@suite.test("every keyword is one in the editor's grammar")
def _():
    uses = {"as": "import nn as n", "in": "entry e(x: u8[A] from c in order)", "order": "from c in order {", "with": "update a with b",
            "from": "x: u8[A] from c", "over": "scan t over A {", "bound": "while k bound n", "at": "x[i] at v", "into": "= ids into y",
            "set": "set a = b", "state": "state a: f32", "data": "data a = b", "weights": "weights hf for a {",
            "for": "weights hf for a {", "under": 'for a under "b" {', "ignore": 'ignore "b"', "link": "link a(b: 1)",
            "mesh": "mesh a(b: 1)", "plan": "plan a for b {", "extends": "plan a extends b {", "on": "plan a on b {", "shard": "shard A over b",
            "layout": "layout a: [B]", "replicate": "replicate a over b", "store": "store params of a over b", "of": "store params of a over b",
            "accumulate": "accumulate 2 of A", "recompute": "recompute a", "save": "save a", "remainder": "remainder pad for A",
            "overlap": "overlap prefetch", "allow": "allow reshard <= 1", "no": "assert no all_reduce", "manual": "manual f(a: [A]) -> [A] = g",
            "partial": "[A] partial sum over b", "equivalent": "assert equivalent to a", "to": "assert equivalent to a"}
    for word in KEYWORDS:
        line = uses.get(word, f"{word}(x)" if word in ("sum", "max", "min", "mean", "prod", "argmax", "argmin") else f"{word} x")
        scope = scope_of(line, word)
        expect(scope.startswith(("keyword.", "constant.language")), f"{word} is a keyword; found {scope} in {line!r}")
    for mark in MARKS - {"(", ")", "[", "]", "{", "}", ",", ":", "."}:
        expect(scope_of(f"a {mark} b", mark) == "keyword.operator.cleave", f"{mark} is an operator")


@suite.test("words that are names elsewhere are names there")
def _():
    for line, word in [("softmax(a, over: Keys)", "over"), ("normal(mean: 0)", "mean"), ("let max = 3", "max"), ("x.data", "data"),
                       ("f(set, at)", "set"), ("f(set, at)", "at"), ("x * weights[e]", "weights"), ("f(weights, for)", "for"),
                       ("let y = plan * mesh[b]", "mesh"), ("f(store, of: on)", "of")]:
        scope = scope_of(line, word)
        expect(not scope.startswith("keyword"), f"{word} in {line!r} is a name; found {scope}")


@suite.test("declarations, types, comments, strings and numbers")
def _():
    for line, word, scope in [
            ("function f(x: f32[A]) -> f32[A] { // c", "f", "entity.name.function.cleave"),
            ("function f(x: f32[A]) -> f32[A] { // c", "f32", "storage.type.cleave"),
            ("function f(x: f32[A]) -> f32[A] { // c", "A", "entity.name.type.cleave"),
            ("function f(x: f32[A]) -> f32[A] { // c", "// c", "comment.line.double-slash.cleave"),
            ("/// Twice.", "/// Twice.", "comment.line.documentation.cleave"),
            ("layer Block(x: f32) -> f32 {", "Block", "entity.name.class.cleave"),
            ("layer up = nn.Linear[A, B]", "up", "variable.other.object.cleave"),
            ("axis Batch = 16, Seq = 128", "Batch", "entity.name.type.axis.cleave"),
            ("hyper lr: f64 = 2e-3, steps: i64 = 8_00", "2e-3", "constant.numeric.float.cleave"),
            ("hyper lr: f64 = 2e-3, steps: i64 = 8_00", "8_00", "constant.numeric.integer.cleave"),
            ("let y[b, e] = sum(i) x[b, i] * exp(w)", "sum", "keyword.operator.reduction.cleave"),
            ("let y[b, e] = sum(i) x[b, i] * exp(w)", "exp", "support.function.cleave"),
            ("let y[b, e] = sum(i) x[b, i] * exp(w)", "y", "variable.other.definition.cleave"),
            (r'print("a \" // b", x)', r'"a \" // b"', "string.quoted.double.cleave"),
            ("update gpt with optim.AdamW(g, lr: rate)", "lr", "variable.parameter.cleave"),
            ("let a = nn.gelu(x)", "gelu", "entity.name.function.call.cleave"),
            ("plan fast for gpt on mesh(dp: 2) {", "fast", "entity.name.section.cleave"),
            ("plan fast for gpt on mesh(dp: 2) {", "mesh", "keyword.other.cleave"),
            ("  layout gpt.w: [Embed/tp, Hidden?]", "Hidden", "entity.name.type.cleave"),
            ("return where(m, 1.5, -inf)", "inf", "constant.language.cleave")]:
        expect(scope_of(line, word) == scope, f"{word} in {line!r} is {scope}; found {scope_of(line, word)}")


@suite.test("every word of the examples and the library has a scope")
def _():
    for path in glob.glob(os.path.join(ROOT, "examples", "*", "*.dsl")) + glob.glob(os.path.join(ROOT, "stdlib", "*", "*.dsl")):
        for number, line in enumerate(read(path).splitlines(), 1):
            tokens = tokenize(line)
            kept = re.sub(r"\s", "", "".join(text for text, _ in tokens))
            expect(kept == re.sub(r"\s", "", line), f"{path}:{number}: every character has a scope; found {tokens}")


@suite.test("the extension's files name each other")
def _():
    package = json.loads(read(EDITOR, "package.json"))
    contributes = package["contributes"]
    for path in [contributes["languages"][0]["configuration"], contributes["grammars"][0]["path"]]:
        json.loads(read(EDITOR, path))
    expect(contributes["grammars"][0]["scopeName"] == GRAMMAR["scopeName"], "one scope name")
    version = re.search(r'#define CLEAVE_VERSION "(.+)"', read(ROOT, "runtime", "abi", "cleave.h"))[1]
    expect(package["version"] == version, f"the version is {version}; found {package['version']}")


@suite.test("the fuzzer's dictionary has every word")
def _():
    dictionary = set(re.findall(r'^"(.*)"$', read(ROOT, "test", "fuzz", "Program.dict"), re.MULTILINE))
    missing = (KEYWORDS | MARKS) - dictionary
    expect(not missing, f"test/fuzz/Program.dict has all words of the grammar; found none of {sorted(missing)}")


suite.main()
