// The last walk: what the bodies of if, scan and while use of the bodies around them, and which instances
// some entry reaches. Seen by lang/sema only.
#ifndef CLEAVE_LANG_SEMA_CAPTURES_H
#define CLEAVE_LANG_SEMA_CAPTURES_H

#include "lang/ast/Tree.h"

namespace cleave::sema {

// Fills Body::captures and Body::layers, and Program::functions and Program::layers.
void collectReachable(ast::Program &program);

// Whether a function, or one that it calls, reads step or seed or draws random numbers.
bool countsOrDraws(const ast::Function &function);

} // namespace cleave::sema

#endif
