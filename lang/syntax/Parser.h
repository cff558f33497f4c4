// Text -> syntax tree.
#ifndef CLEAVE_LANG_SYNTAX_PARSER_H
#define CLEAVE_LANG_SYNTAX_PARSER_H

#include "lang/diag/Engine.h"
#include "lang/syntax/Syntax.h"

#include <memory>

namespace cleave::syntax {

// Parses a whole file. Syntax errors (E0xx) go to the engine, several per file; null when there was one.
// Nesting deeper than `kMaxDepth` is refused (E003), which bounds the recursion of every later walk.
std::unique_ptr<File> parse(const diag::Source &source, diag::Engine &engine);

inline constexpr unsigned kMaxDepth = 200;

} // namespace cleave::syntax

#endif
