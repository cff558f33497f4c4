"""Ranks in several processes: what every communicator must do and what `cleave` does, under each launcher there is.

Open MPI's and MPICH's mpirun, and srun where Slurm can be started here. What a machine lacks is skipped, and said.
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Failure, Skip, Suite, expect

suite = Suite(__doc__)
LIBRARIES = {"openmpi": "Open MPI", "mpich": "MPICH"}

# More ranks than processors, and by root: fine in a test.
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
               "OMPI_MCA_mpi_yield_when_idle": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}


def launcher(library):
    plugin = os.path.join(suite.options.build, "lib", f"cleave-mpi-{library}.so")
    if not os.path.exists(plugin):
        raise Skip(f"Cleave was built without the headers of {LIBRARIES[library]}")
    command = shutil.which(f"mpirun.{library}")
    if not command:
        raise Skip(f"there is no mpirun.{library}")
    return command


def launch(library, ranks, *command, status=0, timeout=120, environment=None):
    """Runs a command in so many processes; the completed launcher."""
    words = [launcher(library), "-n", str(ranks), *map(str, command)]
    variables = {**os.environ, "CLEAVE_VERIFY_STAGES": "1", "CLEAVE_CACHE": "", **ENVIRONMENT, **(environment or {})}
    try:
        done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
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


suite.main()
