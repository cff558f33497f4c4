#include "compiler/verify/Compare.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace cleave;
using namespace cleave::verify;

static constexpr double kEpsilon = 0x1p-53, kJitter = 0x1p-36, kSafety = 8;

// How far apart two numbers are; equal ones, infinite or not a number, are not.
static double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b)))
    return 0;
  double difference = std::abs(a - b);
  return std::isnan(difference) ? HUGE_VAL : difference;
}

static double largestDistance(const std::vector<double> &a, const std::vector<double> &b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, distance(a[i], b[i]));
  return largest;
}

Bounds cleave::verify::boundsOf(const Values &plain, const Values &jittered, int64_t terms) {
  Bounds bounds;
  double factor = kSafety * static_cast<double>(std::max<int64_t>(terms, 1)) * (kEpsilon / kJitter);
  for (size_t i = 0; i < plain.size() && i < jittered.size(); ++i)
    bounds[plain[i].name] = rt::isFloat(plain[i].shape.type)
                                ? factor * largestDistance(plain[i].copies[0], jittered[i].copies[0])
                                : 0;
  return bounds;
}

static std::vector<int64_t> indexOf(const rt::Shape &shape, int64_t position) {
  std::vector<int64_t> index(shape.sizes.size());
  for (size_t i = index.size(); i-- > 0;) {
    index[i] = position % shape.sizes[i];
    position /= shape.sizes[i];
  }
  return index;
}

std::string Difference::place() const {
  if (index.empty())
    return name;
  std::string text = name + "[";
  for (size_t i = 0; i < index.size(); ++i)
    text += (i ? ", " : "") + std::to_string(index[i]);
  return text + "]";
}

//===------------------------------------------------------------------===//
// The order in which a program computes
//===------------------------------------------------------------------===//

static constexpr char kStack[] = "[*]";

// Up to the repeat that a value is computed in; empty where it is in none.
static std::string loopOf(const Value &value) {
  size_t star = value.name.find(kStack);
  return star == std::string::npos || !value.inTurns ? "" : value.name.substr(0, star);
}

// How many elements each turn of the repeats around a value makes.
static int64_t elementsOfTurn(const Value &value) {
  size_t dim = 0;
  int64_t turns = 1;
  for (size_t at = value.inTurns ? value.name.find(kStack) : std::string::npos;
       at != std::string::npos && dim < value.shape.sizes.size(); at = value.name.find(kStack, at + 1))
    turns *= value.shape.sizes[dim++];
  return std::max<int64_t>(value.shape.elements() / std::max<int64_t>(turns, 1), 1);
}

namespace {
// The earliest difference of a value.
struct Found {
  Difference difference;
  std::string loop; // that it is computed in, or empty
  int64_t turn = 0; // of it, in the order in which they run
};
} // namespace

// Compares one copy of a value; notes its worst element beyond the bound, of the first turn that has one.
// Gradients come in the turns' reverse order.
static void compareCopy(const Value &reference, const std::vector<double> &copy, Compared &result,
                        std::optional<Found> &found) {
  const std::vector<double> &expected = reference.copies[0];
  int64_t each = elementsOfTurn(reference);
  bool isBackward = reference.name.rfind("grad(", 0) == 0;
  double worst = 0; // of the turn that is noted
  for (size_t i = 0; i < expected.size(); ++i) {
    double difference = distance(expected[i], copy[i]);
    if (std::isfinite(expected[i]))
      result.scale = std::max(result.scale, std::abs(expected[i]));
    result.largest = std::max(result.largest, difference);
    if (difference <= result.bound)
      continue;
    ++result.beyond;
    auto at = static_cast<int64_t>(i);
    int64_t turn = isBackward ? -(at / each) : at / each;
    if (found && (turn > found->turn || (turn == found->turn && difference <= worst)))
      continue;
    worst = difference;
    found = Found{{reference.name, "", reference.source, indexOf(reference.shape, at), expected[i], copy[i],
                   result.bound},
                  loopOf(reference),
                  turn};
  }
}

static bool isAlike(const Value &reference, const Value &candidate) {
  return std::all_of(candidate.copies.begin(), candidate.copies.end(), [&](const std::vector<double> &copy) {
    return copy.size() == reference.copies[0].size();
  });
}

Comparison cleave::verify::compare(const Values &reference, const Values &candidate, const Bounds &bounds) {
  std::map<std::string, const Value *> others;
  for (const Value &value : candidate)
    others.emplace(value.name, &value);
  Comparison comparison;
  std::optional<Found> first;
  for (const Value &value : reference) {
    auto other = others.find(value.name);
    if (other == others.end() || !isAlike(value, *other->second)) {
      comparison.missing.push_back(value.name);
      continue;
    }
    Compared &result = comparison.values.emplace_back();
    result.name = value.name;
    if (auto bound = bounds.find(value.name); bound != bounds.end())
      result.bound = bound->second;
    std::optional<Found> found;
    for (const std::vector<double> &copy : other->second->copies)
      compareCopy(value, copy, result, found);
    // Behind the first value that differs only an earlier turn of the same repeat is before it.
    if (found &&
        (!first || (!found->loop.empty() && found->loop == first->loop && found->turn < first->turn)))
      first = found;
  }
  if (first)
    comparison.first = first->difference;
  return comparison;
}
