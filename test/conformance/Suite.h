// What the tests of a communicator share.
#ifndef CLEAVE_TEST_CONFORMANCE_SUITE_H
#define CLEAVE_TEST_CONFORMANCE_SUITE_H

#include "test/conformance/Communicators.h"
#include "test/conformance/Oracle.h"

#include <gtest/gtest.h>

namespace cleave::rt::test {

constexpr double kTimeout = 120;
constexpr Type kTypes[] = {Type::F32, Type::F64, Type::BF16, Type::F16, Type::I8,
                           Type::I32, Type::I64, Type::U8,   Type::Bool};
constexpr Reduction kReductions[] = {Reduction::Sum, Reduction::Max, Reduction::Min, Reduction::Prod};

// A mesh of one axis, and all axes of a mesh.
Mesh lineOf(int64_t ranks);
std::vector<AxisPart> all(const Mesh &mesh);
Collective make(CollectiveKind kind, std::vector<AxisPart> over);

// Where `data` is not what the rank must have; empty: nowhere.
std::string difference(const CollectiveCase &test, int64_t rank, const std::vector<char> &data);

// Runs a case so many times on one rank; what went wrong, or nothing. A wrong result fails the communicator.
std::string runOne(const CollectiveCase &test, Communicator &end, int64_t times);

class Conformance : public testing::TestWithParam<CommunicatorKind> {
protected:
  // Runs cases of one mesh, one after the other.
  void expectRight(const std::vector<CollectiveCase> &tests, int64_t times = 2);
};

} // namespace cleave::rt::test

#endif
