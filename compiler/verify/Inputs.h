// Values for the inputs of an entry where what they are does not matter, only that all runs have the same.
#ifndef CLEAVE_COMPILER_VERIFY_INPUTS_H
#define CLEAVE_COMPILER_VERIFY_INPUTS_H

#include "runtime/core/Program.h"

#include <vector>

namespace cleave::verify {

// Row-major elements of this shape, whole: floating-point numbers in (-1, 1), integers in [0, below), bools.
// The same for the same number, everywhere.
std::vector<char> inputValues(const rt::Shape &shape, uint64_t number, int64_t below);

// What `below` may be, largest first: the sizes of axes that `shapes` name, then 2 and 1. A program whose
// integers are positions in a table accepts one of them; its assertions say which.
std::vector<int64_t> integerRanges(const std::vector<rt::Shape> &shapes);

} // namespace cleave::verify

#endif
