// What ranks print and assert, held against what the program does.
#ifndef CLEAVE_COMPILER_PROVE_EFFECTS_H
#define CLEAVE_COMPILER_PROVE_EFFECTS_H

#include "compiler/prove/Evaluate.h"

namespace cleave::prove {

// Every rank has whole values to print and assert; in a loop over micro-batches they are of a
// turn's rows; where these are reduced, it is shown that all ranks have one value, not which. Adds
// to `mismatches` what is not what the program has. Fails, with E964, where other things are printed or
// asserted.
mlir::LogicalResult compareEffects(Proof &proof, llvm::ArrayRef<Effect> whole, llvm::ArrayRef<Effect> rank,
                                   mlir::func::FuncOp entry, std::vector<Mismatch> &mismatches);

} // namespace cleave::prove

#endif
