"""A client of cleave-lsp for tests: sends what it is told, byte by byte if need be, and reads the replies."""
import json
import os
import select
import subprocess
import time
from urllib.parse import quote

LIMIT_SECONDS = 60


class Client:
    def __init__(self, binary, initialize=True, stdlib=None):
        command = [binary] + (["--stdlib", stdlib] if stdlib else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.buffer = b""
        self.next_id = 0
        self.notifications = []
        self.replies = {}
        self.texts = {}
        if initialize:
            self.capabilities = self.request("initialize", {"capabilities": {}})["result"]["capabilities"]
            self.notify("initialized", {})

    # --- raw ---
    def send_bytes(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    @staticmethod
    def frame(message):
        text = (message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)).encode()
        return b"Content-Length: %d\r\n\r\n" % len(text) + text

    def receive(self):
        """The next message; fails when none comes."""
        end = time.monotonic() + LIMIT_SECONDS
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if found:
                length = int(head.split(b":")[1])
                if len(rest) >= length:
                    self.buffer = rest[length:]
                    return json.loads(rest[:length])
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
            if not data:
                raise RuntimeError(f"the server answers; found status {self.process.poll()} and {self.errors()!r}")
            self.buffer += data

    def errors(self):
        self.process.kill()
        return self.process.stderr.read().decode(errors="replace")[-3000:]

    # --- requests ---
    def start(self, method, params):
        self.next_id += 1
        self.send_bytes(self.frame({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params}))
        return self.next_id

    def wait(self, number):
        while number not in self.replies:
            message = self.receive()
            if "method" in message:
                self.notifications.append(message)
            else:
                self.replies[message["id"]] = message
        return self.replies.pop(number)

    def request(self, method, params):
        return self.wait(self.start(method, params))

    def ask(self, method, uri, position=None, **more):
        """The result of a request about a document; an error is an exception."""
        params = {"textDocument": {"uri": uri}, **more}
        if position is not None:
            params["position"] = position
        reply = self.request("textDocument/" + method, params)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]

    def notify(self, method, params):
        self.send_bytes(self.frame({"jsonrpc": "2.0", "method": method, "params": params}))

    # --- documents ---
    def open(self, path, text=None, version=1):
        if text is None:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        uri = uri_of(path)
        self.texts[uri] = text
        self.notify("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "cleave", "version": version, "text": text}})
        return uri

    def change(self, uri, text, version=2):
        self.texts[uri] = text
        self.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]})

    def diagnostics(self, uri, version=None):
        """What was published last for a document (of this version)."""
        while True:
            for message in reversed(self.notifications):
                params = message.get("params", {})
                if message["method"] == "textDocument/publishDiagnostics" and params["uri"] == uri:
                    if version is None or params.get("version") == version:
                        return params["diagnostics"]
            self.notifications.append(self.receive())

    def at(self, uri, needle, nth=0, offset=0):
        """The position of the nth `needle` in a document, plus an offset in characters."""
        text = self.texts[uri]
        index = -1
        for _ in range(nth + 1):
            index = text.index(needle, index + 1)
        return position_of(text, index + offset)

    def close(self):
        """Ends the session; the server's exit status."""
        self.request("shutdown", None)
        self.notify("exit", None)
        status = self.process.wait(LIMIT_SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        return status


def uri_of(path):
    return "file://" + quote(path)


def position_of(text, index):
    line = text.count("\n", 0, index)
    begin = text.rfind("\n", 0, index) + 1
    return {"line": line, "character": len(text[begin:index].encode("utf-16-le")) // 2}


def index_of(text, position):
    lines = text.split("\n")
    before = sum(len(line) + 1 for line in lines[:position["line"]])
    units = lines[position["line"]].encode("utf-16-le")[:2 * position["character"]]
    return before + len(units.decode("utf-16-le"))


def text_at(text, where):
    return text[index_of(text, where["start"]):index_of(text, where["end"])]


def apply(text, edits):
    for edit in sorted(edits, key=lambda e: (e["range"]["start"]["line"], e["range"]["start"]["character"]), reverse=True):
        begin, end = index_of(text, edit["range"]["start"]), index_of(text, edit["range"]["end"])
        text = text[:begin] + edit["newText"] + text[end:]
    return text
