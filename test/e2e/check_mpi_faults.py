"""Ranks that are processes, and die, stall, fail or go astray: every survivor ends and says what it knows.

  check_mpi_faults.py [--build BUILD] [--filter WORD] [--kills N] [--meetings N]

--kills N: how many runs have a rank killed at a random moment, and are resumed (default 6).
--meetings N: how often each rank is killed at each moment of the processes' meeting (default 0: one rank at each).
"""
import concurrent.futures
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from fault_programs import ENDS_WITHIN, LOSS_LINE, Programs, expect_told, follow_kills, losses_in, own_option, sleep_until
from harness import ROOT, Failure, Suite, expect
from launchers import environment, launcher

KILLS = own_option("--kills", 6)
MEETINGS = own_option("--meetings", 0)
RANKS = 4
suite = Suite(__doc__)
programs = Programs(suite)


# Leaves its process's number and its diagnostics in files of their own: a launcher may drop what it is to pass on.
RANK_SHELL = """rank=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}
echo $$ > "$0/pid.new.$rank"; mv "$0/pid.new.$rank" "$0/pid.$rank"
exec "$@" 2> "$0/said.$rank"
"""

# What the launcher must be told to leave to the survivors how they end: MPICH's kills them at once.
CALM = {"openmpi": [], "mpich": ["-disable-auto-cleanup"]}


class Launched:
    """Four processes of `cleave run`."""

    def __init__(self, library, *options, fault=""):
        self.folder = tempfile.mkdtemp(dir=suite.scratch.name)
        words = [launcher(suite, library), *CALM[library], "-n", str(RANKS), "sh", "-c", RANK_SHELL, self.folder,
                 suite.cleave_path, "run", programs.four(), "--quiet", *map(str, options)]
        self.process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=environment({"CLEAVE_FAULT": fault}))

    def rank(self, number):
        """The process of a rank, once it is there."""
        path = os.path.join(self.folder, f"pid.{number}")
        while not os.path.exists(path):
            expect(self.process.poll() is None, f"rank {number} is started")
            time.sleep(0.005)
        with open(path) as text:
            return int(text.read())

    def lives(self, number):
        try:
            with open(f"/proc/{self.rank(number)}/stat") as facts:
                return facts.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except OSError:
            return False

    def end(self, but=None, seconds=60):
        """Waits until all ranks (but one) have ended; what each has said. How the launcher ends is its own affair."""
        before, paused = time.monotonic(), 0.0
        deadline = before + seconds
        while any(self.lives(number) for number in range(RANKS) if number != but):
            if time.monotonic() > deadline + paused:
                said = {number: self.said(number) for number in range(RANKS)}
                self.stop()
                raise Failure(f"all ranks end within {seconds} s; found them not to, having said {said}")
            time.sleep(0.02)
            now = time.monotonic()
            paused += max(0.0, now - before - 0.5)  # nobody has run meanwhile, this test neither
            before = now
        self.ended = time.monotonic() - paused
        self.stop(5)
        return [self.said(number) for number in range(RANKS)]

    def stop(self, seconds=0.0):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for number in range(RANKS):
                if self.lives(number):
                    os.kill(self.rank(number), signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def said(self, number):
        path = os.path.join(self.folder, f"said.{number}")
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as text:
            return text.read()


def expect_all_told(said, dead, *patterns):
    for rank in range(RANKS):
        if rank != dead:
            expect(said[rank].count("error[") == 1, f"rank {rank} says once why it ends; found\n{said[rank]}\nof {said}")
            expect_told(said[rank], *patterns)


DIES = r"E738\]?: every process must live until the run has ended, found that of rank %d \(process \d+ on \S+\) dead: "


@suite.test("Open MPI: a rank that is killed at an instruction is named by every survivor, with the collective it waits for")
def _():
    begin = time.monotonic()
    run = Launched("openmpi", fault="kind=kill,rank=2,step=3,instruction=2")
    said = run.end()
    # Who is so late that it learns of the death before it begins the step waits for no collective yet.
    expect_all_told(said, 2, DIES % 2, r"rank \d \(dp = \d\) (has ended entry 'train', in step 2|"
                    r"is at instruction \d+ of entry 'train', in step 3: (kernel|all_reduce 'loss' of f64 over \"dp\"))")
    expect_told("\n".join(said), r"error\[E716\]: a collective needs all its members, found that rank 2 has failed, at all_reduce 'loss' "
                r"of f64 over \"dp\"", re.escape(LOSS_LINE))
    expect(run.ended - begin < ENDS_WITHIN, f"all end in {ENDS_WITHIN} s; found {run.ended - begin:.1f}")


@suite.test("Open MPI: a rank that stalls is named, and all end")
def _():
    begin = time.monotonic()
    run = Launched("openmpi", "--timeout", 1, fault="kind=stall,rank=1,step=3")
    said = run.end()
    expect_all_told(said, 1, r"error\[E716\]: a collective must be reached by all its members within 1 s, found rank 1 missing at "
                    r"all_reduce 'loss' of f64 over \"dp\"", re.escape(LOSS_LINE))
    expect_told(said[0],
                r"rank 1 \(dp = 1\) is at instruction 0 of entry 'train', in step 3: kernel '\w+', \S*net\.dsl:")
    expect(run.ended - begin < 1 + ENDS_WITHIN, f"all end in time; found {run.ended - begin:.1f} s")


@suite.test("Open MPI: rank 0 is no exception")
def _():
    begin = time.monotonic()
    run = Launched("openmpi", "--timeout", 1, fault="kind=stall,rank=0,step=3")
    said = run.end()
    expect_all_told(said, 0, r"error\[E716\]: a collective must be reached by all its members within 1 s, found rank 0 missing at")
    expect(run.ended - begin < 1 + ENDS_WITHIN, f"all end in time; found {run.ended - begin:.1f} s")


@suite.test("Open MPI: a process that is stopped is missing, and all others end")
def _():
    run = Launched("openmpi", "--timeout", 1, "--steps", 1000000000, "--metrics", suite.path("stopped.jsonl"))
    while not losses_in(suite.path("stopped.jsonl")):
        time.sleep(0.02)
    os.kill(run.rank(3), signal.SIGSTOP)
    stopped = time.monotonic()
    said = run.end(but=3)
    expect_all_told(said, 3, r"rank 3")
    expect(run.ended - stopped < 1 + ENDS_WITHIN, f"all end in time; found {run.ended - stopped:.1f} s")


@suite.test("Open MPI: a failure of one rank is told once, with those who wait")
def _():
    said = Launched("openmpi", fault="kind=fail,rank=2,step=4").end()
    expect_told(said[0], r"error\[E737\]: a rank must go on, found a fault on demand", r"on rank 2 \(dp = 2\)",
                r"rank 0 \(dp = 0\) is at instruction \d+ of entry 'train', in step 4: all_reduce 'loss'")
    expect("".join(said).count("error[") == 1, f"it is told once; found\n{said}")


@suite.test("Open MPI: a mismatch of collectives is named on both sides")
def _():
    said = Launched("openmpi", fault="kind=mismatch,rank=1,step=2").end()
    expect_told(said[0], r"error\[E716\]: the members of a group must start the same collectives, found rank \d at ",
                r"rank 1 at all_reduce 'fault on demand' of u8\[N = 3\] over \"dp\"", r"rank \d at all_reduce 'loss' of f64 over",
                r"rank 1 \(dp = 1\) is at instruction \d+ of entry 'train', in step 2")


# MPICH's launcher kills all some milliseconds after the death of one, whatever it is told: on a machine that is busy the last words
# of some are lost, and who is seen to die first may be one that it has killed.
def expect_told_unless_killed(fault):
    for _ in range(8):
        said = Launched("mpich", fault=fault).end()
        told = [rank for rank in range(RANKS) if said[rank]]
        for rank in told:
            expect(said[rank].count("error[") == 1, f"rank {rank} says once why it ends; found\n{said[rank]}\nof {said}")
            expect_told(said[rank], r"E738\]?: every process must live until the run has ended, found that of rank \d ", rf"rank {rank} ")
        if len(told) == RANKS - 1:
            return
    raise Failure(f"survivors say who died; found {said}")


@suite.test("MPICH: a rank that is killed at an instruction is named by every survivor that its launcher lets speak")
def _():
    expect_told_unless_killed("kind=kill,rank=0,step=3,instruction=2")


@suite.test("MPICH: a process that dies while all meet is named by every survivor that its launcher lets speak")
def _():
    expect_told_unless_killed("kind=kill,rank=2,moment=compare")


# As processes meet (runtime/core/Fault.h says what each moment is).
MOMENTS = ["launch", "roll", "join", "listen", "greet", "compare", "make"]
# A process that was gone before others could know of it is missed by those of its machine once they are told to end.
NOT_COME = r"error\[E738\]: processes must all live until they have joined, found that they were told to end before: [^\n]*\n" \
           r"(.*\n)*cleave: note: the process of rank %d has not come"


def expect_survivors_of_meeting(moment, dead):
    begin = time.monotonic()
    run = Launched("openmpi", fault=f"kind=kill,rank={dead},moment={moment}")
    said = run.end()
    at = {"roll": "joins the others by MPI", "join": "(joins the others by MPI|meets the others)",
          "compare": "(meets the others|compares its program with the others')"}.get(moment, "")
    for rank in range(RANKS):
        if rank != dead:
            expect(said[rank].count("error[") == 1, f"rank {rank} says once why it ends; found\n{said[rank]}\nat '{moment}' of {said}")
            known = {"launch": NOT_COME, "roll": f"({DIES}|{NOT_COME})"}.get(moment, DIES)  # roll: others may come after its death
            expect_told(said[rank], known.replace("%d", str(dead)), rf"cleave: note: rank {rank} {at}")
    expect(run.ended - begin < ENDS_WITHIN, f"all end in {ENDS_WITHIN} s; found {run.ended - begin:.1f} at '{moment}'")


@suite.test("Open MPI: a process that dies while all meet is named by every survivor, with what that one was at")
def _():
    cases = [(moment, rank) for _ in range(MEETINGS) for moment in MOMENTS for rank in range(RANKS)]
    cases = cases or [(moment, 1 + at % 3) for at, moment in enumerate(MOMENTS)] + [("roll", 0), ("make", 0)]
    programs.four()
    with concurrent.futures.ThreadPoolExecutor(3) as several:  # most of each is waiting; rank 0 has nobody to greet
        list(several.map(lambda case: case == ("greet", 0) or expect_survivors_of_meeting(*case), cases))
    if MEETINGS:
        print(f"{len(cases) - MEETINGS} deaths as processes met, each named by all survivors")


@suite.test("Open MPI: processes that never come are missed after a time-out that can be set")
def _():
    begin = time.monotonic()
    run = Launched("openmpi", "--join-timeout", 1, fault="kind=stall,rank=1,moment=launch")
    said = run.end(but=1)
    expect_all_told(said, 1, r"error\[E738\]: processes must join within 1 s, found some that were never started, or have died",
                    r"note: the process of rank 1 has not come", r"hint: more time is to be had with --join-timeout SECONDS")
    expect(run.ended - begin < 1 + ENDS_WITHIN, f"all end in time; found {run.ended - begin:.1f} s")


def numbered(fault, *options):
    """What each of four processes says that no launcher has started, but for their numbers."""
    launcher(suite, "mpich")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(RANKS),
                   "LOCAL_WORLD_SIZE": str(RANKS), "CLEAVE_FAULT": fault}
    words = [suite.cleave_path, "run", programs.four(), "--quiet", "--steps", "1000000000", *map(str, options)]
    started = [subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env=environment({"RANK": str(rank), **meeting})) for rank in range(RANKS)]
    try:
        return [process.communicate(timeout=60)[1] for process in started]
    finally:
        for process in started:
            process.kill()


@suite.test("without a launcher that ends all, survivors name who died while all met, and who never came, and end")
def _():
    expect_all_told(numbered("kind=kill,rank=0,moment=join"), 0, DIES % 0)
    expect_all_told(numbered("kind=kill,rank=2,moment=launch", "--join-timeout", 1), 2, "note: the process of rank 2 has not come")


@suite.test("Open MPI: survivors that have been sent SIGTERM before say all the same who died, and what they wait for")
def _():
    metrics = suite.path("terminated.jsonl")
    run = Launched("openmpi", "--metrics", metrics, fault="kind=stall,rank=2,step=3")
    while len(losses_in(metrics)) < 3:
        expect(run.lives(0), f"rank 0 runs; found\n{run.said(0)}")
        time.sleep(0.02)
    time.sleep(0.3)  # in the collective that rank 2 does not come to
    for rank in (0, 1, 3):
        os.kill(run.rank(rank), signal.SIGTERM)
    os.kill(run.rank(2), signal.SIGKILL)
    expect_all_told(run.end(), 2, DIES % 2, r"rank \d \(dp = \d\) is at instruction \d+ of entry 'train', in step 3: all_reduce 'loss'",
                    re.escape(LOSS_LINE))


@suite.test("Open MPI: saved state is whole after a rank is killed at any moment, and losses go on to the bit")
def _():
    def run_and_kill(number, *options):
        metrics, dead = options[options.index("--metrics") + 1], random.randrange(RANKS)
        run = Launched("openmpi", *options)
        process = run.rank(dead)
        meets = number % 4 == 3  # or runs
        while not meets and not losses_in(metrics):
            expect(run.lives(dead), f"rank {dead} runs until it is killed; found\n{run.said(dead)}")
            time.sleep(0.005)
        sleep_until(time.monotonic() + random.uniform(0, 0.3))
        expect(run.lives(dead), f"rank {dead} runs until it is killed; found\n{run.said(dead)}")
        os.kill(process, signal.SIGKILL)
        killed = time.monotonic()
        said = run.end()
        expect(run.ended - killed < ENDS_WITHIN,
               f"survivors end within {ENDS_WITHIN} s; found {run.ended - killed:.1f} in run {number}")
        expect_all_told(said, dead, f"({DIES % dead}|{NOT_COME % dead})", rf"rank \d .*")

    follow_kills(programs, KILLS, suite.path("killed"), run_and_kill)


suite.main()
