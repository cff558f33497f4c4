// A proof that failed, in words.
#ifndef CLEAVE_COMPILER_PROVE_DESCRIBE_H
#define CLEAVE_COMPILER_PROVE_DESCRIBE_H

#include "compiler/prove/Evaluate.h"

namespace cleave::prove {

// Emits E960 where the values begin to differ.
void describe(Proof &proof, const Mesh &mesh, const Mismatch &mismatch);

} // namespace cleave::prove

#endif
