// Whether two runs of a program differ by more than the order of their sums explains.
//
// Both are f64. How far rounding may take a value T is not guessed from its size: a third run, of the
// reference with every computed term off by one part in 2^36 up or down (model-jitter), shows how much the
// program makes of small errors. With D(T) the largest difference between that run and the reference over T's
// elements, and n the terms of the program's largest sum,
//
//   bound(T) = 8 n (eps / 2^-36) D(T)        eps = 2^-53
//
// A sum of n terms x taken in another order is off by at most n eps sum |x| (Higham, "Accuracy and Stability
// of Numerical Algorithms", 2nd ed., section 4.2), the jittered one by about 2^-36 sqrt(sum x^2); what
// follows is linear in both to first order. So the bound is c n eps sum |x| with the sums measured where they
// occur, cancellation and all that comes after them included. Integers must be equal.
#ifndef CLEAVE_COMPILER_VERIFY_COMPARE_H
#define CLEAVE_COMPILER_VERIFY_COMPARE_H

#include "runtime/core/Program.h"

#include <optional>
#include <string>
#include <vector>

namespace cleave::verify {

// A value of a run, whole. Integers and bools are held exactly up to 2^53.
struct Value {
  std::string name;
  rt::Shape shape;
  std::vector<double> elements; // row-major
  std::string layout;           // as users write it, or empty
  std::string source;           // "file:line:column", or empty
};

// Values of one run, in program order.
using Values = std::vector<Value>;

struct Difference {
  size_t value = 0; // index in the reference
  std::vector<int64_t> index;
  double expected = 0, found = 0;
  double bound = 0;
  // The element's place where the value has one ("[3, 0]"), else empty.
  std::string indexText() const;
};

struct Compared {
  std::string name;
  double largest = 0; // difference
  double bound = 0;
  double scale = 0;   // largest magnitude of the reference
  int64_t beyond = 0; // elements that differ by more
};

struct Comparison {
  std::vector<Compared> values;
  std::optional<Difference> first;  // of the first value beyond its bound: its worst element
  std::vector<std::string> missing; // in the candidate
};

// The values of `reference` against those of the same name in `candidate`. `jittered` has the reference's
// values in its order. `terms`: of the largest sum.
Comparison compare(const Values &reference, const Values &jittered, const Values &candidate, int64_t terms);

} // namespace cleave::verify

#endif
