// What changes from one plan to another: layouts, collectives, bytes, memory.
#ifndef CLEAVE_COMPILER_EXPLAIN_DIFF_H
#define CLEAVE_COMPILER_EXPLAIN_DIFF_H

#include "compiler/explain/Facts.h"

namespace cleave::explain {

// A value whose layout, or what a rank holds of it, is another; "" where a program has no such value.
struct LayoutChange {
  std::string name, kind, before, after;
  int64_t bytesBefore = 0, bytesAfter = 0; // per rank
};

// Collectives of one op, mesh axes, value and phase, whatever causes them. Counts are 0 on the side that has
// none; `source` is the line of one of them.
struct CollectiveChange {
  std::string entry, op, value, phase, source;
  std::vector<std::string> meshAxes;
  int64_t countBefore = 0, countAfter = 0;
  int64_t bytesBefore = 0, bytesAfter = 0; // sent per rank in a run of the entry

  bool isChanged() const { return countBefore != countAfter || bytesBefore != bytesAfter; }
};

struct Quantity {
  std::string name;
  double before = 0, after = 0;
};

struct PlanDiff {
  MeshFacts before, after;
  std::vector<LayoutChange> layouts;         // that change, in the order of the program
  int64_t values = 0;                        // of how many
  std::vector<CollectiveChange> collectives; // that change, those that move the most first
  int64_t unchanged = 0;                     // collectives
  Quantity ranks, count, bytes, seconds;     // of collectives, per rank and step
  std::vector<Quantity> sent;                // bytes by op and mesh axes
  std::vector<Quantity> memory; // peak_bytes, then by kind, of the class of ranks with the highest peak

  bool differs() const;
};

PlanDiff diff(const Facts &before, const Facts &after);

// For reviews.
std::string renderText(const PlanDiff &diff, bool colour = false);
// Fields: tools/cleave/README.md.
std::string renderJson(const PlanDiff &diff);

} // namespace cleave::explain

#endif
