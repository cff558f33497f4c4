"""`./dev bench train-cpu --ranks 2`: plans on two ranks of one thread each, in turns with one rank of two threads and with JAX on
two host devices that share the same work in the same way.

Losses are compared first. A plan's step is to be at most 1.05 x of one rank's (data-parallel), and 0.9 x of JAX's.
"""
import argparse
import dataclasses
import json
import os
import statistics
import tempfile

from rows import Row, write_corpus
from runners import THREADS, Cleave, Peer, Runner, compare_losses

LIMITS = {"one rank": 1.05, "jax": 0.9}
DATA, TENSOR = "data", "tensor"
# By row: how the work is shared, and the plan that says so.
PLANS = {"gpt": {DATA: ("zero1", "dp"), TENSOR: ("tensor", "tp")},
         "mlp": {DATA: ("zero1", "dp"), TENSOR: ("columns", "tp")},
         "conv": {DATA: ("zero1", "dp")}}


def runners_of(row: Row, build: str, program: str, folder: str) -> dict[str, Runner]:
    binary = os.path.join(build, "bin", "cleave")
    runners: dict[str, Runner] = {"one rank": Cleave(binary, program, row, folder, "one rank")}
    for variant, (plan, axis) in PLANS[row.name].items():
        how = ("--plan", plan, "--mesh", f"{axis}={THREADS}")
        runners[variant] = Cleave(binary, program, row, folder, f"{variant}, {THREADS} ranks", how)
        runners[f"jax {variant}"] = Peer(f"jax {variant}", folder)
    return runners


def measure(row: Row, options: argparse.Namespace, folder: str) -> dict:
    corpus = os.path.join(folder, "corpus.txt")
    write_corpus(corpus)
    with open(os.path.join(folder, "row.json"), "w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(row), file)
    runners = runners_of(row, options.build, row.prepare(folder, corpus), folder)
    runners["one rank"].save_initial_state()
    difference = compare_losses(row, list(runners.values()))
    for _ in range(options.rounds):
        for runner in runners.values():
            runner.train(row.steps)
    for runner in runners.values():
        runner.close()
    seconds = {name: statistics.median(runner.seconds) for name, runner in runners.items()}
    ratios = {variant: {"one rank": seconds[variant] / seconds["one rank"], "jax": seconds[variant] / seconds[f"jax {variant}"]}
              for variant in PLANS[row.name]}
    return {"title": row.title, "loss_difference": difference, "loss_bound": row.tolerance, "step_seconds": seconds,
            "ratios": ratios}


def print_table(results: dict[str, dict]) -> None:
    print(f"\n| work, {THREADS} ranks | step | to one rank, {THREADS} threads | to JAX, {THREADS} devices |\n|---|---|---|---|")
    for result in results.values():
        for variant, ratios in result["ratios"].items():
            bounded = {"jax"} | ({"one rank"} if variant == DATA else set())
            cells = [f"{ratio:.2f} ×" + (f" ({'≤' if ratio <= LIMITS[name] else 'not ≤'} {LIMITS[name]})" if name in bounded else "")
                     for name, ratio in ratios.items()]
            print(f"| {result['title']}, {variant} | {1e3 * result['step_seconds'][variant]:.3g} ms | {' | '.join(cells)} |")


def compare(rows: list[Row], options: argparse.Namespace) -> int:
    """The table; 1 where losses differ by more than the row's bound."""
    results = {}
    for row in rows:
        with tempfile.TemporaryDirectory(prefix="cleave-bench-") as folder:
            results[row.name] = measure(row, options, folder)
    print_table(results)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"ranks": THREADS, "rows": results}, file, indent=2)
            file.write("\n")
    return 0 if all(result["loss_difference"] <= result["loss_bound"] for result in results.values()) else 1
