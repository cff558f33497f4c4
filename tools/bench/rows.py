"""The works that `./dev bench train-cpu` compares: programs, sizes, data, peers, and what the ratios must reach."""
import os
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, "test"))
import gpt_program

LAYERED = ["jax unrolled", "jax scanned", "torch eager", "torch compiled"]
PLAIN = ["jax", "torch eager", "torch compiled"]


@dataclass
class Row:
    """One line of the table. `limits`: the ratios of step time, source to first step and peak memory that must hold."""
    name: str
    title: str
    work: str  # names programs/WORK.dsl and peers/*_WORK.py
    limits: tuple[float, float, float]
    peers: list[str]
    steps: int  # per turn
    sizes: dict[str, int] = field(default_factory=dict)
    bf16: bool = False  # hyper Compute of the program
    compared: int = 20
    tolerance: float = 1e-4  # of the losses, relative

    @property
    def hyper(self) -> dict[str, float]:
        return gpt_program.hyper(self.source)

    @property
    def settings(self) -> list[str]:
        """Options of `cleave run`."""
        return gpt_program.options({**self.sizes, **({"Compute": "bf16"} if self.bf16 else {})})

    @property
    def source(self) -> str:
        return gpt_program.EXAMPLE if self.work == "gpt" else os.path.join(HERE, "programs", f"{self.work}.dsl")

    def prepare(self, folder: str) -> str:
        """Writes program and data to the folder; the program's path."""
        program = os.path.join(folder, f"{self.work}.dsl")
        if self.work == "gpt":
            write_corpus(os.path.join(folder, "corpus.txt"))
            gpt_program.write_program(program, os.path.join(folder, "corpus.txt"))
        else:
            with open(self.source, encoding="utf-8") as source, open(program, "w", encoding="utf-8") as copy:
                copy.write(source.read())
            for name, array in synthetic(self).items():
                np.save(os.path.join(folder, f"{name}.npy"), array)
        return program

    def batches(self, folder: str) -> Any:
        """A function from the step to the arrays that the program reads then."""
        if self.work == "gpt":
            with open(os.path.join(folder, "corpus.txt"), "rb") as file:
                text = file.read()
            return lambda step: [np.array([list(row) for row in gpt_program.batch(text, self.sizes, step)], np.uint8)]
        arrays = [np.load(os.path.join(folder, f"{name}.npy")) for name in synthetic(self, empty=True)]
        size = self.sizes.get("Batch", 1)
        count = len(arrays[0]) // size
        return lambda step: [array[step % count * size:(step % count + 1) * size] for array in arrays]


def write_corpus(path: str) -> None:
    """One file with the texts that every Debian system has."""
    source = "/usr/share/common-licenses"
    with open(path, "wb") as out:
        for name in sorted(os.listdir(source)):
            with open(os.path.join(source, name), "rb") as file:
                out.write(file.read())


def synthetic(row: Row, empty: bool = False) -> dict[str, np.ndarray]:
    """Data for the programs that read arrays, by the name of the file; `empty`: the names alone."""
    draw = np.random.default_rng(0)
    count = 0 if empty else 16 * row.sizes.get("Batch", 64)
    if row.work == "decode":
        return {"tokens": draw.integers(0, row.sizes["Vocab"], count).astype(np.int32)}
    images = (count, 784) if row.work == "mlp" else (count, 32, 32, 3)
    return {"images": draw.standard_normal(images, np.float32), "labels": draw.integers(0, 10, count).astype(np.int32)}


GPT = gpt_program.SIZES["benchmark"]
DECODE = {"Embed": 1024, "Layers": 8, "Cache": 1024, "Room": 64, "Vocab": 32000}
ROWS = [
    Row("gpt", "GPT, Batch 8, Seq 256, f32", "gpt", (0.8, 0.5, 0.8), LAYERED, 6, GPT),
    Row("seq2048", "GPT, Batch 1, Seq 2048, f32", "gpt", (0.7, 0.5, 0.5), LAYERED, 4, {**GPT, "Batch": 1, "Seq": 2048}, compared=10),
    Row("bf16", "GPT, Batch 8, Seq 256, bf16", "gpt", (0.8, 0.5, 0.8), LAYERED, 6, GPT, bf16=True, tolerance=1e-2),
    Row("decode", "Llama-style decode, one token", "decode", (1.0, 0.5, 1.0), LAYERED, 60, DECODE),
    Row("mlp", "MLP 784-512-512-10, Batch 128", "mlp", (0.6, 0.5, 0.5), PLAIN, 400, {"Batch": 128}),
    Row("conv", "convolutional net, 32x32x3, Batch 64", "conv", (1.0, 0.5, 1.0), PLAIN, 20, {"Batch": 64}),
]
