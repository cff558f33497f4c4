"""What stands below the table of `./dev bench train-cpu`: kernels beside oneDNN and memory, calls, artefacts."""
import json
import os
import subprocess
from dataclasses import dataclass

import artefact as artefact_bench

ROUNDS = 3
ENTRY = "entry/launches,rows/1/1/real_time"


@dataclass
class Fact:
    """A figure with its bound: at least or at most."""
    name: str
    value: float
    unit: str
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def benchmarks(binary: str, patterns: tuple[str, ...], threads: int = 2) -> dict[str, dict]:
    """Each benchmark of a Google Benchmark binary by its name, the median of rounds. Patterns take turns, in processes of
    their own."""
    environment = {**os.environ, "CLEAVE_BENCH_THREADS": str(threads)}
    runs: dict[str, list[dict]] = {}
    for _ in range(ROUNDS):
        for pattern in patterns:
            done = subprocess.run([binary, "--benchmark_format=json", "--benchmark_min_time=0.2", "--benchmark_min_warmup_time=0.05", f"--benchmark_filter={pattern}"],
                                  check=True, capture_output=True, env=environment)
            for run in json.loads(done.stdout)["benchmarks"]:
                runs.setdefault(run["name"].removesuffix("/real_time"), []).append(run)
    return {name: sorted(found, key=lambda run: run["real_time"])[len(found) // 2] for name, found in runs.items()}


def kernels(build: str, part: str) -> list[Fact]:
    """Kernels by the rate of what bounds them; `part`: products or kernels. A benchmark's label names its bound.

    Products run on one thread each: oneDNN's threads wait for each other, so with two a neighbour on the machine would
    decide.
    """
    patterns = {"products": ("^product_(f32|bf16)/[0-9]{2,}", "^dnnl_(f32|bf16)/[0-9]{2,}"),
                "kernels": ("^(rows/.*/280MiB|copy/280MiB|read/280MiB)/.*",)}[part]
    found = benchmarks(os.path.join(build, "bin", "bench-kernels"), patterns, 1 if part == "products" else 2)
    unit, limit = ("GFLOP/s", 0.9) if part == "products" else ("GB/s", 0.85)
    return [Fact(f"{name} to {run['label'].split('/')[0] if part == 'products' else run['label']}",
                 run[unit] / found[run["label"]][unit], "x", limit, at_least=True)
            for name, run in found.items() if run.get("label")]


def entry_call(build: str) -> list[Fact]:
    found = benchmarks(os.path.join(build, "bin", "bench-entries"), (f"^{ENTRY}$", "^action/"))
    actions = [Fact(f"an instruction: {name.removeprefix('action/')}", 1e6 / run["items_per_second"], "us", 2)
               for name, run in found.items() if name.startswith("action/")]
    return [Fact("a call of an entry, beside its kernels", found[ENTRY.removesuffix("/real_time")]["real_time"] / 1000, "us", 5),
            *actions]


def artefact(build: str) -> list[Fact]:
    """An artefact of the GPT: what comes before the second step beyond a steady step and touching memory."""
    found = artefact_bench.measure(build, ROUNDS)
    return [Fact("before the second step, beyond a steady step and touching memory", 1e3 * found["excess"], "ms", 50)]
