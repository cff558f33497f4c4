"""Everything a user can get wrong gets a diagnostic with a code and a place, the right exit status, and no crash.

Each wrong program has its accepted twin: the same text with the fault mended.
"""
import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Skip, Suite, expect

suite = Suite(__doc__)

# name -> (good text, text in it, what makes it wrong, words of the diagnostic)
HEAD = "axis Batch = 4, Seq = 4\n"
PROGRAMS = {
    "wrong axis": (HEAD + "function f(x: f32[Batch], y: f32[Batch]) -> f32[Batch] { return z[b] = x[b] + y[b] }",
                   "y: f32[Batch]", "y: f32[Seq]", ["Batch", "Seq"]),
    "wrong rank": (HEAD + "function f(x: f32[Batch, Seq]) -> f32[Batch] { return z[b] = x[b, 0] }", "x[b, 0]", "x[b]",
                   ["f32[Batch, Seq]"]),
    "unknown name": (HEAD + "function f(value: f32[Batch]) -> f32[Batch] { return exp(value) }", "exp(value)",
                     "exp(valeu)", ["valeu", "value"]),
    "duplicate axis in a type": (HEAD + "function f(x: f32[Batch, Seq]) -> f32[Batch, Seq] { return x }", "x: f32[Batch, Seq]",
                                 "x: f32[Batch, Batch]", ["Batch"]),
    "reduction over an axis that is not there": (
        HEAD + "function f(x: f32[Batch]) -> f32 { return sum(b) x[b] }", "sum(b) x[b]", "sum(s) x[b]", ["s"]),
    "unknown size": ("axis Batch = 4, Twice = 2 * Batch\nfunction f(x: f32[Twice]) -> f32[Twice] { return x }", "2 * Batch",
                     "2 * Bitch", ["Bitch", "Batch"]),
    "size zero": ("axis Batch = 4, Half = Batch / 2\nfunction f(x: f32[Half]) -> f32[Half] { return x }", "Batch / 2",
                  "Batch / 8", ["Half", "0"]),
    "negative size": ("axis Batch = 4, Rest = Batch - 1\nfunction f(x: f32[Rest]) -> f32[Rest] { return x }", "Batch - 1",
                      "Batch - 9", ["Rest", "-5"]),
    "overflow in a size": (
        "axis Big = 1000000, Huge = Big * Big\nfunction f(x: f32[Big]) -> f32 { return sum(i) x[i] }", "Big * Big",
        "Big * Big * Big * Big", ["Huge"]),
    "recursion": (HEAD + "function f(x: f32) -> f32 { return g(x) }\nfunction g(x: f32) -> f32 { return exp(x) }",
                  "return exp(x)", "return f(x)", ["f", "g"]),
    "mixed types": (HEAD + "function f(x: f32[Batch], y: f64[Batch]) -> f32[Batch] { return x + f32(y) }", "f32(y)", "y",
                    ["f32", "f64"]),
    "syntax": (HEAD + "function f(x: f32) -> f32 { return x }", "{ return", "{ retrun", ["retrun"]),
}


def text_file(text):
    path = suite.path("program.dsl")
    with open(path, "w") as file:
        file.write(text)
    return path


def rejected(done, words, status, place=None):
    expect(done.returncode == status, f"exit status {status}; found {done.returncode}\n{done.stderr[-2000:]}")
    expect("error[E" in done.stderr, f"a diagnostic has a code; found\n{done.stderr[-2000:]}")
    for word in words:
        expect(word in done.stderr, f"the diagnostic names '{word}'; found\n{done.stderr[-2000:]}")
    if place:
        expect(f"{place}:" in done.stderr, f"the diagnostic names its place in {place}; found\n{done.stderr[-2000:]}")


for name, (good, part, fault, words) in PROGRAMS.items():
    @suite.test(name)
    def _(good=good, part=part, fault=fault, words=words):
        expect(good.count(part) == 1, f"the fault has one place; found {good.count(part)}")
        suite.cleave("check", text_file(good))
        path = text_file(good.replace(part, fault))
        rejected(suite.cleave("check", path, status=None), words, 1, path)


@suite.test("several errors in one run")
def _():
    path = text_file(HEAD + "function f(x: f32[Batch]) -> f32[Batch] { return exp(y) }\n"
                     "function g(x: f32[Batch]) -> f32[Batch] { return tahn(x) }")
    rejected(suite.cleave("check", path, status=None), ["'y'", "tahn", "tanh"], 1, path)


@suite.test("several files, arguments and options")
def _():
    path = text_file(HEAD + "entry train() -> (y: f32) { let x[b: Batch] = f32(b)\n return sum(b) x[b] }")
    suite.cleave("run", path, "--quiet")
    suite.cleave("run", path, "--quiet", "--set", "Batch=5")
    rejected(suite.cleave("run", path, "--set", "Btach=5", status=None), ["Btach", "Batch"], 1)
    rejected(suite.cleave("run", path, "--set", "Batch=0", status=None), ["Batch", "0"], 1)
    rejected(suite.cleave("run", path, "--entry", "trian", status=None), ["trian", "train"], 1)
    rejected(suite.cleave("run", text_file(HEAD), status=None), ["found neither", "there are init"], 1)
    rejected(suite.cleave("check", suite.path("absent.dsl"), status=None), ["absent.dsl"], 1)
    expect(suite.cleave("run", path, "--no-such-option", status=None).returncode == 2, "a usage error has exit status 2")


DATA = HEAD + 'data text = bytes("%s")\nentry train(t: u8[Batch, Seq] from text) -> (y: i64) { return sum(b, s) i64(t[b, s]) }'


@suite.test("data files: missing, unreadable, empty, too short")
def _():
    data = suite.path("data.bin")

    def with_bytes(content):
        with open(data, "wb") as file:
            file.write(content)
        return suite.cleave("run", text_file(DATA % data), "--quiet", status=None)

    done = with_bytes(bytes(100))
    expect(done.returncode == 0, done.stderr)
    rejected(with_bytes(b""), ["data.bin"], 1, text_file(DATA % data))
    rejected(with_bytes(b"abc"), ["3", "data.bin"], 1, text_file(DATA % data))
    os.remove(data)
    rejected(suite.cleave("run", text_file(DATA % data), "--quiet", status=None), ["data.bin"], 1)
    rejected(suite.cleave("run", text_file(DATA % suite.path("no*thing")), "--quiet", status=None), ["no*thing"], 1)
    os.mkdir(suite.path("folder.bin"))
    rejected(suite.cleave("run", text_file(DATA % suite.path("folder.bin")), "--quiet", status=None), ["folder.bin"], 1)
    if os.geteuid() == 0:
        raise Skip("root may read every file; the rest of this test passed")
    with open(data, "wb") as file:
        file.write(bytes(100))
    os.chmod(data, 0)
    rejected(suite.cleave("run", text_file(DATA % data), "--quiet", status=None), ["data.bin"], 1)


STATE = HEAD + """import nn
import optim
layer net = nn.Linear[Batch, Seq]
entry train() -> (loss: f32) {
  let x[b: Batch] = 1.0
  let y = net(x)
  let loss = sum(s) y[s] * y[s]
  update net with optim.Sgd(grad(loss, net), lr: 0.01)
  return loss
}
"""


def damaged(header_of=None, bytes_of=None):
    """A saved state with its header (a dictionary) or all its bytes changed."""
    path, bad = suite.path("state.safetensors"), suite.path("bad.safetensors")
    suite.cleave("run", text_file(STATE), "--steps", 2, "--quiet", "--save", path)
    with open(path, "rb") as file:
        content = file.read()
    if bytes_of:
        content = bytes_of(content)
    else:
        length = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8:8 + length])
        header_of(header)
        text = json.dumps(header).encode()
        content = struct.pack("<Q", len(text)) + text + content[8 + length:]
    with open(bad, "wb") as file:
        file.write(content)
    return suite.cleave("run", text_file(STATE), "--steps", 3, "--quiet", "--resume", bad, status=None)


def change(tensor, key, value):
    def apply(header):
        header[tensor][key] = value(header[tensor][key])
    return apply


STATES = {
    "truncated": dict(bytes_of=lambda content: content[:-3]),
    "cut in its header": dict(bytes_of=lambda content: content[:20]),
    "empty": dict(bytes_of=lambda content: b""),
    "not JSON": dict(bytes_of=lambda content: content[:8] + b"x" + content[9:]),
    "overlapping offsets": dict(header_of=lambda header: header["net.b"].update(data_offsets=header["net.w"]["data_offsets"],
                                                                               shape=header["net.w"]["shape"])),
    "a wrong shape": dict(header_of=change("net.w", "shape", lambda shape: shape + [1])),
    "a wrong type": dict(header_of=change("net.w", "dtype", lambda _: "I32")),
    "a missing tensor": dict(header_of=lambda header: header.pop("net.b")),
    "offsets behind the end": dict(header_of=change("net.w", "data_offsets", lambda offsets: [offsets[0], offsets[1] + 999])),
}
for name, how in STATES.items():
    suite.test(f"a saved state that is {name}")(lambda how=how: rejected(damaged(**how), ["bad.safetensors"], 1))


@suite.test("a full disk while saving loses nothing")
def _():
    if not os.path.exists("/dev/full"):
        raise Skip("/dev/full is needed")
    done = suite.cleave("run", text_file(STATE), "--steps", 2, "--quiet", "--save", "/dev/full/x.safetensors", status=None)
    rejected(done, ["/dev/full"], 3 if done.returncode == 3 else 1)
    path = suite.path("kept.safetensors")
    suite.cleave("run", text_file(STATE), "--steps", 2, "--quiet", "--save", path)
    with open(path, "rb") as file:
        before = file.read()
    import resource

    def small_files():  # writing beyond the limit fails like a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    done = suite.cleave("run", text_file(STATE), "--steps", 5, "--quiet", "--resume", path, "--save", path, status=None,
                        preexec_fn=small_files)
    rejected(done, ["kept.safetensors"], 3)
    with open(path, "rb") as file:
        expect(file.read() == before, "the old file is kept whole")


@suite.test("a full disk under metrics, a plot and standard output is said; devices are not replaced")
def _():
    if not os.path.exists("/dev/full"):
        raise Skip("/dev/full is needed")
    program, saved = text_file(STATE), suite.path("saved.safetensors")
    done = suite.cleave("run", program, "--steps", 2, "--quiet", "--metrics", "/dev/full", "--save", saved, status=None)
    rejected(done, ["metrics", "/dev/full"], 3)
    expect(os.path.exists(saved), "the state is saved all the same")
    with open("/dev/full", "w") as full:
        for arguments in (["run", program, "--steps", 2], ["ir", program, "--stage", "model"], ["check", program]):
            rejected(subprocess.run([suite.cleave_path, *map(str, arguments)], stdout=full, stderr=subprocess.PIPE, text=True),
                     ["standard output"], 3)
    rejected(suite.cleave("run", program, "--steps", 2, "--save", "/dev/full", status=None), ["no regular file"], 1)
    rejected(suite.cleave("run", program, "--steps", 2, "--plot", "/dev/full", status=None), ["no regular file"], 1)
    expect(not os.path.isfile("/dev/full"), "a device stays a device")


@suite.test("without a step nothing is shown or dumped but state")
def _():
    program, folder = text_file(STATE), suite.path("")
    expect("loss" not in suite.cleave("run", program, "--steps", 0).stdout, "no loss was computed")
    rejected(suite.cleave("run", program, "--steps", 0, "--dump", "loss", status=None, cwd=folder), ["'loss'"], 1)
    suite.cleave("run", program, "--steps", 0, "--dump", "net.w", cwd=folder)
    expect(os.path.exists(suite.path("net.w.npy")), "a state is there before the first step")
    done = suite.cleave("run", program, "--steps=-1", status=None)
    expect(done.returncode == 2 and "negative, found -1" in done.stderr, done.stderr)


@suite.test("metrics of a resumed run follow those before")
def _():
    program, saved, metrics = text_file(STATE), suite.path("first.safetensors"), suite.path("metrics.jsonl")
    suite.cleave("run", program, "--steps", 2, "--quiet", "--metrics", metrics, "--save", saved)
    suite.cleave("run", program, "--steps", 4, "--quiet", "--metrics", metrics, "--resume", saved)
    with open(metrics) as file:
        expect([json.loads(line)["step"] for line in file] == [0, 1, 2, 3], "one line per step")


@suite.test("NaN in the loss stops the run and names its source")
def _():
    text = STATE.replace("let loss = sum(s) y[s] * y[s]", "let root = sqrt(f32(1 - step))\n  let loss = root * sum(s) y[s]")
    done = suite.cleave("run", text_file(text), "--steps", 5, "--quiet", status=None)
    rejected(done, ["2", "root"], 3)
    suite.cleave("run", text_file(text), "--steps", 5, "--quiet", "--allow-nan")
    suite.cleave("run", text_file(text), "--steps", 1, "--quiet")


@suite.test("an assertion that fails stops the run with its message")
def _():
    text = STATE.replace("return loss", 'assert(step < 2, "two steps are enough")\n  return loss')
    suite.cleave("run", text_file(text), "--steps", 2, "--quiet")
    rejected(suite.cleave("run", text_file(text), "--steps", 5, "--quiet", status=None), ["two steps are enough"], 3)


@suite.test("more memory than the machine has is refused before running")
def _():
    done = suite.cleave("run", text_file(STATE), "--set", "Batch=1000000", "--set", "Seq=1000000", "--quiet", status=None,
                        timeout=60)
    rejected(done, ["parameters", "TiB"], 1 if done.returncode == 1 else 3)


suite.main()
