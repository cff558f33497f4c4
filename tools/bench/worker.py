"""A peer in a process of its own: reads a number of steps per line, takes them, answers with one JSON line.

  worker.py PEER FOLDER      FOLDER holds the row (row.json), its data and init.safetensors
"""
import importlib
import json
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(HERE)
from rows import Row, batches
from tensors import Safetensors


def peak_bytes() -> int:
    """The most memory that this process held. Not `ru_maxrss`, which knows of the process that started this one."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) * 1024


def main() -> None:
    peer, folder = sys.argv[1:]
    with open(os.path.join(folder, "row.json"), encoding="utf-8") as file:
        row = Row(**json.load(file))
    framework, _, variant = peer.partition(" ")
    if variant in ("data", "tensor"):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    module = importlib.import_module(f"peers.{framework}_{row.program}")
    trainer = module.make(Safetensors(os.path.join(folder, "init.safetensors")), row, variant)
    batch_of = batches(row, folder, os.path.join(folder, "corpus.txt"))
    step = 0
    for line in sys.stdin:
        losses, seconds = [], []
        for _ in range(int(line)):
            batch = batch_of(step)
            start = time.monotonic()
            losses.append(trainer.train(*batch))
            seconds.append(time.monotonic() - start)
            step += 1
        print(json.dumps({"losses": losses, "seconds": seconds, "peak": peak_bytes()}), flush=True)


if __name__ == "__main__":
    main()
