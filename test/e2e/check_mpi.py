"""Ranks in several processes: what every communicator must do and what `cleave` does, under each launcher there is.

Open MPI's and MPICH's mpirun, and srun where Slurm can be started here. What a machine lacks is skipped, and said.
"""
import json
import os
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import launchers
from harness import ROOT, Failure, Suite, expect
from launchers import LIBRARIES

suite = Suite(__doc__)


def launch(library, ranks, *command, status=0, timeout=120, environment=None, cwd=ROOT):
    """Runs a command in so many processes; the completed launcher."""
    words = [launchers.launcher(suite, library), "-n", str(ranks), *map(str, command)]
    variables = launchers.environment({"CLEAVE_VERIFY_STAGES": "1", **(environment or {})})
    try:
        done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=timeout, env=variables)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"a command ends within {timeout} s: {' '.join(words)}\n{late.stdout}\n{late.stderr}")
    if status is not None and done.returncode != status:
        raise Failure(f"exit status {status} was expected, found {done.returncode}: {' '.join(words)}\n"
                      f"{done.stdout[-2000:]}{done.stderr[-3000:]}")
    return done


def conform(library, ranks, only="*"):
    suite_binary = os.path.join(suite.options.build, "test", "unit", "unit-conformance")
    done = launch(library, ranks, suite_binary, "--gtest_brief=1", "--gtest_color=no", f"--gtest_filter={only}",
                  status=None)
    passed = done.stdout.count("[  PASSED  ]")
    expect(done.returncode == 0 and passed == ranks,
           f"{ranks} processes pass; found {passed}, status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    expect("/local" not in done.stdout, f"processes are joined by {library}, found ranks that are threads")


# Meshes of 1 to 16 ranks on 3 and 4 processes: one rank in a process, several, none.
@suite.test("Open MPI: ranks in processes conform")
def _():
    conform("openmpi", 3)


@suite.test("MPICH: ranks in processes conform")
def _():
    conform("mpich", 4)


PROGRAM = """
import nn
import optim

axis Batch = 12, Point = 3, Hidden = 8

layer Curve(x: f32[Batch, Point]) -> f32[Batch, Point] {
  layer up = nn.Linear[Point, Hidden]
  layer down = nn.Linear[Hidden, Point]
  return down(nn.gelu(up(x)))
}

layer curve = Curve

entry train() -> (loss: f32, y: f32[Batch, Point]) {
  let x[b: Batch, p: Point] = 6 * uniform() - 3
  let y = curve(x)
  let loss = nn.mean_squared_error(y, x)
  print("the loss", loss)
  update curve with optim.Adam(grad(loss, curve), lr: 1e-2)
  return loss, y
}

entry apply(x: f32[Batch, Point]) -> (y: f32[Batch, Point]) {
  return curve(x)
}

entry check() -> (loss: f32) {
  let x[b: Batch, p: Point] = uniform()
  let loss = nn.mean_squared_error(curve(x), x)
  assert(loss < 0, "losses are negative")
  return loss
}

plan grid on mesh(dp: 2, tp: 2) {
  shard Batch over dp
  shard Hidden over tp
  store optimizer over dp
}

plan wide on mesh(dp: 2, tp: 4) {
  shard Batch over dp
  shard Hidden over tp
}
"""


def program(name="curve.dsl", text=PROGRAM):
    path = suite.path(name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


def run(library, ranks, *arguments, **options):
    return launch(library, ranks, suite.cleave_path, "run", *arguments, **options)


def errors(done):
    return [line for line in done.stderr.splitlines() if "error[" in line]


def expect_error(done, words):
    found = errors(done)
    expect(len(found) == 1 and words in found[0], f"one diagnostic says '{words}'; found {found or done.stderr}")


# What is saved, printed and dumped on one rank after the other, byte by byte what ranks of one process make.
def as_local(library, ranks, plan, *arguments):
    file, saved = program(), {}
    for kind in ("local", library):
        folder = suite.path(f"{kind}-{plan}-{ranks}")
        os.makedirs(folder)
        common = [file, "--plan", plan, "--steps", 5, "--save", os.path.join(folder, "state"), "--dump", "y", "--json"]
        done = (suite.cleave("run", *common, cwd=folder) if kind == "local" else
                run(library, ranks, *common, *arguments, cwd=folder))
        facts = json.loads(done.stdout)
        saved[kind] = (bytes_of(os.path.join(folder, "state")), bytes_of(os.path.join(folder, "y.npy")),
                       facts["loss"], facts["plan"], [line for line in done.stderr.splitlines() if "the loss" in line])
    for what, mine, local in zip(("state", "y", "loss", "plan", "lines"), saved[library], saved["local"]):
        expect(mine == local, f"the {what} of {library} is that of local, to the bit; found {str(mine)[:200]} and {str(local)[:200]}")
    expect(len(saved["local"][4]) == 5, "rank 0 prints once a step")


@suite.test("Open MPI: four processes do what four threads do, to the bit, and write it once")
def _():
    as_local("openmpi", 4, "grid")


@suite.test("MPICH: two processes of two ranks do what four threads do, to the bit, and write it once")
def _():
    as_local("mpich", 2, "grid", "--ranks-per-process", 2)


@suite.test("what processes save, processes under another plan load, and one rank does")
def _():
    file, first, second = program(), suite.path("first"), suite.path("second")
    run("mpich", 4, file, "--plan", "grid", "--steps", 4, "--save", first, "--quiet")
    run("mpich", 2, file, "--plan", "data", "--mesh", "dp=2", "--steps", 6, "--resume", first, "--save", second, "--quiet")
    done = suite.cleave("run", file, "--steps", 6, "--resume", second, "--json")
    expect(json.loads(done.stdout)["step"] == 6, f"it goes on at step 6; found {done.stdout}")


@suite.test("inputs are cut and outputs put together between processes")
def _():
    file, folder = program(), suite.path("apply")
    os.makedirs(folder)
    done = {}
    for kind in ("local", "mpich"):
        words = [file, "--plan", "grid", "--entry", "apply", "--input", f"x={os.path.join(folder, 'x.npy')}", "--dump", "y",
                 "--dump", "x", "--dump", "curve.up.w", "--quiet"]
        with open(os.path.join(folder, "x.npy"), "wb") as out:
            header = "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 3), }".ljust(117) + "\n"
            out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
            out.write(struct.pack("<36f", *(i / 7 for i in range(36))))
        suite.cleave("run", *words, cwd=folder) if kind == "local" else run("mpich", 4, *words, cwd=folder)
        done[kind] = [bytes_of(os.path.join(folder, name)) for name in ("y.npy", "x.npy", "curve.up.w.npy")]
    expect(done["local"] == done["mpich"], "all values are those of local")


@suite.test("what goes wrong on the ranks is told once, and the processes end")
def _():
    for library in LIBRARIES:
        done = run(library, 4, program(), "--plan", "grid", "--entry", "check", "--quiet", status=None)
        expect(done.returncode == 3, f"a failed run ends with 3; found {done.returncode}")
        expect_error(done, "error[E711]: an assertion must hold")


@suite.test("E717: processes with different files, options and plans are refused")
def _():
    file, other = program(), program("other.dsl", PROGRAM.replace("1e-2", "2e-2"))
    words = ["run", file, "--plan", "grid", "--quiet"]
    for third, found in ([["run", other, "--plan", "grid", "--quiet"], "process 1, on {}, has another 'other.dsl'"],
                         [["run", file, "--plan", "wide", "--quiet"], "has the options 'wide', where process 0 has 'grid'"],
                         [[*words, "--set", "Batch=24"], "has the options 'Batch=24 grid', where process 0 has 'grid'"],
                         [["run", suite.path("nothing.dsl"), "--plan", "grid"], "has no such program: a program is a file"]):
        done = launch("mpich", 1, suite.cleave_path, *words, ":", "-n", 3, suite.cleave_path, *third, status=None)
        expect(done.returncode == 1, f"they are refused; found {done.returncode}")
        expect_error(done, found.format(os.uname().nodename))
    build = os.path.join(suite.scratch.name, "cleave-other")
    shutil.copy(suite.cleave_path, build)  # the same but for its build id
    with open(build, "r+b") as binary:
        header = struct.pack("<III", 4, 20, 3) + b"GNU\0"
        note = binary.read().find(header)
        expect(note > 0, "the command has a build id")
        binary.seek(note + len(header))
        binary.write(b"another!")
    environment = {"CLEAVE_STDLIB": os.path.join(ROOT, "stdlib"), "CLEAVE_PLUGINS": os.path.join(suite.options.build, "lib")}
    done = launch("mpich", 1, suite.cleave_path, *words, ":", "-n", 3, build, *words, status=None, environment=environment)
    expect_error(done, "has another build of Cleave 0.1.0")


@suite.test("E718: processes that are not the ranks of the mesh are refused")
def _():
    file = program()
    done = run("openmpi", 3, file, "--plan", "grid", "--quiet", status=None)
    expect_error(done, 'error[E718]: processes have the ranks of the mesh between them, 1 each, found 3 processes for 4 ranks, '
                       '["dp" = 2, "tp" = 2]')
    done = run("mpich", 2, file, "--plan", "grid", "--quiet", status=None)
    expect("or say --ranks-per-process 2" in done.stderr, f"a hint says how; found {done.stderr}")
    done = run("mpich", 2, file, "--quiet", status=None)
    expect_error(done, "found 2 processes for 1 rank")
    run("mpich", 2, file, "--quiet", "--steps", 1, "--communicator", "local")


@suite.test("E750, E751: no plug-in, no library, or another one than the launcher's")
def _():
    words = [program(), "--plan", "grid", "--quiet"]
    done = run("openmpi", 2, *words, status=None, environment={"CLEAVE_PLUGINS": suite.scratch.name})
    expect_error(done, "error[E750]: ranks in several processes need an MPI library and its plug-in, found no cleave-mpi-openmpi.so")
    broken = suite.path("plugins")
    os.makedirs(broken)
    with open(os.path.join(broken, "cleave-mpi-openmpi.so"), "w", encoding="utf-8") as file:
        file.write("no library")
    done = run("openmpi", 2, *words, status=None, environment={"CLEAVE_PLUGINS": broken})
    expect_error(done, "error[E750]: ranks in several processes need an MPI library and its plug-in, found none that can be loaded")
    done = run("openmpi", 2, *words, "--communicator", "mpi:mpich", status=None)
    expect_error(done, "found processes started by mpirun of Open MPI and --communicator mpi:mpich")
    done = run("mpich", 2, *words, "--communicator", "mpi:openmpi", status=None)
    expect_error(done, "found processes started by mpirun of MPICH and --communicator mpi:openmpi")
    done = run("mpich", 2, *words, status=None, environment={"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"})
    expect("error[E751]" in done.stderr and "found the variables of Open MPI's launcher (OMPI_COMM_WORLD_SIZE = 2) and of "
           "MPICH's (PMI_SIZE = 2)" in done.stderr, f"two launchers are named; found {done.stderr}")


@suite.test("a program without a launcher needs no MPI")
def _():
    linked = subprocess.run(["ldd", suite.cleave_path], capture_output=True, text=True, check=True).stdout
    expect("mpi" not in linked, f"the command links no MPI; found {linked}")


suite.main()
