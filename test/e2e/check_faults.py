"""Ranks that die, fail, stall or go astray: what is told, and what is saved.

  check_faults.py [--build BUILD] [--filter WORD] [--kills N]

--kills N: how many runs are killed at a random moment, and resumed, in each test of that (default 12).
"""
import os
import random
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from fault_programs import ENDS_WITHIN, LOSS_LINE, Programs, expect_told, follow_kills, own_option, plan, sleep_until
from harness import ROOT, Suite, expect

KILLS = own_option("--kills", 12)
suite = Suite(__doc__)
programs = Programs(suite)
four = programs.four


def with_fault(fault, *arguments, status=3):
    """What a run with a fault on demand says on standard error, and how long it took."""
    begin = time.monotonic()
    done = suite.cleave("run", four(), "--quiet", "--steps", 6, *arguments, status=status,
                        env={**os.environ, "CLEAVE_FAULT": fault})
    return done.stderr, time.monotonic() - begin


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
                + re.escape(LOSS_LINE))
    expect(seconds < ENDS_WITHIN, f"it ends in {ENDS_WITHIN} s; found {seconds:.1f}")


@suite.test("a rank that stalls behind the last collective is named")
def _():
    last = len(re.findall(r"^  \d+ ", suite.cleave("ir", programs.net, *plan("data", "dp=4"), "--stage", "exec", "--entry",
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
                r"rank 1 \(dp = 1\) is at instruction \d+ of entry 'train', in step 2", re.escape(LOSS_LINE))


@suite.test("a fault must be well said, and at an instruction")
def _():
    text, _ = with_fault("kind=nap", status=1)
    expect_told(text, r"error\[E736\]: a fault on demand must be kind=kill\|stall\|fail\|mismatch .* found 'kind=nap'")
    text, _ = with_fault("kind=fail,instruction=999", status=1)
    expect_told(text, r"error\[E736\]: a fault on demand must be at an instruction, found 999 where entry 'train' has \d+")


# ---- What is saved ---------------------------------------------------------------------------------------


@suite.test("saved state is whole after any kill, and losses go on to the bit")
def _():
    program = four()

    def run_and_kill(number, *options):
        begin = time.monotonic()
        process = subprocess.Popen([suite.cleave_path, "run", program, "--quiet", *options], cwd=ROOT,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        sleep_until(begin + random.uniform(0.05, 0.5))
        process.kill()
        expect(process.wait() == -signal.SIGKILL, f"run {number} goes on until it is killed; found status {process.returncode}")

    follow_kills(programs, KILLS, suite.path("killed"), run_and_kill)


@suite.test("a run resumed on fewer or more ranks, under other plans, has the same losses")
def _():
    whole = suite.losses(programs.net, "--steps", 14)
    state, found = suite.path("spread.safetensors"), []
    for steps, options in ((3, plan("data", "dp=4")), (5, plan("fsdp", "dp=2")), (8, plan("two_d", "dp=2,tp=4")), (10, []),
                           (12, plan("tensor", "tp=2")), (14, plan("zero1", "dp=8"))):
        resume = ["--resume", state] if found else []
        found += suite.losses(programs.net, "--steps", steps, *options, *resume, "--save", state)
    worst = max(abs(a - b) / a for a, b in zip(whole, found))
    expect(len(found) == 14 and worst < 1e-9, f"losses are {whole} within 1e-9; found {found}")


suite.main()
