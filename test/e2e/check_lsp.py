#!/usr/bin/env python3
"""The language server answers a scripted client, on good text, half-typed text and bad messages."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import ROOT, Suite, expect  # noqa: E402
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
    value = hover("attention(norm1")
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


# --- messages ---

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
