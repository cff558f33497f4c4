"""A peer in a process of its own: reads a number of steps per line, takes them, answers with one JSON line.

  worker.py ROW PEER FOLDER      FOLDER holds the row's data and init.safetensors
"""
import importlib
import json
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(HERE)
from rows import ROWS
from tensors import Safetensors


def peak_bytes() -> int:
    """The most memory that this process held. Not `ru_maxrss`, which knows of the process that started this one."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) * 1024


def main() -> None:
    name, peer, folder, sizes = sys.argv[1:5]
    row = next(row for row in ROWS if row.name == name)
    row.sizes = json.loads(sizes)
    framework, _, variant = peer.partition(" ")
    module = importlib.import_module(f"peers.{framework}_{row.work}")
    trainer = module.make(Safetensors(os.path.join(folder, "init.safetensors")), row, variant)
    batch_of = row.batches(folder)
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
