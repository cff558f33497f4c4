// Small sizes at which a program still asks of a plan what it asks at its own.
#ifndef CLEAVE_COMPILER_VERIFY_SIZES_H
#define CLEAVE_COMPILER_VERIFY_SIZES_H

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace cleave::verify {

// A size that may be lowered.
struct Shrinkable {
  std::string name;
  int64_t size = 1;
  int64_t parts = 1; // that a plan cuts it into
};

using Sizes = std::vector<std::pair<std::string, int64_t>>;

// Each size lowered as far as `accepts` lets it, all that have a common factor first and then one by one,
// until nothing changes. A size that its parts divide stays one, and one that they do not divide does not
// come to be; a part has two elements where it had as many. `accepts` is asked about all sizes at once, in
// this order; it accepts the given ones.
Sizes smallest(const std::vector<Shrinkable> &given, const std::function<bool(const Sizes &)> &accepts);

} // namespace cleave::verify

#endif
