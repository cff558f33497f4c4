// A verdict for people.
#include "compiler/verify/Verify.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <fstream>

using namespace cleave;
using namespace cleave::verify;

static std::string sizesText(const Sizes &sizes) {
  std::string text;
  for (const auto &[name, size] : sizes)
    text += (text.empty() ? "" : ", ") + name + " = " + std::to_string(size);
  return text;
}

static std::string ranksText(int64_t ranks) {
  return std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks");
}

static std::string numberText(const char *format, double number) {
  char text[40];
  std::snprintf(text, sizeof(text), format, number);
  return text;
}

// The text at "file:line:column", or none where it cannot be read.
static std::string lineOf(const std::string &place) {
  size_t column = place.rfind(':');
  size_t line = column == std::string::npos || column == 0 ? column : place.rfind(':', column - 1);
  if (line == std::string::npos)
    return "";
  std::ifstream file(place.substr(0, line));
  std::string text;
  for (long left = std::strtol(place.c_str() + line + 1, nullptr, 10); left > 0; --left)
    if (!std::getline(file, text))
      return "";
  return text;
}

static std::string textOf(const Difference &first) {
  std::string text = "differs: " + first.place() + " is " + numberText("%.17g", first.found) +
                     ", and should be " + numberText("%.17g", first.expected) + "\n  by " +
                     numberText("%.3g", std::abs(first.found - first.expected)) +
                     ", where the order of sums explains " + numberText("%.3g", first.bound) +
                     "; all that the program names before it is equal\n";
  if (!first.layout.empty())
    text += "  its layout is " + first.layout + "\n";
  if (!first.source.empty())
    text += "  computed at " + first.source + "\n" + "  " + lineOf(first.source) + "\n";
  return text;
}

std::string cleave::verify::textOf(const Verdict &verdict) {
  std::string text =
      verdict.entry + " under " + verdict.plan + " on " + ranksText(verdict.ranks) + ", against " +
      (verdict.against.empty() ? "one rank" : verdict.against + " on " + ranksText(verdict.againstRanks)) +
      "\n  sizes: " + sizesText(verdict.axes) + "\n";
  if (!verdict.mesh.empty())
    text += "  mesh: " + sizesText(verdict.mesh) + "\n";
  if (size_t count = verdict.comparison.missing.size())
    text += "  not compared: " + std::to_string(count) + " values that one of the two has in another shape\n";
  if (verdict.comparison.first)
    return text + ::textOf(*verdict.comparison.first);
  const Compared *worst = nullptr;
  auto share = [](const Compared &value) { return value.bound > 0 ? value.largest / value.bound : 0; };
  for (const Compared &value : verdict.comparison.values)
    if (!worst || share(value) > share(*worst))
      worst = &value;
  text += "equal: " + std::to_string(verdict.comparison.values.size()) +
          " values, to what the order of sums explains\n";
  if (worst && worst->largest > 0)
    text += "  nearest to its bound: " + worst->name + ", off by " + numberText("%.3g", worst->largest) +
            " of " + numberText("%.3g", worst->bound) + "\n";
  return text;
}
