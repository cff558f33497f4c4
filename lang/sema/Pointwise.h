// Whether a function treats every element alike, so that a stack of tensors may be given to it as one tensor.
#ifndef CLEAVE_LANG_SEMA_POINTWISE_H
#define CLEAVE_LANG_SEMA_POINTWISE_H

#include "lang/ast/Tree.h"

namespace cleave::sema {

// True when each element of the results (and of the states set) depends on the elements at the same place of
// the arguments, and on scalars: f(stack of x) is the stack of f(x). May say false of a function that is.
bool isPointwise(const ast::Body &body);

// True of a function of one scalar result that is the sum over all elements of something pointwise:
// f(stack of x) is the sum of f(x). May say false of a function that is.
bool isSumOfPoints(const ast::Body &body);

} // namespace cleave::sema

#endif
