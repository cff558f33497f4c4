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

static double boundOf(const Value &reference, const Value &jittered, int64_t terms) {
  if (!rt::isFloat(reference.shape.type))
    return 0;
  double spread = largestDistance(reference.elements, jittered.elements);
  return kSafety * static_cast<double>(std::max<int64_t>(terms, 1)) * (kEpsilon / kJitter) * spread;
}

static std::vector<int64_t> indexOf(const rt::Shape &shape, int64_t position) {
  std::vector<int64_t> index(shape.sizes.size());
  for (size_t i = index.size(); i-- > 0;) {
    index[i] = position % shape.sizes[i];
    position /= shape.sizes[i];
  }
  return index;
}

std::string Difference::indexText() const {
  if (index.empty())
    return "";
  std::string text = "[";
  for (size_t i = 0; i < index.size(); ++i)
    text += (i ? ", " : "") + std::to_string(index[i]);
  return text + "]";
}

// Compares one value; the worst element beyond its bound, or none.
static std::optional<Difference> compareOne(const Value &reference, const Value &candidate,
                                            Compared &result) {
  std::optional<Difference> worst;
  for (size_t i = 0; i < reference.elements.size(); ++i) {
    double expected = reference.elements[i], found = candidate.elements[i];
    double difference = distance(expected, found);
    if (std::isfinite(expected))
      result.scale = std::max(result.scale, std::abs(expected));
    bool beyond = difference > result.bound;
    result.beyond += beyond;
    if (beyond && (!worst || difference > result.largest)) {
      worst.emplace();
      worst->index = indexOf(reference.shape, static_cast<int64_t>(i));
      worst->expected = expected;
      worst->found = found;
      worst->bound = result.bound;
    }
    result.largest = std::max(result.largest, difference);
  }
  return worst;
}

Comparison cleave::verify::compare(const Values &reference, const Values &jittered, const Values &candidate,
                                   int64_t terms) {
  std::map<std::string, const Value *> others;
  for (const Value &value : candidate)
    others.emplace(value.name, &value);
  Comparison comparison;
  for (size_t i = 0; i < reference.size(); ++i) {
    const Value &value = reference[i];
    auto other = others.find(value.name);
    if (other == others.end() || other->second->elements.size() != value.elements.size()) {
      comparison.missing.push_back(value.name);
      continue;
    }
    Compared &result = comparison.values.emplace_back();
    result.name = value.name;
    result.bound = boundOf(value, jittered[i], terms);
    std::optional<Difference> worst = compareOne(value, *other->second, result);
    if (worst && !comparison.first) {
      worst->value = i;
      comparison.first = worst;
    }
  }
  return comparison;
}
