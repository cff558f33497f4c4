// Facts from the IR: layouts where they are all known, collectives where they stand, memory where it is
// planned.
#ifndef CLEAVE_COMPILER_EXPLAIN_COLLECT_H
#define CLEAVE_COMPILER_EXPLAIN_COLLECT_H

#include "compiler/explain/Facts.h"
#include "dialects/comm/ir/Comm.h"

namespace cleave::explain {

// The mesh and plan of a module; the mesh of one rank where it has none.
MeshFacts collectMesh(mlir::ModuleOp module);

// States, ports and named values of a module at the dist stage with their layouts, in the order of the
// program; `entry` empty: of all entries. What two entries share is there once.
std::vector<ValueFacts> collectValues(mlir::ModuleOp module, llvm::StringRef entry = "");

// What tactics wanted and did not get, of a module at the dist stage.
std::vector<ConflictFacts> collectConflicts(mlir::ModuleOp module);

// Collectives of a module at the comm stage or later, in the order of the program; equal ones are one, with
// their count: see comm::trafficOf.
std::vector<CollectiveFacts> collectCollectives(mlir::ModuleOp module, llvm::StringRef entry = "");

// Says of them how they are hidden behind other work, of the same entries at the sched stage or later.
void addOverlap(std::vector<CollectiveFacts> &collectives, mlir::ModuleOp module);

// What takes the memory of a rank, of a module at the memory stage: states, and the largest entry's values at
// its fullest moment.
MemoryFacts collectMemory(mlir::ModuleOp module);

// The actions of an entry with the seconds they take by the cost model, and the bytes of scratch over them,
// of a module at the memory stage. Collectives are found in `facts` by what they say of themselves.
void collectStep(mlir::ModuleOp module, llvm::StringRef entry, Facts &facts);

} // namespace cleave::explain

#endif
