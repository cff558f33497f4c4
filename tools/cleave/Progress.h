// What a run shows while it goes on: a line that redraws itself on a terminal, plain lines elsewhere, and one
// JSON line per step in the metrics file.
#ifndef CLEAVE_TOOLS_CLEAVE_PROGRESS_H
#define CLEAVE_TOOLS_CLEAVE_PROGRESS_H

#include "tools/cleave/LossCurve.h"

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

namespace cleave::tool {

struct StepFacts {
  int64_t step = 0; // of the step that just ran, from 0
  std::optional<double> loss;
  double seconds = 0;
  int64_t tokens = 0; // integer elements the step read; 0 where it reads none
};

class Progress {
public:
  // Counts from `first` to `last` steps. `shown`: whether people are to see anything.
  Progress(int64_t first, int64_t last, bool shown);
  ~Progress();

  // Where the metrics go, behind what is there already where `append`; the reason why not when the file
  // cannot be made.
  std::string openMetrics(const std::string &path, bool append);

  // Why metrics could not be written; empty when all were. After finish().
  const std::string &metricsFailure() const { return failure; }

  void step(const StepFacts &facts);

  // A line of the program's own, above the progress line.
  void line(const std::string &text);

  // Ends the progress line. What comes after begins on a new one.
  void finish();

  const Curve &curve() const { return losses; }
  double seconds() const { return total; }
  int64_t steps() const { return count; }
  int64_t tokens() const { return allTokens; }

private:
  std::string text(const StepFacts &facts) const;
  void writeMetrics(const StepFacts &facts);
  void erase();

  int64_t first, last;
  bool shown, terminal;
  bool drawn = false;
  FILE *metrics = nullptr;
  std::string failure;
  Curve losses;
  double total = 0, recent = 0; // seconds; recent: a moving average of one step's
  int64_t count = 0, allTokens = 0;
  std::chrono::steady_clock::time_point lastDrawn;
};

} // namespace cleave::tool

#endif
