// Plans drawn at random for a program, as text of the language: the same for the same number, everywhere.
#ifndef CLEAVE_TEST_UNIT_VERIFY_RANDOMPLANS_H
#define CLEAVE_TEST_UNIT_VERIFY_RANDOMPLANS_H

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::test {

// What of a program a plan can name.
struct Nameable {
  std::string path;              // "net.up.w"
  std::vector<std::string> axes; // of its type, in order; of a stack without the repeat's
  bool isParameter = false;
};

struct PlannedProgram {
  std::string file; // in test/unit/verify/programs, without the suffix
  std::vector<std::string> axes;
  std::vector<Nameable> values;
  std::string batch;   // axis that micro-batches cut
  uint64_t plans = 60; // to draw
};

// The programs that random plans are made for.
const std::vector<PlannedProgram> &plannedPrograms();

// `plan random on mesh(...) { ... }`: one to three mesh axes and at most eight ranks; shards over them and
// parts of them, layouts, open and closed, of all layers and of some, replication, storage, remainders,
// micro-batches, residuals, limits. Some are wrong on purpose, or by chance.
std::string randomPlan(const PlannedProgram &program, uint64_t number);

} // namespace cleave::test

#endif
