// What is proved of a program under a plan: that the program of every class of ranks computes what was
// written.
#ifndef CLEAVE_COMPILER_DRIVER_PROOFS_H
#define CLEAVE_COMPILER_DRIVER_PROOFS_H

#include "compiler/driver/PlanFacts.h"
#include "compiler/prove/Prove.h"
#include "lang/diag/Engine.h"

namespace cleave {

class Proofs {
public:
  // `whole`: the program at the `grad` stage; it is copied, with its plan.
  explicit Proofs(mlir::ModuleOp whole);

  // Holds the program of a class of ranks, at the `comm` stage, against the whole. False, with a diagnostic,
  // where it is another one. What cannot be judged is told by facts(); an op without a rule by a warning,
  // too.
  bool accepts(mlir::ModuleOp local, diag::Engine &engine);

  // Of the classes so far.
  const explain::ProofFacts &facts() const { return found; }

  // `plain`: the program with composites in the places of manual regions, at the `grad` stage. Where both are
  // one program, nothing is trusted.
  void compareRegions(mlir::ModuleOp plain);

  // The first thing, by name, that the two programs do not compute alike; none: they are one program. Both
  // are of one context.
  std::optional<std::string> difference(const Proofs &other);

private:
  mlir::OwningOpRef<mlir::ModuleOp> stated;
  prove::Prover prover;
  explain::ProofFacts found;
};

} // namespace cleave

#endif
