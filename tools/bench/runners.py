"""Who takes part in `./dev bench train-cpu`: Cleave, and each peer in a process of its own."""
import json
import os
import statistics
import subprocess
import sys
import time

from rows import HERE, Row

THREADS = 2


class Runner:
    """What is measured of one of them: `seconds` per step, losses, `first_steps` from the source on, peak memory."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seconds: list[float] = []
        self.losses: list[float] = []
        self.first_steps: list[float] = []
        self.peak = 0
        self.share_of_roof: float | None = None

    def facts(self) -> dict[str, float]:
        share = {"share_of_roof": self.share_of_roof} if self.share_of_roof else {}
        return {**share, "step_seconds": statistics.median(self.seconds), "first_step_seconds": statistics.median(self.first_steps),
                "peak_bytes": self.peak}

    def close(self) -> None:
        pass


class Peer(Runner):
    """The process stays, so that it compiles once; between its turns it sleeps."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(name)
        self.command = [sys.executable, os.path.join(HERE, "worker.py"), name, folder]
        self.process: subprocess.Popen[str] | None = None

    def train(self, steps: int) -> None:
        began = time.monotonic()
        if not self.process:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} failed: {' '.join(self.command)}")
        answer = json.loads(line)
        if not self.first_steps:
            self.first_steps.append(time.monotonic() - began - sum(answer["seconds"][1:]))
        self.seconds += answer["seconds"][1:]
        self.losses += answer["losses"]
        self.peak = max(self.peak, answer["peak"])

    def close(self) -> None:
        if self.process:
            self.process.stdin.close()
            self.process.wait()


class Cleave(Runner):
    """A new process each time, as a user would start it. `how`: options of `cleave run`; two threads, or ranks by a plan."""

    def __init__(self, binary: str, program: str, row: Row, folder: str, name: str = "cleave",
                 how: tuple[str, ...] = ("--threads", str(THREADS))) -> None:
        super().__init__(name)
        self.how = how
        self.weights = os.path.join(folder, "init.safetensors")
        self.metrics = os.path.join(folder, "metrics.jsonl")
        self.base = [binary, "run", program, "--quiet", "--no-cache", *row.settings]

    def save_initial_state(self) -> None:
        subprocess.run([*self.base, "--entry", "init", "--save", self.weights], check=True, stdin=subprocess.DEVNULL)

    def command(self, steps: int) -> list[str]:
        return [*self.base, *self.how, "--resume", self.weights, "--steps", str(steps)]

    def profile(self, steps: int) -> None:
        """How much of the time of some steps the roofline, measured in the same process, would take: median of three."""
        shares = []
        for _ in range(3):
            done = subprocess.run([*self.command(steps), "--profile", "--json"], stdin=subprocess.DEVNULL, check=True,
                                  capture_output=True)
            profile = json.loads(done.stdout)["profile"]
            shares.append(profile["roof_seconds"] / profile["seconds"])
        self.share_of_roof = statistics.median(shares)

    def train(self, steps: int) -> None:
        if os.path.exists(self.metrics):
            os.remove(self.metrics)
        command = [*self.command(steps), "--metrics", self.metrics]
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        whole = time.monotonic() - began
        if status != 0:
            sys.exit(f"cleave failed: {' '.join(command)}")
        with open(self.metrics, encoding="utf-8") as file:
            rows = [row for row in map(json.loads, file) if "loss" in row]
        seconds = [row["seconds"] for row in rows]
        self.first_steps.append(whole - sum(seconds[1:]))
        self.seconds += seconds[1:]
        self.losses = max(self.losses, [row["loss"] for row in rows], key=len)
        self.peak = max(self.peak, usage.ru_maxrss * 1024)


def largest_difference(ours: list[float], reference: list[float]) -> float:
    return max(abs(a - b) / abs(b) for a, b in zip(ours, reference))


def compare_losses(row: Row, runners: list[Runner]) -> float:
    """The largest relative difference to any peer: a fast wrong step counts for nothing."""
    for runner in runners:
        runner.train(row.compared)
        runner.seconds = []
    differences = {peer.name: largest_difference(runners[0].losses, peer.losses) for peer in runners[1:]}
    worst = max(differences, key=differences.get)
    print(f"{row.name}: losses of {row.compared} steps differ by {differences[worst]:.1e} at most, from {worst}'s "
          f"(bound {row.tolerance})", flush=True)
    return differences[worst]
