// What a collective must give, worked out element by element from its definition, by one thread and with no
// code of the runtime's but its data types.
#ifndef CLEAVE_TEST_CONFORMANCE_ORACLE_H
#define CLEAVE_TEST_CONFORMANCE_ORACLE_H

#include "runtime/core/Program.h"

#include <vector>

namespace cleave::rt::test {

// A collective with the shapes that its ranks have, made from the shape of the whole.
class CollectiveCase {
public:
  // `sizes`: of the whole; of everything where nothing is cut.
  CollectiveCase(Mesh mesh, Collective collective, Type type, std::vector<int64_t> sizes);

  Shape in(int64_t rank) const;
  Shape out(int64_t rank) const;

  // Deterministic, and another for every rank: floats whose sums need rounding.
  std::vector<char> input(int64_t rank) const;
  std::vector<char> expected(int64_t rank) const;

  Mesh mesh;
  Collective collective;
  Type type;
  std::vector<int64_t> sizes;

private:
  struct Part {
    int64_t begin, size, local;
  };
  // A member's block of a dim of `extent` elements.
  Part part(int64_t extent, int64_t member) const;
  std::vector<int64_t> group(int64_t rank) const;
};

// One element of a type.
struct Number {
  double real = 0;
  int64_t whole = 0;
};
Number loadNumber(Type type, const char *data, int64_t index);
void storeNumber(Type type, Number value, char *data, int64_t index);

} // namespace cleave::rt::test

#endif
