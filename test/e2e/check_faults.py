"""Ranks that die, fail, stall or go astray: what is told, and what is saved.

  check_faults.py [--build BUILD] [--filter WORD] [--kills N]

--kills N: how many runs are killed at a random moment, and resumed, in each test of that (default 12).
"""
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Suite, expect


def own_option(name, default):
    """Takes `name VALUE` out of the command line, which the suite reads."""
    if name not in sys.argv:
        return default
    at = sys.argv.index(name)
    value = int(sys.argv[at + 1])
    del sys.argv[at:at + 2]
    return value


KILLS = own_option("--kills", 12)
suite = Suite(__doc__)
ENDS_WITHIN = 10  # seconds, of a rank that is waited for

NET = suite.path("net.dsl")
with open(NET, "w") as file:
    file.write("""import nn
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
""")


def plan(name, mesh):
    return ["--plan", name, "--mesh", mesh]


FOUR = suite.path("four.cleave")


def four():
    """The program on four ranks, compiled once."""
    if not os.path.exists(FOUR):
        suite.cleave("build", NET, *plan("data", "dp=4"), "-o", FOUR, "--quiet")
    return FOUR


def place_of(words):
    with open(NET) as text:
        for number, line in enumerate(text, 1):
            if words in line:
                return f"net.dsl:{number}:{line.index(words) + 1}"
    raise AssertionError(words)


LOSS = place_of("mean(b, o)")


def with_fault(fault, *arguments, status=3):
    """What a run with a fault on demand says on standard error, and how long it took."""
    begin = time.monotonic()
    done = suite.cleave("run", four(), "--quiet", "--steps", 6, *arguments, status=status,
                        env={**os.environ, "CLEAVE_FAULT": fault})
    return done.stderr, time.monotonic() - begin


def expect_told(text, *patterns):
    for pattern in patterns:
        expect(re.search(pattern, text), f"what is told matches '{pattern}'; found\n{text}")


# ---- What is told ----------------------------------------------------------------------------------------


@suite.test("a fault that does not come changes nothing")
def _():
    text, _ = with_fault("kind=stall,rank=1,step=99", status=0)
    expect(not text, f"nothing is told; found {text}")


@suite.test("a rank that stalls is named, with what it is at and who waits for it in what")
def _():
    text, seconds = with_fault("kind=stall,rank=1,step=3", "--timeout", "0.5")
    expect_told(text, r"error\[E716\]: a collective must be reached by all its members within 0\.5 s, found rank 1 missing at "
                r"all_reduce 'loss' of f64 over \"dp\", where rank \d waits",
                r"rank 1 \(dp = 1\) has not ended and is at instruction 0 of entry 'train', in step 3: kernel '\w+', \S*net\.dsl:",
                r"rank 0 \(dp = 0\) is at instruction \d+ of entry 'train', in step 3: all_reduce 'loss' of f64 over \"dp\", \S*"
                + re.escape(LOSS))
    expect(seconds < ENDS_WITHIN, f"it ends in {ENDS_WITHIN} s; found {seconds:.1f}")


@suite.test("a rank that stalls behind the last collective is named")
def _():
    last = len(re.findall(r"^  \d+ ", suite.cleave("ir", NET, *plan("data", "dp=4"), "--stage", "exec", "--entry",
                                                  "train").stdout.split("entry train", 1)[1], re.M)) - 1
    text, seconds = with_fault(f"kind=stall,rank=2,step=2,instruction={last}", "--timeout", "0.5")
    expect_told(text, r"rank 2 \(dp = 2\) has not ended and is at instruction %d of entry 'train', in step 2" % last)
    expect(seconds < ENDS_WITHIN, f"it ends in {ENDS_WITHIN} s; found {seconds:.1f}")


@suite.test("a rank that fails is told with those who wait for it")
def _():
    text, seconds = with_fault("kind=fail,rank=2,step=4")
    expect_told(text, r"error\[E737\]: a rank must go on, found a fault on demand", r"on rank 2 \(dp = 2\)",
                r"rank 2 \(dp = 2\) is at instruction 0 of entry 'train', in step 4",
                r"rank 0 \(dp = 0\) is at instruction \d+ of entry 'train', in step 4: all_reduce 'loss'")
    expect(seconds < ENDS_WITHIN, f"it ends in {ENDS_WITHIN} s; found {seconds:.1f}")


@suite.test("a mismatch of collectives is named on both sides")
def _():
    text, _ = with_fault("kind=mismatch,rank=1,step=2")
    expect_told(text, r"error\[E716\]: the members of a group must start the same collectives, found rank \d at ",
                r"rank 1 at all_reduce 'fault on demand' of u8\[N = 3\] over \"dp\"", r"rank \d at all_reduce 'loss' of f64 over",
                r"rank 1 \(dp = 1\) is at instruction \d+ of entry 'train', in step 2", re.escape(LOSS))


@suite.test("a fault must be well said, and at an instruction")
def _():
    text, _ = with_fault("kind=nap", status=1)
    expect_told(text, r"error\[E736\]: a fault on demand must be kind=kill\|stall\|fail\|mismatch .* found 'kind=nap'")
    text, _ = with_fault("kind=fail,instruction=999", status=1)
    expect_told(text, r"error\[E736\]: a fault on demand must be at an instruction, found 999 where entry 'train' has \d+")


# ---- What is saved ---------------------------------------------------------------------------------------


def saved_step(path):
    with open(path, "rb") as state:
        length = struct.unpack("<Q", state.read(8))[0]
        return int(json.loads(state.read(length))["__metadata__"]["step"])


def losses_in(metrics):
    """(step, loss) of every whole line: a kill may cut the last one."""
    rows = []
    if os.path.exists(metrics):
        with open(metrics) as lines:
            for line in lines:
                if line.endswith("\n"):
                    rows.append(json.loads(line))
    return [(row["step"], row["loss"]) for row in rows if "loss" in row]


def killed_and_resumed(start, kill, state):
    """Kills so many runs, each of which goes on from what the one before has saved; all (step, loss) of all."""
    found, saves = [], 0
    for number in range(KILLS):
        metrics = f"{state}.{number}.jsonl"
        before = saved_step(state) if os.path.exists(state) else 0
        resume = ["--resume", state] if before else []
        begin = time.monotonic()
        process = start("--steps", "1000000000", "--save", state, "--save-every", "1", "--metrics", metrics, *resume)
        kill(process, begin + random.uniform(0.05, 0.5))
        rows = losses_in(metrics)
        if rows:
            expect(rows[0][0] == before, f"run {number} goes on at step {before}; found {rows[0][0]}")
            last = saved_step(state) if os.path.exists(state) else 0
            expect(last >= rows[-1][0], f"run {number} has saved every step but maybe the last, {rows[-1][0]}; found {last}")
            saves += last > before
        found += rows
    expect(saves >= KILLS / 2, f"most of {KILLS} runs get to save; found {saves}")
    return found


def expect_as_uninterrupted(found, state):
    last = max(step for step, _ in found) + 1
    whole = suite.losses(four(), "--steps", last + 1)
    for step, loss in found:
        expect(loss == whole[step], f"the loss of step {step} is {whole[step]!r} to the bit; found {loss!r}")
    saved = saved_step(state)
    rest = suite.losses(four(), "--steps", saved + 1, "--resume", state, "--save", state)
    expect(len(rest) == 1 and (saved > last or rest[0] == whole[saved]), f"it goes on at step {saved}; found {rest}")
    left = [name for name in os.listdir(os.path.dirname(state)) if name.endswith(".partial")]
    expect(not left, f"a save removes what killed runs have left; found {left}")


@suite.test("saved state is whole after any kill, and losses go on to the bit")
def _():
    folder = suite.path("killed")
    os.mkdir(folder)
    state = os.path.join(folder, "state.safetensors")
    program = four()

    def start(*arguments):
        return subprocess.Popen([suite.cleave_path, "run", program, "--quiet", *arguments], cwd=ROOT,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def kill(process, at):
        time.sleep(max(0, at - time.monotonic()))
        process.kill()
        expect(process.wait() == -signal.SIGKILL, f"it runs until it is killed; found status {process.returncode}")

    expect_as_uninterrupted(killed_and_resumed(start, kill, state), state)


@suite.test("a run resumed on fewer or more ranks, under other plans, has the same losses")
def _():
    whole = suite.losses(NET, "--steps", 14)
    state, found = suite.path("spread.safetensors"), []
    for steps, options in ((3, plan("data", "dp=4")), (5, plan("fsdp", "dp=2")), (8, plan("two_d", "dp=2,tp=4")), (10, []),
                           (12, plan("tensor", "tp=2")), (14, plan("zero1", "dp=8"))):
        resume = ["--resume", state] if found else []
        found += suite.losses(NET, "--steps", steps, *options, *resume, "--save", state)
    worst = max(abs(a - b) / a for a, b in zip(whole, found))
    expect(len(found) == 14 and worst < 1e-9, f"losses are {whole} within 1e-9; found {found}")


suite.main()
