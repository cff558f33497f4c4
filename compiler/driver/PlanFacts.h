// What the driver must know of a module's plan.
#ifndef CLEAVE_COMPILER_DRIVER_PLANFACTS_H
#define CLEAVE_COMPILER_DRIVER_PLANFACTS_H

#include "compiler/explain/Facts.h"
#include "dialects/comm/ir/Comm.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>
#include <vector>

namespace cleave {

// Ranks that run one program.
struct RankClass {
  unsigned number = 0;
  std::vector<int64_t> coordinates; // of one of them; empty where there is no plan
  int64_t count = 1;                // how many they are
};

// The module of one class.
struct Local {
  RankClass ranks;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

// The plan that a module is to be spread by, or null.
dist::PlanOp planOf(mlir::ModuleOp module);

// The classes of ranks of a module at the `dist` stage, and which one each rank is of (empty: there is one).
// None, with a diagnostic, where an axis cannot be cut.
std::optional<std::vector<RankClass>> rankClassesOf(mlir::ModuleOp module, std::vector<uint32_t> &classOf);

// Mesh, layouts and conflicts of a module at the `dist` stage (without a plan: at the `grad` stage).
void collectLayouts(explain::Facts &facts, mlir::ModuleOp whole);
// Collectives of a module at the `comm` stage.
void collectCollectives(explain::Facts &facts, mlir::ModuleOp local);
// Adds what a class's module at the `memory` stage takes.
void addMemory(explain::Facts &facts, const Local &local, const std::vector<uint32_t> &classOf);

// How many terms the largest sum of a module has.
int64_t largestSum(mlir::ModuleOp module);

} // namespace cleave

#endif
