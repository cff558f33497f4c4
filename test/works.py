"""The works whose losses are compared with other implementations: what they are made of, with the data pinned down.

A work is a program, sizes, and data that are the same on every machine. The GPT of examples/04_gpt draws random windows of
texts that differ between machines; here its `data corpus` is one given file and training takes windows in order, so that
row b of step s is window (s * Batch + b) of the file, wrapping round. The programs of tools/bench/programs read arrays,
which a linear congruential generator fills.
"""
import array
import dataclasses
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GPT = os.path.join(ROOT, "examples", "04_gpt", "gpt.dsl")
PROGRAMS = os.path.join(ROOT, "tools", "bench", "programs")
TEXT = os.path.join(ROOT, "LICENSE")
BATCHES = 8  # that the arrays hold


@dataclasses.dataclass
class Work:
    """`program`: gpt, or the name of one in tools/bench/programs. `tolerance`: of losses, relative."""
    name: str
    program: str
    sizes: dict
    bf16: bool = False
    tolerance: float = 1e-4

    @property
    def source(self):
        return GPT if self.program == "gpt" else os.path.join(PROGRAMS, f"{self.program}.dsl")

    @property
    def settings(self):
        """Options of `cleave run`."""
        values = {**self.sizes, **({"Compute": "bf16"} if self.bf16 else {})}
        return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]

    @property
    def hyper(self):
        """The numbers among the program's hyper-parameters."""
        with open(self.source, encoding="utf-8") as file:
            lines = re.findall(r"^hyper (.*)$", file.read(), re.M)
        return {name: float(value) for line in lines
                for name, value in re.findall(r"(\w+): [fi]\d+ = ([-\w.]+)", line)}

    def prepare(self, folder, text=TEXT):
        """Writes the program and its data to the folder; the program's path."""
        path = os.path.join(folder, f"{self.program}.dsl")
        with open(self.source, encoding="utf-8") as file:
            source = file.read()
        if self.program == "gpt":
            source, data = re.subn(r"^data corpus = .*$", f'data corpus = bytes("{os.path.abspath(text)}")', source,
                                   flags=re.M)
            source, order = re.subn(r"^(entry train\(.* from corpus)\)", r"\1 in order)", source, flags=re.M)
            assert data == 1 and order == 1, "the GPT has one `data corpus` line and one `entry train(... from corpus)`"
        for name, (kind, shape) in self.arrays().items():
            write_npy(os.path.join(folder, f"{name}.npy"), kind, shape, self.sizes.get("Vocab", 10))
        with open(path, "w", encoding="utf-8") as file:
            file.write(source)
        return path

    def arrays(self):
        """Name -> (numbers or classes, shape) of the arrays that the program reads, in the order of its inputs."""
        rows = BATCHES * self.sizes.get("Batch", 1)
        image = {"mlp": (784,), "conv": (32, 32, 3)}.get(self.program)
        if image:
            return {"images": ("numbers", (rows, *image)), "labels": ("classes", (rows,))}
        return {"tokens": ("classes", (1024,))} if self.program == "decode" else {}

    def windows(self, text, step):
        """The GPT's batch of a step: the bytes of each row. `text`: the file's bytes."""
        window = self.sizes["Seq"] + 1
        count = len(text) // window
        rows = ((step * self.sizes["Batch"] + row) % count for row in range(self.sizes["Batch"]))
        return [text[row * window:(row + 1) * window] for row in rows]


def write_npy(path, kind, shape, classes):
    """Numbers are multiples of 1/64 in [-2, 2), as f32; classes are i32 below `classes`."""
    count, bits = 1, 1
    for size in shape:
        count *= size
    values = array.array("f" if kind == "numbers" else "i", bytes(4 * count))
    for i in range(count):
        bits = (1664525 * bits + 1013904223) & 0xFFFFFFFF
        values[i] = (bits >> 24) / 64 - 2 if kind == "numbers" else (bits >> 8) % classes
    header = repr({"descr": "<f4" if kind == "numbers" else "<i4", "fortran_order": False, "shape": tuple(shape)})
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + values.tobytes())


GPT_SIZES = {"Batch": 8, "Seq": 256, "Embed": 384, "Heads": 6, "Layers": 6}
DECODE_SIZES = {"Embed": 1024, "Layers": 8, "Cache": 1024, "Room": 64, "Vocab": 32000}

# What the tests compare with the losses that tools/bench/record_losses.py recorded.
RECORDED = [
    Work("gpt", "gpt", {"Batch": 4, "Seq": 64, "Embed": 96, "Heads": 4, "Layers": 3}),
    Work("gpt of the benchmark's size", "gpt", GPT_SIZES),
    Work("gpt of a long sequence", "gpt", {"Batch": 1, "Seq": 600, "Embed": 64, "Heads": 2, "Layers": 2}),
    Work("gpt in bf16", "gpt", {"Batch": 4, "Seq": 64, "Embed": 96, "Heads": 4, "Layers": 3}, True, 1e-3),
    Work("decode", "decode", {"Embed": 64, "Heads": 4, "Groups": 2, "Hidden": 96, "Layers": 3, "Vocab": 200, "Cache": 40,
                              "Room": 8}),
    Work("mlp", "mlp", {"Batch": 16}),
    Work("conv", "conv", {"Batch": 4}),
]
