"""Safetensors files, a tensor at a time: what the benchmarks read of Cleave's saved states."""
import json
from collections.abc import Iterator, Mapping

import numpy as np

DTYPES = {"F64": np.float64, "F32": np.float32, "I64": np.int64, "I32": np.int32, "I8": np.int8, "U8": np.uint8,
          "BOOL": np.bool_}


class Safetensors(Mapping[str, np.ndarray]):
    """The tensors of a file by name, each read when it is asked for.

    Layout: 8 bytes little endian length, JSON header, data.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            self.header = json.loads(file.read(length))
        self.header.pop("__metadata__", None)
        self.begin = 8 + length

    def __getitem__(self, name: str) -> np.ndarray:
        entry = self.header[name]
        begin, end = entry["data_offsets"]
        dtype = np.dtype(DTYPES[entry["dtype"]])
        return np.fromfile(self.path, dtype, (end - begin) // dtype.itemsize, offset=self.begin + begin).reshape(
            entry["shape"])

    def __iter__(self) -> Iterator[str]:
        return iter(self.header)

    def __len__(self) -> int:
        return len(self.header)
