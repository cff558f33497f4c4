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

// Compares one copy of a value; notes its worst element beyond the bound.
static void compareCopy(const Value &reference, const std::vector<double> &copy, Compared &result,
                        std::optional<Difference> &worst) {
  const std::vector<double> &expected = reference.copies[0];
  for (size_t i = 0; i < expected.size(); ++i) {
    double difference = distance(expected[i], copy[i]);
    if (std::isfinite(expected[i]))
      result.scale = std::max(result.scale, std::abs(expected[i]));
    bool beyond = difference > result.bound;
    result.beyond += beyond;
    if (beyond && (!worst || difference > result.largest))
      worst = Difference{reference.name, "",      indexOf(reference.shape, static_cast<int64_t>(i)),
                         expected[i],    copy[i], result.bound};
    result.largest = std::max(result.largest, difference);
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
    std::optional<Difference> worst;
    for (const std::vector<double> &copy : other->second->copies)
      compareCopy(value, copy, result, worst);
    if (worst && !comparison.first) {
      worst->layout = other->second->layout;
      comparison.first = worst;
    }
  }
  return comparison;
}
