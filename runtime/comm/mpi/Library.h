// The plug-in of an MPI library. Internal to mpi/.
#ifndef CLEAVE_RUNTIME_COMM_MPI_LIBRARY_H
#define CLEAVE_RUNTIME_COMM_MPI_LIBRARY_H

#include "runtime/comm/Launcher.h"
#include "runtime/comm/mpi/Transport.h"

namespace cleave::rt::mpi {

// The table of its plug-in, loaded for good. E750 where there is none, or no such library; E751 where another
// MPI library is in this process already.
Result<const CleaveTransport *> loadTransport(MpiLibrary library);

} // namespace cleave::rt::mpi

#endif
