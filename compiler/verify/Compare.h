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

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cleave::verify {

// A value of a run, whole. Integers and bools are held exactly up to 2^53.
struct Value {
  std::string name;
  rt::Shape shape;
  // Row-major; where several ranks hold an element, each copy has another rank's.
  std::vector<std::vector<double>> copies;
  std::string source;   // "file:line:column" of what computes it, or empty
  bool inTurns = false; // computed within the repeats of its name, `blocks[*]`: a leading dim for each
};

// Values of one run, in program order.
using Values = std::vector<Value>;

// By name, how far apart two runs may be.
using Bounds = std::map<std::string, double>;

// From a run and the same with jitter. `terms`: of the largest sum.
Bounds boundsOf(const Values &plain, const Values &jittered, int64_t terms);

struct Difference {
  std::string name;
  std::string layout; // as users write it, or empty
  std::string source; // of the model, or empty
  std::vector<int64_t> index;
  double expected = 0, found = 0;
  double bound = 0;
  // "name[3, 0]", "name" of a scalar.
  std::string place() const;
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
  // Of the first value beyond its bound its worst element. What a repeat makes comes turn by turn, gradients
  // from the last to the first.
  std::optional<Difference> first;
  std::vector<std::string> missing; // in the candidate, or of another shape there
};

// The values of `reference` (its first copies) against all copies of those of the same name in `candidate`. A
// value without a bound must be equal.
Comparison compare(const Values &reference, const Values &candidate, const Bounds &bounds);

} // namespace cleave::verify

#endif
