// How processes reach each other: an address to listen at, and connections to one of another's. Internal to
// watch/.
#ifndef CLEAVE_RUNTIME_COMM_WATCH_SOCKETS_H
#define CLEAVE_RUNTIME_COMM_WATCH_SOCKETS_H

#include "runtime/core/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::rt {

// Listens at a port that the system chooses, of all this machine's addresses. The file, or E738.
Result<int> listenAnywhere(uint16_t &port);

// Where others may find this machine, as numbers: those of its networks, then its own loops.
std::vector<std::string> ownAddresses();

// A connection, or -1 with the system's reason in `why`.
int connectTo(const std::string &address, uint16_t port, double seconds, std::string &why);

// Waits until there is something to read.
bool waitToRead(int file, double seconds);

} // namespace cleave::rt

#endif
