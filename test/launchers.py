"""How tests start processes: the launchers' commands, with what lets them run by root and with more ranks than processors."""
import os
import shutil

from harness import Skip

LIBRARIES = {"openmpi": "Open MPI", "mpich": "MPICH"}

ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
               "OMPI_MCA_mpi_yield_when_idle": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}


def launcher(suite, library):
    """The library's mpirun; the test is skipped where there is none, or no plug-in for it."""
    plugin = os.path.join(suite.options.build, "lib", f"cleave-mpi-{library}.so")
    if not os.path.exists(plugin):
        raise Skip(f"Cleave was built without the headers of {LIBRARIES[library]}")
    command = shutil.which(f"mpirun.{library}")
    if not command:
        raise Skip(f"there is no mpirun.{library}")
    return command


def environment(more=None):
    return {**os.environ, "CLEAVE_CACHE": "", **ENVIRONMENT, **(more or {})}
