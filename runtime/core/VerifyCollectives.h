// What verify() asks of a mesh, of splits and of collectives: that every rank can work out its part of them.
#ifndef CLEAVE_RUNTIME_CORE_VERIFYCOLLECTIVES_H
#define CLEAVE_RUNTIME_CORE_VERIFYCOLLECTIVES_H

#include "runtime/core/Program.h"

#include <string>

namespace cleave::rt {

// Each says what is wrong, or nothing.

std::string faultOfMesh(const Mesh &mesh);

// Why an address cannot be a block of what ranks share, or nothing.
std::string faultOfShare(const Mesh &mesh, const Address &address);

// Whether `shape` may be a block of the whole.
std::string faultOfSplit(const Mesh &mesh, const Shape &shape, const Split &split);

// A collective by itself.
std::string faultOfCollective(const Mesh &mesh, const Collective &collective);

// Whether an instruction's operands are what its collective, which has no fault, takes and gives.
std::string faultOfOperands(const Collective &collective, const std::vector<Operand> &operands);

// How many operands it reads; it writes the others. Two where there is both, else one.
size_t operandsRead(CollectiveKind kind);
size_t operandsOf(CollectiveKind kind);

} // namespace cleave::rt

#endif
