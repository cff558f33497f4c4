"""The works that `./dev bench train-cpu` compares: their sizes, data, peers, and what the ratios must reach."""
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, "test"))
import works

LAYERED = ("jax unrolled", "jax scanned", "torch eager", "torch compiled")
PLAIN = ("jax", "torch eager", "torch compiled")
COLUMNS = ("step_seconds", "first_step_seconds", "peak_bytes")


@dataclass
class Row(works.Work):
    """One line of the table. `limits`: the ratios that must hold, by column."""
    title: str = ""
    limits: tuple[float, float, float] = (1, 1, 1)
    peers: tuple[str, ...] = LAYERED
    steps: int = 6  # per turn
    compared: int = 10  # steps whose losses are compared


ROWS = [
    Row("gpt", "gpt", works.GPT_SIZES, title="GPT, Batch 8, Seq 256, f32", limits=(0.8, 0.5, 0.8)),
    Row("seq2048", "gpt", {**works.GPT_SIZES, "Batch": 1, "Seq": 2048}, title="GPT, Batch 1, Seq 2048, f32",
        limits=(0.7, 0.5, 0.5), steps=4, compared=5),
    Row("bf16", "gpt", works.GPT_SIZES, True, 2e-3, "GPT, Batch 8, Seq 256, bf16", (0.8, 0.5, 0.8)),
    Row("decode", "decode", works.DECODE_SIZES, title="Llama-style decode, one token", limits=(1.0, 0.5, 1.0), steps=60),
    Row("mlp", "mlp", {"Batch": 128}, title="MLP 784-512-512-10, Batch 128", limits=(0.6, 0.5, 0.5), peers=PLAIN,
        steps=400),
    Row("conv", "conv", {"Batch": 64}, title="convolutional net, 32x32x3, Batch 64", limits=(1.0, 0.5, 1.0), peers=PLAIN,
        steps=20),
]


def write_corpus(path: str) -> None:
    """One file with the texts that every Debian system has."""
    source = "/usr/share/common-licenses"
    with open(path, "wb") as out:
        for name in sorted(os.listdir(source)):
            with open(os.path.join(source, name), "rb") as file:
                out.write(file.read())


def batches(work: works.Work, folder: str, text: str = "") -> Callable[[int], list[np.ndarray]]:
    """A function from the step to the arrays that the program prepared in the folder reads then."""
    if work.program == "gpt":
        with open(text, "rb") as file:
            data = file.read()
        return lambda step: [np.array([list(row) for row in work.windows(data, step)], np.uint8)]
    arrays = [np.load(os.path.join(folder, f"{name}.npy")) for name in work.arrays()]
    size = work.sizes.get("Batch", 1)
    count = len(arrays[0]) // size
    return lambda step: [array[step % count * size:(step % count + 1) * size] for array in arrays]
