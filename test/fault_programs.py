"""What the tests of faults share: a program of four ranks whose rows are drawn at random, and how its losses are followed
through kills."""
import json
import os
import re
import struct
import sys
import time

from harness import expect

ENDS_WITHIN = 10  # seconds, of ranks that wait for one that is gone

NET = """import nn
import optim

axis Batch = 8, In = 6, Hidden = 16, Out = 4

data rows = bytes("net.dsl")

layer Net(x: f64[Batch, In]) -> f64[Batch, Out] {
  layer up = nn.Linear[In, Hidden]
  layer down = nn.Linear[Hidden, Out]
  return down(nn.gelu(up(x)))
}

layer net = Net

/// Which rows of the text a step reads is random.
entry train(text: u8[Batch, In] from rows) -> (loss: f64) {
  let x[b, i] = f64(text[b, i]) / 64.0 - 1.0
  let y = net(x)
  let wanted[b, o: Out] = sum(i) x[b, i] * sin(f64(i + o))
  let loss = mean(b, o) (y[b, o] - wanted[b, o]) * (y[b, o] - wanted[b, o])
  let g = grad(loss, net)
  update net with optim.AdamW(g, lr: 1e-3)
  return loss
}
"""
LOSS_LINE = "net.dsl:%d:%d" % next((number, line.index("mean(b, o)") + 1) for number, line in enumerate(NET.split("\n"), 1)
                                   if "mean(b, o)" in line)


def own_option(name, default):
    """Takes `name VALUE` out of the command line, which the suite reads."""
    if name not in sys.argv:
        return default
    at = sys.argv.index(name)
    value = int(sys.argv[at + 1])
    del sys.argv[at:at + 2]
    return value


def plan(name, mesh):
    return ["--plan", name, "--mesh", mesh]


def expect_told(text, *patterns):
    for pattern in patterns:
        expect(re.search(pattern, text), f"what is told matches '{pattern}'; found\n{text}")


class Programs:
    """The program, and what it is on four ranks, compiled once."""

    def __init__(self, suite):
        self.suite = suite
        self.net = suite.path("net.dsl")
        with open(self.net, "w") as file:
            file.write(NET)

    def four(self):
        path = self.suite.path("four.cleave")
        if not os.path.exists(path):
            self.suite.cleave("build", self.net, *plan("data", "dp=4"), "-o", path, "--quiet")
        return path


def saved_step(path):
    """The step of a saved state; 0 where there is none."""
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as state:
        length = struct.unpack("<Q", state.read(8))[0]
        return int(json.loads(state.read(length))["__metadata__"]["step"])


def losses_in(metrics):
    """(step, loss) of every whole line: a kill may cut the last one."""
    rows = []
    if os.path.exists(metrics):
        with open(metrics) as lines:
            rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return [(row["step"], row["loss"]) for row in rows if "loss" in row]


def follow_kills(programs, kills, folder, run_and_kill):
    """Kills so many runs, each of which goes on from what the one before has saved. `run_and_kill(number, *options)` starts one
    and kills it at a random moment. Losses are those of a run that nobody killed, to the bit."""
    os.mkdir(folder)
    state = os.path.join(folder, "state.safetensors")
    found, saves = [], 0
    for number in range(kills):
        metrics = os.path.join(folder, f"{number}.jsonl")
        before = saved_step(state)
        run_and_kill(number, "--steps", "1000000000", "--save", state, "--save-every", "1", "--metrics", metrics,
                     *(["--resume", state] if before else []))
        rows, after = losses_in(metrics), saved_step(state)
        if rows:
            expect(rows[0][0] == before, f"run {number} goes on at step {before}; found {rows[0][0]}")
            expect(after >= rows[-1][0], f"run {number} has saved all but maybe its last step, {rows[-1][0]}; found {after}")
        saves += after > before
        found += rows
    expect(saves >= kills / 2, f"most of {kills} runs get to save; found {saves}")
    expect_as_uninterrupted(programs, found, state)
    if kills > 12:
        print(f"{kills} runs killed, {saves} of them after saves; {len(found)} losses equal to the bit, {saved_step(state)} steps")


def expect_as_uninterrupted(programs, found, state):
    suite, last = programs.suite, saved_step(state)
    whole = suite.losses(programs.four(), "--steps", last + 2)
    for step, loss in found:
        expect(loss == whole[step], f"the loss of step {step} is {whole[step]!r} to the bit; found {loss!r}")
    rest = suite.losses(programs.four(), "--steps", last + 2, "--resume", state, "--save", state)
    expect(rest == whole[last:], f"losses go on with {whole[last:]}; found {rest}")
    left = [name for name in os.listdir(os.path.dirname(state)) if name.endswith(".partial")]
    expect(not left, f"a save removes what killed runs have left; found {left}")


def sleep_until(moment):
    time.sleep(max(0, moment - time.monotonic()))
