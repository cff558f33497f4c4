// What can be read of a text with syntax errors.
#ifndef CLEAVE_LANG_SYNTAX_REPAIR_H
#define CLEAVE_LANG_SYNTAX_REPAIR_H

#include "lang/diag/Source.h"

#include <optional>
#include <string>

namespace cleave::syntax {

// The text with every statement that does not parse replaced by blanks, and where that does not help, the
// item around it. Offsets and lines are those of the original. None when what is left does not parse either.
//
//   let a = f(x)          let a = f(x)
//   let b = nn.      =>
//   return a              return a
std::optional<std::string> withoutErrors(const diag::Source &source);

} // namespace cleave::syntax

#endif
