// What takes an entry's memory.
#ifndef CLEAVE_COMPILER_ANALYSIS_MEMORYREPORT_H
#define CLEAVE_COMPILER_ANALYSIS_MEMORYREPORT_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::analysis {

struct LargeValue {
  std::string name;   // the user's path, or what makes it
  std::string source; // "file:line:column"
  std::string type;   // "f32[8, 256]"
  int64_t bytes = 0;
};

struct EntryMemory {
  std::string entry;
  int64_t scratchBytes = 0;
  int64_t aliveBytes = 0; // the most alive at once: what no plan could go below
  int64_t inputBytes = 0;
  int64_t outputBytes = 0;
  std::vector<LargeValue> largest; // values in scratch, largest first, at most `kLargest`
};

struct MemoryReport {
  std::vector<std::pair<std::string, int64_t>> stateBytes; // by kind: param, optimizer, ...
  std::vector<LargeValue> largestStates;
  std::vector<EntryMemory> entries;
  int64_t totalStateBytes = 0;

  // State and the largest entry's scratch and ports: what a run needs.
  int64_t peakBytes() const;
};

inline constexpr size_t kLargest = 8;

// Of a module at the memory stage.
MemoryReport reportMemory(mlir::ModuleOp module);

// One fact a line, for people and tests.
void print(const MemoryReport &report, llvm::raw_ostream &stream);

// "file:line:column" of the first place in the program text that a location names, or "".
std::string sourceOf(mlir::Location loc);

// "f32[8, 256]", with axis names where the type has them: "f32[Batch 8, Seq 256]".
std::string describe(mlir::Type type);

} // namespace cleave::analysis

#endif
