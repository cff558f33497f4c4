"""The GPT of examples/04_gpt as the reference runs need it: the same program, with the token batches pinned down.

The example draws random windows of texts that differ between machines. Here `data corpus` is one given file and
training takes its windows in order, so that row b of step s is window (s * Batch + b) of the file, wrapping round.
"""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXAMPLE = os.path.join(ROOT, "examples", "04_gpt", "gpt.dsl")
SIZES = {
    "small": {"Batch": 4, "Seq": 64, "Embed": 96, "Heads": 4, "Layers": 3},
    "benchmark": {"Batch": 8, "Seq": 256, "Embed": 384, "Heads": 6, "Layers": 6},
}


def write_program(path, text):
    """Writes the program whose tokens come from the file `text` to `path`."""
    with open(EXAMPLE, encoding="utf-8") as file:
        source = file.read()
    source, data = re.subn(r"^data corpus = .*$", f'data corpus = bytes("{os.path.abspath(text)}")', source, flags=re.M)
    source, order = re.subn(r"^(entry train\(.* from corpus)\)", r"\1 in order)", source, flags=re.M)
    assert data == 1 and order == 1, "the example has one `data corpus` line and one `entry train(... from corpus)`"
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)


def options(sizes):
    """--set options of the command line."""
    return [word for name, size in sizes.items() for word in ("--set", f"{name}={size}")]


def batch(text, sizes, step):
    """The bytes of each row of the batch of a step. `text`: the file's bytes."""
    window = sizes["Seq"] + 1
    windows = len(text) // window
    rows = ((step * sizes["Batch"] + row) % windows for row in range(sizes["Batch"]))
    return [text[row * window:(row + 1) * window] for row in rows]


def hyper(program=EXAMPLE):
    """The numbers among a program's hyper-parameters."""
    with open(program, encoding="utf-8") as file:
        lines = re.findall(r"^hyper (.*)$", file.read(), re.M)
    return {name: float(value) for line in lines for name, value in re.findall(r"(\w+): [fi]\d+ = ([-\w.]+)", line)}
