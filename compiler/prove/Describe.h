// A proof that failed, in words.
#ifndef CLEAVE_COMPILER_PROVE_DESCRIBE_H
#define CLEAVE_COMPILER_PROVE_DESCRIBE_H

#include "compiler/prove/Evaluate.h"

namespace cleave::prove {

// Emits E960 where the values begin to differ. `whole`: values of the program before it was distributed.
void describe(Proof &proof, const Mesh &mesh, const Mismatch &mismatch, llvm::ArrayRef<Step> whole);

// How two terms differ; none where nothing better can be said than that they do.
std::optional<std::string> differenceOf(Proof &proof, const Mesh &mesh, Term expected, Term found);

} // namespace cleave::prove

#endif
