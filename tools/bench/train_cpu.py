#!/usr/bin/env python3
"""Training and decoding steps in Cleave, JAX and PyTorch, in turns on two threads: losses first, then speed.

  ./dev bench train-cpu [--row gpt,mlp,kernels] [--quick] [--rounds 5] [--json FILE] [--set Layers=2 ...]

All begin from the weights of Cleave's `init` and see the same batches. JAX runs with its layers unrolled and scanned,
PyTorch eager and compiled. Step times are medians over all rounds, without each process's first step. Ratios are to the
best peer, of source to first step to JAX's. Below the table: kernels beside what bounds them, the cost of a call, and how
an artefact starts.

  ./dev bench train-cpu --ranks 2 [--row gpt,mlp,conv]

The same programs on two ranks of one thread each, beside one rank of two threads and JAX on two host devices: see ranks.py.
"""
import argparse
import dataclasses
import json
import os
import statistics
import sys
import tempfile

import machine
import ranks
from rows import COLUMNS, ROOT, ROWS, Row, write_corpus
from runners import THREADS, Cleave, Peer, compare_losses

PARTS = ("products", "kernels", "call", "artefact")


def measure(row: Row, options: argparse.Namespace, folder: str) -> dict:
    corpus = os.path.join(folder, "corpus.txt")
    write_corpus(corpus)
    with open(os.path.join(folder, "row.json"), "w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(row), file)
    cleave = Cleave(os.path.join(options.build, "bin", "cleave"), row.prepare(folder, corpus), row, folder)
    cleave.save_initial_state()
    runners = [cleave, *(Peer(name, folder) for name in row.peers)]
    difference = compare_losses(row, runners)
    for turn in range(options.rounds):
        for runner in runners:
            runner.train(row.steps)
        times = ", ".join(f"{runner.name} {1e3 * statistics.median(runner.seconds):.3g} ms" for runner in runners)
        print(f"{row.name}: round {turn + 1} of {options.rounds}: {times}", flush=True)
    cleave.profile(row.steps)
    for runner in runners:
        runner.close()
    facts = {runner.name: runner.facts() for runner in runners}
    return {"title": row.title, "sizes": row.sizes, "loss_difference": difference, "loss_bound": row.tolerance,
            "runners": facts, "ratios": ratios(facts), "limits": dict(zip(COLUMNS, row.limits))}


def ratios(facts: dict[str, dict[str, float]]) -> dict[str, float]:
    peers = [name for name in facts if name != "cleave"]
    rivals = {column: [name for name in peers if column != "first_step_seconds" or name.startswith("jax")]
              for column in COLUMNS}
    return {column: facts["cleave"][column] / min(facts[name][column] for name in rivals[column]) for column in COLUMNS}


def met(result: dict, column: str) -> bool:
    """By its ratio; a step's also by nine tenths of the roofline. A roofline that is exceeded was measured badly."""
    share = result["runners"]["cleave"].get("share_of_roof", 0) if column == "step_seconds" else 0
    return result["ratios"][column] <= result["limits"][column] or 0.9 <= share <= 1


def print_details(results: dict[str, dict]) -> None:
    for name, result in results.items():
        print(f"\n{name}: {result['title']}")
        print(f"  {'':<16}{'step':>12}{'source to first step':>24}{'peak memory':>16}")
        for runner, facts in result["runners"].items():
            share = f"   {facts['share_of_roof']:.0%} of the roofline" if "share_of_roof" in facts else ""
            print(f"  {runner:<16}{1e3 * facts['step_seconds']:>9.2f} ms{facts['first_step_seconds']:>22.2f} s"
                  f"{facts['peak_bytes'] / 2**20:>12.0f} MiB{share}")


def print_table(results: dict[str, dict]) -> None:
    """Ours, the ratio to the best peer and whether it is met: as Markdown, which the README has."""
    print("\n| work | step | to the best | source to first step | to JAX | peak memory | to the best |")
    print("|---|---|---|---|---|---|---|")
    for result in results.values():
        ours = result["runners"]["cleave"]
        values = (f"{1e3 * ours['step_seconds']:.3g} ms", f"{ours['first_step_seconds']:.2g} s",
                  f"{ours['peak_bytes'] / 2**20:.0f} MiB")
        cells = [f"{value} | {result['ratios'][column]:.2f} × ({'≤' if met(result, column) else 'not ≤'} {result['limits'][column]})"
                 for value, column in zip(values, COLUMNS)]
        print(f"| {result['title']} | {' | '.join(cells)} |")


def print_facts(facts: list[machine.Fact]) -> None:
    for fact in facts:
        bound = f"at {'least' if fact.at_least else 'most'} {fact.limit:g}"
        print(f"  {fact.name:<64}{fact.value:>9.2f} {fact.unit:<3}  ({'met' if fact.met else 'not met'}: {bound})")


def measure_part(part: str, build: str) -> list[machine.Fact]:
    if part == "call":
        return machine.entry_call(build)
    return machine.artefact(build) if part == "artefact" else machine.kernels(build, part)


def chosen(options: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """The rows of the table and the parts below it."""
    known = [row.name for row in ROWS] + list(PARTS)
    names = options.row.split(",") if options.row else known
    unknown = set(names) - set(known)
    if unknown:
        sys.exit(f"rows are {', '.join(known)}; found {', '.join(sorted(unknown))}")
    rows = [row for row in ROWS if row.name in names]
    for row in rows:
        row.sizes = {**row.sizes, **{name: int(size) for name, size in (pair.split("=") for pair in options.set)}}
        if options.quick:
            row.steps = max(2, row.steps // 2)
            row.compared = min(row.compared, 5)
    return rows, [part for part in PARTS if part in names]


def write_json(path: str, rows: dict[str, dict], facts: dict[str, list[machine.Fact]]) -> None:
    """What was measured now replaces that of an older run; the rest stays."""
    known: dict = {"rows": {}, "facts": {}}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
    measured = {part: [{**dataclasses.asdict(fact), "met": fact.met} for fact in found] for part, found in facts.items()}
    for name, result in rows.items():
        result["met"] = {column: met(result, column) for column in COLUMNS}
    everything = {"rows": {**known["rows"], **rows}, "facts": {**known.get("facts", {}), **measured}}
    ordered = {"rows": {row.name: everything["rows"][row.name] for row in ROWS if row.name in everything["rows"]},
               "facts": {part: everything["facts"][part] for part in PARTS if part in everything["facts"]}}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"threads": THREADS, **ordered}, file, indent=2)
        file.write("\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--row", help="only these rows, by name, with commas between them; also "
                        f"{', '.join(PARTS)}: what stands below the table")
    parser.add_argument("--quick", action="store_true", help="one round of fewer steps")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--set", action="append", default=[], help="another size, Axis=N")
    parser.add_argument("--ranks", type=int, choices=[THREADS], help="compare plans of so many ranks instead")
    parser.add_argument("--json", help="write the figures to this file, beside those of other rows in it")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    os.environ["CLEAVE_CACHE"] = ""  # source to first step is without what an earlier run compiled
    # JAX takes as many threads as it may run on.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    rows, parts = chosen(options)
    results, facts = {}, {}
    if options.ranks:
        return ranks.compare([row for row in rows if row.name in ranks.PLANS], options)
    for row in rows:
        with tempfile.TemporaryDirectory(prefix="cleave-bench-") as folder:
            results[row.name] = measure(row, options, folder)
    for part in parts:
        facts[part] = measure_part(part, options.build)
    print_details(results)
    print_table(results)
    for part, found in facts.items():
        print(f"\n{part}")
        print_facts(found)
    if options.json:
        write_json(options.json, results, facts)
    return 0 if all(result["loss_difference"] <= result["loss_bound"] for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
