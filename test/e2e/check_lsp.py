#!/usr/bin/env python3
"""The language server answers a scripted client, on good text, half-typed text and bad messages."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import ROOT, Skip, Suite, expect  # noqa: E402
from lsp_client import Client, apply, position_of, text_at, uri_of  # noqa: E402

suite = Suite(__doc__)
LSP = os.path.join(suite.options.build, "bin", "cleave-lsp")
GPT = os.path.join(ROOT, "examples", "04_gpt", "gpt.dsl")
ADAM = os.path.join(ROOT, "stdlib", "optim", "adam.dsl")

SMALL = """axis Batch = 4, Wide = 8

/// Twice as much.
function twice(x: f32[Batch, Wide]) -> f32[Batch, Wide] {
  let y = x + x
  return y
}

entry go(a: f32[Batch, Wide]) -> (b: f32[Batch, Wide]) { return twice(a) }
"""


def session(test):
    """A test with a server of its own, which must end well."""
    def run():
        client = Client(LSP)
        test(client)
        status = client.close()
        expect(status == 0, f"the server ends with status 0; found {status}")
    return run


def equal(found, wanted, what):
    expect(found == wanted, f"{what} is {wanted!r}; found {found!r}")


# --- diagnostics ---

@suite.test("a program without errors has no diagnostics")
@session
def _(client):
    uri = client.open(GPT)
    equal(client.diagnostics(uri), [], "the list")


@suite.test("diagnostics have code, range, notes and hint")
@session
def _(client):
    text = SMALL.replace("return twice(a)", "return twise(a)")
    uri = client.open(suite.path("a.dsl"), text)
    (found,) = client.diagnostics(uri)
    equal(found["code"], "E101", "the code")
    equal(found["severity"], 1, "the severity")
    equal(text_at(text, found["range"]), "twise", "the range")
    equal(found["data"]["hint"], "did you mean 'twice'?", "the hint")
    client.change(uri, SMALL)
    equal(client.diagnostics(uri, 2), [], "the list once it is mended")
    client.change(uri, SMALL + "axis Batch = 5\n", 3)
    (found,) = client.diagnostics(uri, 3)
    equal(found["code"], "E102", "the code")
    (note,) = found["relatedInformation"]
    equal(note["location"]["uri"], uri, "the note's file")
    equal(text_at(SMALL, note["location"]["range"]), "Batch", "the note's range")


@suite.test("columns count units of UTF-16")
@session
def _(client):
    text = 'axis A = 2\nentry go(a: f32[A]) -> (b: f32[A]) {\n  print("λ𝛼é", a) print("𝛼", c)\n  return a\n}\n'
    uri = client.open(suite.path("u.dsl"), text)
    (found,) = client.diagnostics(uri)
    equal(text_at(text, found["range"]), "c", "the range")
    equal(found["range"]["start"], position_of(text, text.index("c)")), "the start")
    hover = client.ask("hover", uri, client.at(uri, "a) print"))
    expect("f32[A]" in hover["contents"]["value"], f"a type behind wide characters; found {hover}")


@suite.test("an incremental change is applied where it says")
@session
def _(client):
    uri = client.open(suite.path("i.dsl"), SMALL)
    begin = client.at(uri, "y = x")
    end = {"line": begin["line"], "character": begin["character"] + 1}
    client.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": 7}, "contentChanges": [
        {"range": {"start": begin, "end": end}, "text": "zz"},
        {"range": {"start": client.at(uri, "return y", offset=7), "end": client.at(uri, "return y", offset=8)}, "text": "zz"}]})
    equal(client.diagnostics(uri, 7), [], "the list")


@suite.test("an error in an imported file is shown there, and goes when its editor mends it")
@session
def _(client):
    part, main = suite.path("part.dsl"), suite.path("main.dsl")
    with open(part, "w", encoding="utf-8") as file:
        file.write("function half(x: f32) -> f32 { return x / }\n")
    uri = client.open(main, "import part\nentry go(x: f32) -> (y: f32) { return part.half(x) }\n")
    (found,) = client.diagnostics(uri_of(part))
    equal(found["code"], "E001", "the code")
    other = client.open(part, "function half(x: f32) -> f32 { return x / 2 }\n", 5)
    equal(client.diagnostics(other, 5), [], "the list of the part")
    client.change(other, "function halve(x: f32) -> f32 { return x / 2 }\n", 6)
    equal(client.diagnostics(other, 6), [], "the list of the part")
    expect("unknown name 'half'" in client.diagnostics(uri)[0]["message"], "the main file misses the name")


@suite.test("files that import each other are told so")
@session
def _(client):
    for name, other in [("yin", "yang"), ("yang", "yin")]:
        with open(suite.path(name + ".dsl"), "w", encoding="utf-8") as file:
            file.write(f"import {other}\nfunction {name}_f(x: f32) -> f32 {{ return x }}\n")
    uri = client.open(suite.path("yin.dsl"))
    client.diagnostics(uri)
    client.ask("documentSymbol", uri)  # everything was published by then
    found = [d["code"] for n in client.notifications for d in n["params"].get("diagnostics", [])]
    expect("E104" in found, f"a circle is reported; found {found}")
    expect("yin_f" in client.ask("hover", uri, client.at(uri, "yin_f"))["contents"]["value"], "hover goes on")


@suite.test("a file of the standard library is checked with its neighbours")
@session
def _(client):
    equal(client.diagnostics(client.open(os.path.join(ROOT, "stdlib", "nn", "attention.dsl"))), [], "the list")


# --- hover ---

@suite.test("hover shows types, sizes and documentation")
@session
def _(client):
    uri = client.open(GPT)

    def hover(needle, nth=0, offset=0):
        return client.ask("hover", uri, client.at(uri, needle, nth, offset))["contents"]["value"]

    value = hover("let h = x", offset=4)
    expect("let h: f32[Batch, Seq, Embed]" in value and "Batch = 16, Seq = 128, Embed = 192" in value, value)
    value = hover("clip_by_global_norm")
    expect("function clip_by_global_norm" in value and "Formula" in value, value)
    value = hover("Head = Embed")
    expect("axis Head = Embed / Heads" in value and "Head = 32" in value, value)
    value = hover("beta2")
    expect("beta2: f64" in value and "AdamW" in value, value)
    value = hover("attention(")
    expect("layer attention = nn.CausalAttention[Heads, Head]" in value and "Multi-head attention" in value, value)
    value = hover("gpt, lr: rate") if "gpt, lr: rate" in client.texts[uri] else hover("layer gpt", offset=6)
    expect("layer gpt = Gpt" in value and "numbers" in value, value)
    equal(client.ask("hover", uri, {"line": 0, "character": 0}), None, "hover in a comment")


@suite.test("hover goes on in text that does not parse")
@session
def _(client):
    text = SMALL.replace("  return y\n", "  let z = nn.\n  return y\n")
    uri = client.open(suite.path("h.dsl"), text)
    value = client.ask("hover", uri, client.at(uri, "y\n", 0))["contents"]["value"]
    expect("f32[Batch, Wide]" in value, value)


# --- navigation ---

@suite.test("definition goes to axes, values, functions, parameters, and into the library")
@session
def _(client):
    uri = client.open(GPT)

    def definition(needle, nth=0, offset=0):
        found = client.ask("definition", uri, client.at(uri, needle, nth, offset))
        path = found["uri"][len("file://"):]
        with open(path, encoding="utf-8") as file:
            return path, text_at(file.read(), found["range"]), found["range"]["start"]

    def here(needle, offset=0):
        return client.at(uri, needle, offset=offset)

    equal(definition("Embed]) ->"), (GPT, "Embed", here("Embed = 192")), "an axis")
    equal(definition("h + f32(", offset=0), (GPT, "h", here("let h", 4)), "a value")
    equal(definition("lr, steps, warm"), (GPT, "lr", here("hyper lr", 6)), "a hyper-parameter")
    equal(definition("= Block", offset=2)[2], here("layer Block", 6), "a layer")
    equal(definition("position[s, e]")[2], here("param position", 6), "a trained parameter")
    equal(definition("[s, e]", offset=1)[2], here("let x[b, s, e]", 9), "an index variable")
    equal(definition("corpus) -> (loss")[2], here("data corpus", 5), "a data source")
    equal(definition("gpt(tokens)")[2], here("layer gpt = Gpt", 6), "a layer of the file")
    path, name, _ = definition("AdamW(g")
    equal((path, name), (ADAM, "AdamW"), "a layer of the library")
    path, name, _ = definition("beta2: 0.99")
    equal((path, name), (ADAM, "beta2"), "a named argument")
    equal(definition("nn.LayerNorm")[0], os.path.join(ROOT, "stdlib", "nn", "activation.dsl"), "a module's first file")
    equal(client.ask("definition", uri, client.at(uri, "uniform()")), None, "the definition of a built-in")


@suite.test("references, highlights and symbols")
@session
def _(client):
    uri = client.open(suite.path("r.dsl"), SMALL)
    where = client.at(uri, "x + x")
    equal([text_at(SMALL, r["range"]) for r in client.ask("references", uri, where, context={"includeDeclaration": True})],
          ["x", "x", "x"], "the uses")
    equal(len(client.ask("references", uri, where, context={"includeDeclaration": False})), 2, "the number of uses alone")
    equal(len(client.ask("documentHighlight", uri, where)), 3, "the number of highlights")
    symbols = client.ask("documentSymbol", uri)
    equal([s["name"] for s in symbols], ["Batch", "Wide", "twice", "go"], "the symbols")
    for s in symbols:
        expect(text_at(SMALL, s["selectionRange"]) == s["name"], f"a symbol's name is selected; found {s}")
        expect(text_at(SMALL, s["selectionRange"]) in text_at(SMALL, s["range"]), f"... within its range; found {s}")
    gpt = client.open(GPT)
    layer = next(s for s in client.ask("documentSymbol", gpt) if s["name"] == "Gpt")
    names = [s["name"] for s in layer["children"]]
    expect(names[:5] == ["embedding", "position", "blocks", "norm", "head"], f"a layer's parts; found {names}")


# --- rename ---

def renamed(client, uri, position, name):
    """The texts of all files after a rename, by URI."""
    changes = client.ask("rename", uri, position, newName=name)["changes"]
    return {file: apply(client.texts[file], edits) for file, edits in changes.items()}


@suite.test("every name of the GPT can be renamed, and the program means the same")
@session
def _(client):
    uri = client.open(GPT)
    text = client.texts[uri]
    stages = suite.cleave("ir", GPT, "--stage", "ast").stdout
    places = {"Embed": "Embed = 192", "Heads": "Heads = 6", "lr": "lr: f64", "corpus": "corpus = ", "Block": "Block(x", "attention": "attention = ",
              "h": "h = x + ", "Gpt": "Gpt(tokens", "position": "position: ", "gpt": "gpt = Gpt", "tokens": "tokens[b, s: Seq]",
              "target": "target[b", "loss": "loss = ", "sample": "sample with", "context": "context, drawn", "drawn": "drawn[t",
              "seen": "seen = i32", "byte": "byte[b]", "noisy": "noisy[b", "v": "v) noisy", "t": "t over Length"}
    for name, needle in places.items():
        position = client.at(uri, needle)
        after = renamed(client, uri, position, name + "_new")[uri]
        expect(after != text and (name + "_new") in after, f"{name} is renamed")
        path = suite.path("renamed.dsl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(after)
        found = suite.cleave("ir", path, "--stage", "ast").stdout.replace(name + "_new", name)
        expect(found.split("\n")[1:] == stages.split("\n")[1:], f"the program means the same after renaming {name}")


@suite.test("a rename reaches every file of the program, open or not")
@session
def _(client):
    part, main = suite.path("shapes.dsl"), suite.path("uses.dsl")
    with open(part, "w", encoding="utf-8") as file:
        file.write("axis Wide = 4\nfunction double(x: f32[Wide]) -> f32[Wide] { return x + x }\n")
    uri = client.open(main, "import shapes\nentry go(x: f32[shapes.Wide]) -> (y: f32[shapes.Wide]) { return shapes.double(x: x) }\n")
    with open(part, encoding="utf-8") as file:
        client.texts[uri_of(part)] = file.read()
    after = renamed(client, uri, client.at(uri, "Wide"), "Broad")
    expect(set(after) == {uri, uri_of(part)}, f"both files; found {set(after)}")
    expect(all("Wide" not in text and text.count("Broad") >= 2 for text in after.values()), f"all uses; found {after}")
    after = renamed(client, uri, client.at(uri, "double(x: x)", offset=7), "value")
    expect("double(value: x)" in after[uri] and "return value + value" in after[uri_of(part)], f"a parameter; found {after}")
    other = client.open(part)
    after = renamed(client, other, client.at(other, "double"), "twice")
    expect("shapes.twice(x: x)" in after[uri], f"from the module too; found {after}")


@suite.test("a rename that clashes or reaches the library is refused with a reason")
@session
def _(client):
    uri = client.open(suite.path("c.dsl"), SMALL)

    def refused(needle, name, nth=0, offset=0, at=uri):
        reply = client.request("textDocument/rename", {"textDocument": {"uri": at}, "position": client.at(at, needle, nth, offset), "newName": name})
        expect("error" in reply, f"{needle} -> {name} is refused; found {reply}")
        return reply["error"]["message"]

    for bad in ["", "a b", "let", "1a", "a.b", "λ", "axis", "b,c", "//"]:
        expect("a name is a letter" in refused("y = x", bad), f"{bad!r} is no name")
    expect("Wide" in refused("Batch", "Wide"), "an axis of that name")
    expect("bound once" in refused("y = x", "x"), "a value of a parameter's name")
    gpt = client.open(GPT)
    expect("standard library" in refused("AdamW(g", "Adam3", at=gpt), "the library")
    expect("built-in" in refused("uniform", "random", at=gpt), "a built-in")
    expect("named after its file" in refused("nn.gelu", "net", at=gpt), "a module")
    expect("found none" in refused("// 04", "x", at=gpt), "no name")
    broken = client.open(suite.path("d.dsl"), SMALL + "let")
    expect("syntax errors" in refused("Batch", "B", at=broken), "a program that does not parse")
    prepared = client.ask("prepareRename", uri, client.at(uri, "twice"))
    equal(prepared["placeholder"], "twice", "the placeholder")


@suite.test("a rename that would capture a name of another scope is refused")
@session
def _(client):
    text = ("axis A = 2\nhyper k: f32 = 2\nfunction sqr(x: f32) -> f32 { return x * x }\n"
            "entry go(x: f32[A]) -> (y: f32[A]) {\n  let z = sqrt(k)\n  let w[i] = sqr(x[i]) + z + k\n  return w\n}\n")
    uri = client.open(suite.path("e.dsl"), text)
    for needle, offset, name in [("z = ", 0, "k"), ("sqr(x: f32)", 0, "sqrt"), ("k: f32", 0, "z"), ("[i]", 1, "z")]:
        reply = client.request("textDocument/rename", {"textDocument": {"uri": uri}, "position": client.at(uri, needle, offset=offset), "newName": name})
        expect("would mean" in reply.get("error", {}).get("message", ""), f"{needle} -> {name} is refused; found {reply}")
    after = renamed(client, uri, client.at(uri, "[i]", offset=1), "k2")
    expect("w[k2] = sqr(x[k2])" in after[uri], f"its accepted twin; found {after}")


# --- completion ---

def labels(client, uri, position):
    return [item["label"] for item in client.ask("completion", uri, position)["items"]]


@suite.test("completion offers what fits")
@session
def _(client):
    uri = client.open(GPT)
    text = client.texts[uri]

    def typed(before, words):
        """What is offered behind `words`, typed into a line of their own before `before`."""
        index = text.index(before)
        client.change(uri, text[:index] + words + "\n  " + text[index:], version=client.next_id + 10)
        return labels(client, uri, position_of(client.texts[uri], index + len(words)))

    inside = "return h + f32"
    found = typed(inside, "let a = nn.")
    expect("gelu" in found and "LayerNorm" in found and "h" not in found, f"a module's names; found {found}")
    found = typed(inside, "let a = nn.La")
    equal(found, ["LayerNorm"], "names that begin so")
    found = typed(inside, "let a: f32[")
    expect("Embed" in found and "h" not in found and "gpt" not in found and "f32" not in found, f"axes in a type; found {found}")
    found = typed(inside, "let a = ")
    expect("h" in found and "x" in found and "norm1" in found and "sum" in found and "tokens" not in found, f"values; found {found}")
    expect(found.index("h") < found.index("nn"), "what is nearest comes first")
    found = typed(inside, "let a: ")
    expect("f32" in found and "h" not in found, f"types; found {found}")
    found = typed(inside, "")
    expect("let" in found and "return" in found, f"statements; found {found}")
    found = typed(inside, "layer more = ")
    expect("Gpt" in found and "nn" in found and "h" not in found, f"layers; found {found}")
    found = typed(inside, "let a = sum(e: ")
    expect("Embed" in found and "h" not in found, f"axes of an index variable; found {found}")
    found = typed("update gpt", "let a = optim.cosine(step, ")
    expect("warm_up:" in found and "least:" in found and "tokens" in found, f"names of arguments; found {found}")
    found = typed("update gpt", "let a = optim.cosine(step, warm_up: ")
    expect("warm_up:" not in found and "lr" in found, f"... that are not there yet; found {found}")
    found = typed("update gpt", "let a = gpt.")
    expect("position" in found and "embedding" in found, f"a layer's parameters; found {found}")
    found = typed("hyper lr", "import ")
    expect("nn" in found and "optim" in found, f"modules; found {found}")
    equal(typed(inside, "let a = 1 // nn."), [], "what is offered in a comment")
    equal(typed(inside, 'print("'), [], "what is offered in a string")


@suite.test("completion offers what fits in a plan")
@session
def _(client):
    text = """axis A = 4, B = 2
layer L(x: f32[A]) -> f32[A] {
  param w: f32[A] = 1
  let h = x * w
  return h
}
layer l = L
entry run(x: f32[A]) -> (y: f32[A]) { return l(x) }
mesh pod(dp: 2, tp: 2)
plan first on pod { shard A over dp }
plan p extends first {
  shard B over tp
}
"""
    uri = client.open(suite.path("plan.dsl"), text)

    def typed(words):
        index = text.index("  shard B")
        client.change(uri, text[:index] + "  " + words + "\n" + text[index:], version=client.next_id + 10)
        return labels(client, uri, position_of(client.texts[uri], index + 2 + len(words)))

    found = typed("")
    expect("shard" in found and "store" in found and "let" not in found, f"tactics; found {found}")
    found = typed("shard ")
    expect("A" in found and "B" in found and "dp" not in found and "l" not in found, f"axes; found {found}")
    equal(sorted(typed("shard A over ")), ["dp", "tp"], "mesh axes")
    equal(sorted(typed("layout l.w: [A/")), ["dp", "tp"], "mesh axes")
    expect("A" in typed("layout l.w: ["), "axes in a layout")
    found = typed("recompute ")
    expect("l" in found and "A" not in found and "dp" not in found, f"what selectors name; found {found}")
    equal(sorted(typed("recompute l.")), ["h", "w"], "what a layer binds")
    found = typed("assert equivalent to ")
    expect("first" in found and "A" not in found and "dp" not in found, f"plans; found {found}")
    plain, text = text, text.replace("plan p extends first", "plan p for l on pod")
    found = typed("recompute ")
    expect("h" in found and "w" in found and "l" in found, f"what selectors name below `for l`; found {found}")
    text = plain
    found = typed("store params of ")
    expect("l" in found and "A" not in found, f"what is stored; found {found}")
    index = text.index("plan p")
    client.change(uri, text[:index] + "plan q extends fi\n" + text[index:], version=client.next_id + 100)
    found = labels(client, uri, position_of(client.texts[uri], index + len("plan q extends fi")))
    equal(found, ["first"], "plans")
    client.change(uri, text, version=client.next_id + 200)
    hover = client.ask("hover", uri, client.at(uri, "dp }"))["contents"]["value"]
    expect("mesh axis dp" in hover and "2 ranks over memory" in hover, f"found {hover}")
    hover = client.ask("hover", uri, client.at(uri, "first {"))["contents"]["value"]
    expect("plan first on pod" in hover, f"found {hover}")


@suite.test("signature help follows the commas")
@session
def _(client):
    uri = client.open(GPT)
    help = client.ask("signatureHelp", uri, client.at(uri, "lr, steps, warm"))
    expect("function cosine" in help["signatures"][0]["label"] and help["activeParameter"] == 1, f"found {help}")


# --- edits ---

@suite.test("formatting is what cleave fmt does")
@session
def _(client):
    text = "axis A=2 // ü\nentry   go(x:f32[A])->(y:f32[A]){return x}\n"
    uri = client.open(suite.path("f.dsl"), text)
    after = apply(text, client.ask("formatting", uri, options={"tabSize": 2, "insertSpaces": True}))
    with open(suite.path("f.dsl"), "w", encoding="utf-8") as file:
        file.write(text)
    suite.cleave("fmt", suite.path("f.dsl"))
    with open(suite.path("f.dsl"), encoding="utf-8") as file:
        equal(after, file.read(), "the text")
    client.change(uri, after)
    equal(client.ask("formatting", uri), [], "edits of what is in style")
    client.change(uri, "axis", 3)
    equal(client.ask("formatting", uri), [], "edits of what does not parse")


@suite.test("a hint becomes an edit")
@session
def _(client):
    text = SMALL.replace("return twice(a)", "return twise(a)")
    uri = client.open(suite.path("q.dsl"), text)
    found = client.diagnostics(uri)
    (action,) = client.ask("codeAction", uri, range=found[0]["range"], context={"diagnostics": found})
    equal(apply(text, action["edit"]["changes"][uri]), SMALL, "the text")


# --- survival ---

@suite.test("any prefix of a program gets an answer to every request")
@session
def _(client):
    uri = client.open(GPT)
    whole = client.texts[uri]
    for length in range(0, len(whole), 61):
        client.change(uri, whole[:length], version=length + 2)
        position = position_of(whole, length)
        for method, more in [("hover", {}), ("completion", {}), ("definition", {}), ("references", {}), ("documentSymbol", {}),
                             ("signatureHelp", {}), ("formatting", {}), ("documentHighlight", {})]:
            client.ask(method, uri, position, **more)


@suite.test("answers take at most 50 ms of work for the GPT")
@session
def _(client):
    if suite.sanitizers:
        raise Skip("bounds are for programs without sanitizers")

    def seconds():
        """Processor time of the server: the machine is shared."""
        with open(f"/proc/{client.process.pid}/stat", encoding="utf-8") as file:
            return sum(map(int, file.read().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    uri = client.open(GPT)
    client.diagnostics(uri)
    turns = 20
    for method in ("hover", "completion", "rename"):
        begin = seconds()
        for turn in range(turns):
            client.change(uri, client.texts[uri] + "\n", version=client.next_id + 10)  # it is checked anew
            more = {"newName": f"h{turn}"} if method == "rename" else {}
            client.ask(method, uri, client.at(uri, "let h", offset=4), **more)
        each = (seconds() - begin) / turns
        expect(each < 0.05, f"{method} is answered within 50 ms; found {1000 * each:.0f} ms")


@suite.test("an alias of a module is renamed, its file's name stays")
@session
def _(client):
    uri = client.open(suite.path("n.dsl"), "import nn as n\nentry go(x: f32) -> (y: f32) { return n.gelu(x) }\n")
    equal(renamed(client, uri, client.at(uri, "n.gelu"), "net")[uri].split("\n")[0], "import nn as net", "the import")
    expect("net.gelu" in renamed(client, uri, client.at(uri, "n.gelu"), "net")[uri], "the use")


# --- messages ---

@suite.test("the server says what it can do")
@session
def _(client):
    for name in ("hover", "definition", "references", "rename", "completion", "documentSymbol", "documentFormatting", "codeAction"):
        expect(client.capabilities.get(name + "Provider"), f"{name} is offered; found {client.capabilities}")
    equal(client.capabilities["completionProvider"]["triggerCharacters"], [".", ":", "["], "the characters that trigger completion")


@suite.test("bad messages get errors and nothing is lost")
@session
def _(client):
    client.send_bytes(b"hello\r\n\r\nContent-Length: x\r\n\r\nContent-Length: 3\r\n\r\n{]}")
    equal(client.receive()["error"]["code"], -32700, "the code of no JSON")
    for bad in ["[]", "3", '{"id": 1}', '{"id": [1], "method": "a"}']:
        client.send_bytes(client.frame(bad))
        equal(client.receive()["error"]["code"], -32600, f"the code of {bad}")
    equal(client.request("textDocument/nothing", {})["error"]["code"], -32601, "the code of an unknown method")
    for params in [None, 3, [], {}, {"textDocument": 3}, {"textDocument": {"uri": "file:///x.dsl"}, "position": {"line": 0, "character": 0}}]:
        equal(client.request("textDocument/hover", params)["error"]["code"], -32602, f"the code of {params}")
    uri = client.open(suite.path("m.dsl"), SMALL)
    for position in [{"line": -1, "character": 0}, {"line": "0", "character": 0}, {"character": 1}, 7]:
        reply = client.request("textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
        equal(reply["error"]["code"], -32602, f"the code of {position}")
    far = client.ask("hover", uri, {"line": 10**9, "character": 10**9})
    equal(far, None, "hover behind the end")
    client.notify("textDocument/didChange", {"textDocument": {"uri": "file:///not/open.dsl"}, "contentChanges": [{}]})
    client.notify("textDocument/didOpen", 3)
    equal(client.diagnostics(uri), [], "the list afterwards")


@suite.test("what comes before initialize and after shutdown is refused")
def _():
    client = Client(LSP, initialize=False)
    equal(client.request("textDocument/hover", {})["error"]["code"], -32002, "the code before")
    client.request("initialize", {"capabilities": {}})
    equal(client.request("initialize", {})["error"]["code"], -32600, "the code of a second initialize")
    client.request("shutdown", None)
    equal(client.request("textDocument/hover", {})["error"]["code"], -32600, "the code behind")
    client.notify("exit", None)
    equal(client.process.wait(20), 0, "the status")


@suite.test("a client that goes away ends the server")
def _():
    client = Client(LSP)
    client.process.stdin.close()
    equal(client.process.wait(20), 1, "the status without shutdown")


@suite.test("a request that is cancelled while it waits is not worked on")
@session
def _(client):
    uri = client.open(GPT)
    where = {"textDocument": {"uri": uri}, "position": client.at(uri, "let h", offset=4)}
    hover = {"jsonrpc": "2.0", "method": "textDocument/hover", "params": where}
    client.send_bytes(b"".join(client.frame(m) for m in [
        {**hover, "id": "a"}, {**hover, "id": "b"}, {**hover, "id": "c"},
        {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "b"}},
        {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": 3}]))
    expect("result" in client.wait("a") and "result" in client.wait("c"), "the others are answered")
    equal(client.wait("b")["error"]["code"], -32800, "the code of the cancelled one")


suite.main()
