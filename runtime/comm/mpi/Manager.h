// Where no launcher of MPI's has started the processes, only somebody who numbers them (RANK, WORLD_SIZE):
// process 0 tells MPICH's library what a launcher would, over a connection of each process to MASTER_ADDR and
// MASTER_PORT, in the words of its process manager interface:
// https://github.com/pmodels/mpich/blob/main/doc/wiki/design/PMI_v1_API.md
#ifndef CLEAVE_RUNTIME_COMM_MPI_MANAGER_H
#define CLEAVE_RUNTIME_COMM_MPI_MANAGER_H

#include "runtime/comm/Launcher.h"

#include <memory>

namespace cleave::rt::mpi {

class Manager {
public:
  Manager() = default;
  virtual ~Manager() = default; // of process 0: once all processes have ended MPI

  // Connects this process, and lets the library find the connection (PMI_FD). E752: process 0 cannot have the
  // port; E719: process 0 does not answer within `seconds`.
  static Result<std::unique_ptr<Manager>> start(const Launch &launch, double seconds = 60);
};

} // namespace cleave::rt::mpi

#endif
