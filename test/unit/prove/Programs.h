// Programs under plans as modules: before they are distributed, and each class of ranks' behind `comm`.
#ifndef CLEAVE_TEST_UNIT_PROVE_PROGRAMS_H
#define CLEAVE_TEST_UNIT_PROVE_PROGRAMS_H

#include "compiler/pipeline/Pipeline.h"
#include "lang/diag/Engine.h"

#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <memory>
#include <ostream>

namespace cleave::test {

struct ProgramUnderPlan {
  std::string path, text; // of the source; no text: it is read from the path
  std::string plan;       // as of --plan
  std::string mesh;       // "dp=2,tp=2"
  std::string sets;       // "Batch=8,Seq=8"
};

// The library's plan with more tactics, as of --plan.
std::string planWith(const std::string &plan, const std::string &tactics);

struct Compiled {
  std::unique_ptr<mlir::MLIRContext> context;
  diag::Engine engine;
  mlir::OwningOpRef<mlir::ModuleOp> whole;
  std::vector<uint32_t> classOf;                         // by rank
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> locals; // of the classes; none where the plan is refused
  std::string failure;                                   // what the compiler said, where it should not have
};

std::unique_ptr<Compiled> compile(const ProgramUnderPlan &program);

// Whether the prover answers for the plan: no dim is padded or uneven.
bool isCovered(Compiled &compiled);
// What the prover says of the modules; empty: all is proved.
std::string prove(Compiled &compiled);

} // namespace cleave::test

#endif
