// A loss curve that a person can look at: in the terminal (Unicode braille) and as SVG.
#ifndef CLEAVE_TOOLS_CLEAVE_LOSSCURVE_H
#define CLEAVE_TOOLS_CLEAVE_LOSSCURVE_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cleave::tool {

// (step, loss) in order of steps; losses that are not finite leave a gap.
using Curve = std::vector<std::pair<int64_t, double>>;

// `columns` x `rows` characters of plot with the loss on the left and steps below; empty for fewer than 2
// points.
std::string terminalPlot(const Curve &curve, const std::string &label, int columns = 64, int rows = 12);

// A self-contained SVG picture of the same.
std::string svgPlot(const Curve &curve, const std::string &label);

} // namespace cleave::tool

#endif
