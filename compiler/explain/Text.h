// What `cleave explain` shows to people, and to programs.
#ifndef CLEAVE_COMPILER_EXPLAIN_TEXT_H
#define CLEAVE_COMPILER_EXPLAIN_TEXT_H

#include "compiler/explain/Facts.h"

#include <functional>
#include <string>

namespace cleave::explain {

struct TextOptions {
  bool colour = false;
  size_t width = 100;
  // A line of a file, from 1, without its end; "" where there is none.
  std::function<std::string(const std::string &file, int line)> line;
};

// Layouts, collectives with their causes, conflicts, totals, memory.
std::string renderText(const Facts &facts, const TextOptions &options = {});

// The same as one JSON object. Fields: tools/cleave/README.md.
std::string renderJson(const Facts &facts);

} // namespace cleave::explain

#endif
