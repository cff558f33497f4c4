// Proofs that what ranks run is what the program says, by algebra of what is reduced over.
//
//   Prover prover(whole);            the program before it was distributed
//   prover.check(local)              for the program of each class of ranks, behind the `comm` stage
//
// See README.md for how. A proof that fails is a diagnostic:
//
//   E960  a value of a rank is not its part of what the program computes: which value, and what is wrong
//   E961  there is something in the program that the checker has no rule for
#ifndef CLEAVE_COMPILER_PROVE_PROVE_H
#define CLEAVE_COMPILER_PROVE_PROVE_H

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <optional>
#include <string>

namespace cleave::prove {

class Prover {
public:
  // `whole`: a module of the grad stage; it is read as long as the prover lives.
  explicit Prover(mlir::ModuleOp whole);
  ~Prover();

  // Why a proof that fails may tell of no fault, as "the plan has ..."; none where all blocks of a dim are as
  // large, with padding or without.
  static std::optional<std::string> uncovered(mlir::ModuleOp local);

  // The first result, by name, that the functions of another program, of the same context, and before it was
  // distributed, do not compute as those of the whole do. None: both are one program.
  std::optional<std::string> difference(mlir::ModuleOp other);

  // Emits an error for the first thing that does not hold in each entry.
  mlir::LogicalResult check(mlir::ModuleOp local);

private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation;
};

} // namespace cleave::prove

#endif
