#include "tools/cleave/LossCurve.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace cleave::tool {

namespace {

struct Range {
  double low = INFINITY;
  double high = -INFINITY;
};

// The finite losses' range, never empty.
Range rangeOf(const Curve &curve) {
  Range range;
  for (const auto &[step, loss] : curve) {
    if (!std::isfinite(loss))
      continue;
    range.low = std::min(range.low, loss);
    range.high = std::max(range.high, loss);
  }
  if (range.low == range.high) {
    range.low -= 0.5;
    range.high += 0.5;
  }
  return range;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

bool drawable(const Curve &curve) {
  return std::count_if(curve.begin(), curve.end(),
                       [](const auto &point) { return std::isfinite(point.second); }) >= 2;
}

// A raster of dots in braille characters, 2 wide and 4 high each.
class Braille {
public:
  Braille(int columns, int rows) : columns(columns), rows(rows), cells(columns * rows, 0) {}

  int width() const { return columns * 2; }
  int height() const { return rows * 4; }

  void dot(int x, int y) {
    static const uint8_t kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    cells[y / 4 * columns + x / 2] |= kBits[y % 4][x % 2];
  }

  std::string row(int index) const {
    std::string text;
    for (int column = 0; column < columns; ++column) {
      unsigned code = 0x2800 + cells[index * columns + column]; // three bytes of UTF-8
      text += static_cast<char>(0xe0 | (code >> 12));
      text += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
      text += static_cast<char>(0x80 | (code & 0x3f));
    }
    return text;
  }

private:
  int columns, rows;
  std::vector<uint8_t> cells;
};

// Every dot column shows the range its steps' losses cover, joined to its left neighbour's.
void draw(const Curve &curve, const Range &range, Braille &raster) {
  int64_t first = curve.front().first;
  int64_t last = std::max(curve.back().first, first + 1);
  auto column = [&](int64_t step) {
    return static_cast<int>((step - first) * (raster.width() - 1) / (last - first));
  };
  auto line = [&](double loss) {
    double part = (range.high - loss) / (range.high - range.low);
    return std::clamp(static_cast<int>(std::lround(part * (raster.height() - 1))), 0, raster.height() - 1);
  };
  int previousX = -1, previousY = 0;
  for (const auto &[step, loss] : curve) {
    if (!std::isfinite(loss)) {
      previousX = -1;
      continue;
    }
    int x = column(step), y = line(loss);
    int fromX = previousX < 0 ? x : previousX, fromY = previousX < 0 ? y : previousY;
    int length = std::max({std::abs(x - fromX), std::abs(y - fromY), 1});
    for (int i = 0; i <= length; ++i)
      raster.dot(fromX + (x - fromX) * i / length, fromY + (y - fromY) * i / length);
    previousX = x;
    previousY = y;
  }
}

} // namespace

std::string terminalPlot(const Curve &curve, const std::string &label, int columns, int rows) {
  if (!drawable(curve))
    return "";
  Range range = rangeOf(curve);
  Braille raster(columns, rows);
  draw(curve, range, raster);
  std::string text = label + "\n";
  for (int row = 0; row < rows; ++row) {
    double value = range.high - (range.high - range.low) * row / (rows - 1);
    std::string left = row % 3 == 0 || row == rows - 1 ? number(value) : "";
    text += std::string(9 - std::min<size_t>(9, left.size()), ' ') + left + " \xe2\x94\x82" +
            raster.row(row) + "\n";
  }
  std::string first = std::to_string(curve.front().first), last = std::to_string(curve.back().first);
  int gap = std::max<int>(1, columns - static_cast<int>(first.size() + last.size()));
  return text + std::string(11, ' ') + first + std::string(gap, ' ') + last + "  step\n";
}

std::string svgPlot(const Curve &curve, const std::string &label) {
  constexpr int kWidth = 720, kHeight = 400, kLeft = 70, kTop = 40, kRight = 20, kBottom = 50;
  char text[256];
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 400\" "
                    "font-family=\"sans-serif\" font-size=\"13\">\n"
                    "<rect width=\"720\" height=\"400\" fill=\"white\"/>\n";
  auto put = [&](double x, double y, const char *anchor, const std::string &words) {
    std::snprintf(text, sizeof(text), "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y,
                  anchor, words.c_str());
    svg += text;
  };
  put(kWidth / 2.0, 24, "middle", label + " by step");
  if (drawable(curve)) {
    Range range = rangeOf(curve);
    double first = curve.front().first, last = std::max<double>(curve.back().first, first + 1);
    auto x = [&](double step) { return kLeft + (step - first) / (last - first) * (kWidth - kLeft - kRight); };
    auto y = [&](double loss) {
      return kTop + (range.high - loss) / (range.high - range.low) * (kHeight - kTop - kBottom);
    };
    for (int i = 0; i <= 4; ++i) {
      double loss = range.low + (range.high - range.low) * i / 4;
      std::snprintf(text, sizeof(text), "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/>\n", kLeft, y(loss),
                    kWidth - kRight);
      svg += text;
      put(kLeft - 8, y(loss) + 4, "end", number(loss));
      double step = first + (last - first) * i / 4;
      put(x(step), kHeight - kBottom + 20, "middle", number(std::round(step)));
    }
    std::string path;
    bool pen = false;
    for (const auto &[step, loss] : curve) {
      if (std::isfinite(loss)) {
        std::snprintf(text, sizeof(text), "%s%.2f %.2f", pen ? "L" : "M", x(step), y(loss));
        path += text;
      }
      pen = std::isfinite(loss);
    }
    svg += "<path d=\"" + path + "\" fill=\"none\" stroke=\"#2a6fbb\" stroke-width=\"1.5\"/>\n";
  }
  return svg + "</svg>\n";
}

} // namespace cleave::tool
