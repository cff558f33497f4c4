// Who started this process, and whether others belong to it: read off the environment alone.
//
//   mpirun of Open MPI     OMPI_COMM_WORLD_SIZE, _RANK
//   mpirun of MPICH        PMI_SIZE, PMI_RANK (Hydra's; Intel MPI's likewise)
//   srun                   SLURM_STEP_NUM_TASKS, SLURM_PROCID, with PMI_* (--mpi=pmi2) or PMIX_* (--mpi=pmix)
//   anything else          WORLD_SIZE, RANK, MASTER_ADDR, MASTER_PORT
#ifndef CLEAVE_RUNTIME_COMM_LAUNCHER_H
#define CLEAVE_RUNTIME_COMM_LAUNCHER_H

#include "runtime/core/Error.h"

#include <cstdint>
#include <functional>
#include <string>

namespace cleave::rt {

// Whose plug-in: the libraries' binary interfaces differ. Those of MPICH's family have MPICH's.
enum class MpiLibrary { OpenMpi, Mpich };
const char *nameOf(MpiLibrary library); // "Open MPI", "MPICH"

// What `--communicator` says.
struct CommunicatorChoice {
  enum class Kind { Any, Local, Mpi } kind = Kind::Any;
  bool hasLibrary = false; // mpi:openmpi, mpi:mpich
  MpiLibrary library = MpiLibrary::OpenMpi;
};
// "", local, mpi, mpi:openmpi, mpi:mpich. False for other words.
bool parseCommunicator(const std::string &text, CommunicatorChoice &choice);

struct Launch {
  std::string launcher; // "mpirun of Open MPI"; empty: none was found
  int64_t processes = 1, process = 0;
  MpiLibrary library = MpiLibrary::OpenMpi; // that joins them
  std::string master;                       // HOST:PORT where the variables are MASTER_*; empty: others join
  std::string name;         // of this run, alike in its processes of one machine; empty: there is none
  int64_t onMachine = 0;    // processes of it on this machine; 0: not known
  bool killsAtOnce = false; // the launcher ends all (SIGKILL) some milliseconds after the death of one
};

using Environment = std::function<const char *(const char *name)>; // as std::getenv

// How this process is to be run. `processes` is 1 where it is alone. Errors:
//   E719  several processes were started, and nothing can join them (srun without an interface for it)
//   E751  the choice is another library than the launcher's, or two launchers claim the process
Result<Launch> findLaunch(const CommunicatorChoice &choice, const Environment &environment);
// Of this process.
Result<Launch> findLaunch(const CommunicatorChoice &choice);

// The numbers that any launcher has given this process, among all and on its machine; 0 where there is none.
// For those who cannot join.
struct Claimed {
  int64_t process = 0, onMachine = 0;
};
Claimed claimedPlace();

} // namespace cleave::rt

#endif
