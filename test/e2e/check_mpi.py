"""Ranks in several processes: what every communicator must do and what `cleave` does, under each launcher there is.

Open MPI's and MPICH's mpirun, and srun where Slurm can be started here. What a machine lacks is skipped, and said.
"""
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import launchers
from harness import ROOT, Failure, Skip, Suite, expect
from launchers import LIBRARIES

suite = Suite(__doc__)
CACHE = {"CLEAVE_CACHE": suite.path("cache")}  # what one test has compiled, the next finds


def alone(*arguments, **options):
    """The command in one process."""
    return suite.cleave(*arguments, env={**os.environ, "CLEAVE_VERIFY_STAGES": "1", **CACHE}, **options)


def launch(library, ranks, *command, status=0, timeout=120, environment=None, cwd=ROOT):
    """Runs a command in so many processes; the completed launcher."""
    words = [launchers.launcher(suite, library), "-n", str(ranks), *map(str, command)]
    variables = launchers.environment({"CLEAVE_VERIFY_STAGES": "1", **CACHE, **(environment or {})})
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
        done = (alone("run", *common, cwd=folder) if kind == "local" else
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
    done = alone("run", file, "--steps", 6, "--resume", second, "--json")
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
        alone("run", *words, cwd=folder) if kind == "local" else run("mpich", 4, *words, cwd=folder)
        done[kind] = [bytes_of(os.path.join(folder, name)) for name in ("y.npy", "x.npy", "curve.up.w.npy")]
    expect(done["local"] == done["mpich"], "all values are those of local")


@suite.test("an artefact made under a plan runs in processes; generate continues text there")
def _():
    artefact, saved = suite.path("curve.cleave"), suite.path("artefact.safetensors")
    suite.cleave("build", program(), "--plan", "grid", "-o", artefact, "--quiet")
    run("openmpi", 4, artefact, "--steps", 5, "--save", saved, "--quiet")
    expect(bytes_of(saved) == local_state(), "the state is that of local, to the bit")
    sizes = {"Vocab": 96, "Embed": 32, "KeyHeads": 2, "Group": 2, "Head": 8, "Hidden": 40, "Layers": 3, "Context": 32, "Seq": 4,
             "rope_base": 10000.0, "rope_factor": 8.0, "rope_trained": 32.0, "Batch": 1}
    words = ["generate", os.path.join(ROOT, "examples", "05_llama", "llama.dsl"), "--plan", "tensor", "--mesh", "tp=2",
             *(f"--set={name}={size}" for name, size in sizes.items()),
             "--weights", os.path.join(ROOT, "test", "unit", "text", "reference", "llama"), "--ids", "1,2,3", "--tokens", 4, "--json"]
    threads = json.loads(alone(*words).stdout)["sequences"]
    together = json.loads(launch("mpich", 2, suite.cleave_path, *words).stdout)["sequences"]
    expect(threads == together, f"two processes make what two threads make; found {together} and {threads}")


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
    done = run("openmpi", 2, *words, "--json", status=None, environment={"CLEAVE_PLUGINS": suite.scratch.name})
    found = json.loads(done.stdout)["diagnostics"][0]["code"]
    expect(found == "E750", f"--json says it as well; found {done.stdout}")
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


def numbered(ranks, *arguments, port, before=lambda rank: [], status=0, **more):
    """As something else than mpirun starts processes: each with its number. The completed processes."""
    launchers.launcher(suite, "mpich")
    started = []
    for rank in range(ranks):
        environment = {**os.environ, **CACHE, "RANK": str(rank), "WORLD_SIZE": str(ranks),
                       "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), **more}
        started.append(subprocess.Popen([*before(rank), suite.cleave_path, "run", *map(str, arguments)], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        start_new_session=True))
    ended = []
    for rank, process in enumerate(started):
        try:
            out, error = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            for each in started:
                os.killpg(each.pid, signal.SIGKILL)
            raise Failure(f"processes end within a minute; rank {rank} does not")
        ended.append(subprocess.CompletedProcess(process.args, process.returncode, out, error))
    for rank, done in enumerate(ended):
        expect(status is None or done.returncode == status,
               f"rank {rank} ends with {status}; found {done.returncode}\n{done.stdout}{done.stderr}")
    return ended


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@functools.lru_cache(maxsize=None)
def local_state():
    """What 5 steps of `grid` save in one process."""
    saved = suite.path("local.safetensors")
    alone("run", program(), "--plan", "grid", "--steps", 5, "--save", saved, "--quiet")
    return bytes_of(saved)


@suite.test("processes that RANK and WORLD_SIZE number meet at MASTER_ADDR and MASTER_PORT")
def _():
    saved = suite.path("numbered.safetensors")
    numbered(4, program(), "--plan", "grid", "--steps", 5, "--save", saved, "--quiet", port=free_port())
    expect(bytes_of(saved) == local_state(), "the state is that of local, to the bit")


@suite.test("E752: a port that is taken is refused, and so are variables that miss one")
def _():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(16)
        taken.settimeout(30)
        port = taken.getsockname()[1]
        launchers.launcher(suite, "mpich")
        environment = {**os.environ, "RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        done = suite.cleave("run", program(), "--plan", "grid", "--quiet", status=3, env=environment)
        expect_error(done, f"error[E752]: processes meet at a port of process 0, found that 127.0.0.1:{port} cannot be had: "
                           "Address already in use")
    del environment["MASTER_PORT"]
    done = suite.cleave("run", program(), "--plan", "grid", "--quiet", status=3, env=environment)
    expect_error(done, "error[E719]: processes that RANK and WORLD_SIZE number meet at MASTER_ADDR and MASTER_PORT, found no MASTER_PORT")


def requires_root_for(what, *command):
    done = subprocess.run(command, capture_output=True, text=True) if shutil.which(command[0]) else None
    if not done or done.returncode != 0:
        raise Skip(f"{what} cannot be made here: {done.stderr.strip() if done else 'there is no ' + command[0]}")


@suite.test("E753: shared memory that cannot be had is named")
def _():
    requires_root_for("a small /dev/shm", "unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm")
    small = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$0" "$@"']
    done = launch("mpich", 2, *small, suite.cleave_path, "run", program(), "--plan", "data", "--mesh", "dp=2", "--quiet", status=None)
    expect(done.returncode != 0, "no shared memory, no run")
    expect_error(done, "error[E753]: processes of one machine need shared memory, found that 8.0 MiB of it cannot be had in "
                       "/dev/shm: No space left on device")


# Each has interfaces and a name of its own.
MACHINE = """ip netns exec {name} unshare -m -u sh -c 'hostname {name} && exec "$0" "$@"' "$@" """


@contextlib.contextmanager
def two_machines():
    """Two network namespaces that a cable joins, at 10.87.0.1 and 10.87.0.2; yields their names."""
    requires_root_for("a network namespace", "ip", "netns", "add", "cleave-try")
    subprocess.run(["ip", "netns", "del", "cleave-try"], check=True)
    names = [f"cleave-{os.getpid()}-{side}" for side in "ab"]

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", names[0], "link", "add", "link0", "type", "veth", "peer", "name", "link0", "netns", names[1])
        for number, name in enumerate(names):
            ip("-n", name, "addr", "add", f"10.87.0.{number + 1}/24", "dev", "link0")
            ip("-n", name, "link", "set", "link0", "up")
        for name in names:  # the kernel takes up to a second to say that a link is there
            for _ in range(50):
                shown = subprocess.run(["ip", "-n", name, "-br", "link", "show", "link0"], capture_output=True, text=True).stdout
                if " UP " in shown:
                    break
                time.sleep(0.1)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@suite.test("two machines that only a network joins do what one does, to the bit")
def _():
    with two_machines() as names:
        network = {"MASTER_ADDR": "10.87.0.1", "UCX_TLS": "tcp,self"}  # not by the memory that both are in
        saved = suite.path("machines.safetensors")
        before = lambda rank: ["sh", "-c", MACHINE.format(name=names[rank // 2]), "sh"]
        done = numbered(4, program(), "--plan", "grid", "--steps", 5, "--save", saved, "--json", port=29400, before=before, **network)
        expect(bytes_of(saved) == local_state(), "the state is that of one machine, to the bit")
        expect(json.loads(done[0].stdout)["plan"]["ranks"] == 4 and not any(each.stdout for each in done[1:]), "rank 0 writes")
        other = program("other.dsl", PROGRAM.replace("1e-2", "2e-2"))
        changed = MACHINE.replace("&& exec", f"&& mount --bind {other} {program()} && exec")
        done = numbered(4, program(), "--plan", "grid", "--quiet", port=29401, status=1, **network,
                        before=lambda rank: ["sh", "-c", (changed if rank > 1 else MACHINE).format(name=names[rank // 2]), "sh"])
        expect_error(done[0], f"found that process 2, on {names[1]}, has another 'curve.dsl'")


# What Open MPI's launcher calls in the place of ssh: HOST COMMAND...
AGENT = """#!/bin/sh
shift
exec ip netns exec {name} unshare -m -u sh -c 'hostname {name} && exec sh -c "$*"' sh "$@"
"""


@suite.test("Open MPI's launcher starts ranks on both of two machines, and a death on one is named on the other")
def _():
    command = launchers.launcher(suite, "openmpi")
    with two_machines() as names:
        agent = suite.path("agent")
        with open(agent, "w", encoding="utf-8") as file:
            file.write(AGENT.format(name=names[1]))
        os.chmod(agent, 0o755)

        def launch_on_both(*arguments, **more):
            words = [command, "--mca", "plm_rsh_agent", agent, "-H", "10.87.0.1:2,10.87.0.2:2", "-n", "4",
                     "-x", "CLEAVE_CACHE", "-x", "CLEAVE_FAULT", *(word for layer in ("oob", "btl")
                                                                  for word in ("--mca", f"{layer}_tcp_if_include", "link0"))]
            return subprocess.run(["sh", "-c", MACHINE.format(name=names[0]), "sh", *words, suite.cleave_path, "run", program(),
                                   "--plan", "grid", "--quiet", *map(str, arguments)], cwd=ROOT, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60,
                                  env=launchers.environment({"CLEAVE_FAULT": "", **CACHE, **more}))

        saved = suite.path("both.safetensors")
        done = launch_on_both("--steps", 5, "--save", saved)
        expect(done.returncode == 0 and bytes_of(saved) == local_state(),
               f"the state is that of one machine, to the bit; found status {done.returncode}\n{done.stderr}")
        done = launch_on_both(CLEAVE_FAULT="kind=kill,rank=3,step=3")
        expect(f"that of rank 3 (process " in done.stderr and f" on {names[1]}) dead" in done.stderr,
               f"who died is named; found\n{done.stderr}")


SLURM = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextlib.contextmanager
def slurm():
    """Debian's Slurm with this machine as its one node; yields a function that calls srun."""
    for command in ("munged", "slurmctld", "slurmd", "srun"):
        if not shutil.which(command):
            raise Skip(f"there is no {command}")
    if os.geteuid() != 0:
        raise Skip("slurmd starts tasks as root alone")
    with tempfile.TemporaryDirectory(prefix="cleave-slurm-", dir="/tmp") as folder:  # a socket's name must be short
        os.chmod(folder, 0o755)
        for name in ("spool", "state"):
            os.mkdir(os.path.join(folder, name))
        key = os.path.join(folder, "munge.key")
        with open(key, "wb") as file:
            file.write(os.urandom(1024))
        os.chmod(key, 0o400)
        configuration = os.path.join(folder, "slurm.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(SLURM.format(host=os.uname().nodename, folder=folder, ports=(free_port(), free_port())))
        environment = {**os.environ, "SLURM_CONF": configuration, **CACHE, **launchers.ENVIRONMENT}
        daemons = [["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket",
                    f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"],
                   ["slurmctld", "-D", "-f", configuration], ["slurmd", "-D", "-f", configuration, "-N", os.uname().nodename]]
        running = []
        try:
            for daemon in daemons:
                running.append(subprocess.Popen(daemon, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                stderr=subprocess.DEVNULL))
                time.sleep(0.3)
            for _ in range(100):
                state = subprocess.run(["sinfo", "-h", "-o", "%t"], env=environment, capture_output=True, text=True).stdout.strip()
                if state == "idle":
                    break
                time.sleep(0.1)
            else:
                raise Skip(f"Slurm does not come up here: its node is '{state}'")

            def srun(*words, status=0):
                done = subprocess.run(["srun", *map(str, words)], env=environment, capture_output=True, text=True, timeout=60,
                                      stdin=subprocess.DEVNULL)
                expect(status is None or done.returncode == status, f"srun ends with {status}; found {done.returncode}\n{done.stderr}")
                return done
            yield srun
        finally:
            for process in reversed(running):
                process.terminate()
                process.wait(timeout=20)


@suite.test("srun: ranks are the tasks, joined by PMIx or PMI-2; without either they are refused")
def _():
    with slurm() as srun:
        for library, interface in (("openmpi", "pmix"), ("mpich", "pmi2")):
            launchers.launcher(suite, library)
            saved = suite.path(f"{interface}.safetensors")
            srun("-n", 4, f"--mpi={interface}", suite.cleave_path, "run", program(), "--plan", "grid", "--steps", 5, "--save", saved,
                 "--quiet")
            expect(bytes_of(saved) == local_state(), f"the state under {interface} is that of local, to the bit")
        done = srun("-n", 2, "--mpi=none", suite.cleave_path, "run", program(), "--plan", "grid", "--quiet", status=3)
        expect_error(done, "error[E719]: the tasks of srun are joined by a process manager interface, found 2 tasks without one")
        srun("-n", 1, suite.cleave_path, "run", program(), "--steps", 1, "--quiet")


@suite.test("eight ranks start in 2 s")
def _():
    if suite.sanitizers:
        raise Skip("bounds are for programs without sanitizers")
    file = program()
    words = [file, "--plan", "wide", "--steps", 1, "--quiet"]
    for library in LIBRARIES:
        best = 1e9
        for _ in range(3):
            begin = time.monotonic()
            run(library, 8, *words, environment=CACHE)
            best = min(best, time.monotonic() - begin)
            if best < 2:
                break
        print(f"8 ranks of {LIBRARIES[library]}: from mpirun to its end {best:.2f} s")
        if best >= 2 and os.getloadavg()[0] > 1.5 * os.cpu_count():
            raise Skip(f"others keep this machine busy: the load is {os.getloadavg()[0]:.0f}")
        expect(best < 2, f"they start and end within 2 s; found {best:.2f} s")


@suite.test("an installed command that PATH finds has its plug-ins, wherever it is called")
def _():
    prefix, folder = suite.path("prefix"), suite.path("elsewhere")
    os.makedirs(os.path.join(folder, "cleave"))  # no command, though of its name
    for name in ("bin", "lib", "share/cleave"):
        os.makedirs(os.path.join(prefix, name))
    shutil.copy(suite.cleave_path, os.path.join(prefix, "bin"))
    shutil.copytree(os.path.join(ROOT, "stdlib"), os.path.join(prefix, "share", "cleave", "stdlib"))
    launchers.launcher(suite, "mpich")
    shutil.copy(os.path.join(suite.options.build, "lib", "cleave-mpi-mpich.so"), os.path.join(prefix, "lib"))
    launch("mpich", 4, "cleave", "run", program(), "--plan", "grid", "--steps", 1, "--quiet", cwd=folder,
           environment={"PATH": os.path.join(prefix, "bin") + ":" + os.environ["PATH"]})


@suite.test("E746: a command that has all ranks in one process refuses several, and takes one")
def _():
    words = [suite.cleave_path, "verify", program(), "--plan", "grid", "--entry", "apply"]
    done = launch("openmpi", 2, *words, status=None)
    expect_error(done, "error[E746]: cleave verify has all ranks in one process, found 2 processes started by mpirun of Open MPI")
    expect(done.returncode != 0 and not done.stdout, f"nothing is verified; found {done.returncode}, {done.stdout}")
    one = launch("openmpi", 1, *words)
    expect("grid" in one.stdout, f"one process verifies; found {one.stdout}")


@suite.test("a program without a launcher needs no MPI")
def _():
    linked = subprocess.run(["ldd", suite.cleave_path], capture_output=True, text=True, check=True).stdout
    expect("mpi" not in linked, f"the command links no MPI; found {linked}")


suite.main()
