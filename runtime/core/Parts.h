// Stacks that a program keeps in parts: `gpt.blocks[*].w` is `gpt.blocks[0..2].w`, `gpt.blocks[2].w`, ...
// where a plan says other things of some layers.
#ifndef CLEAVE_RUNTIME_CORE_PARTS_H
#define CLEAVE_RUNTIME_CORE_PARTS_H

#include "runtime/core/Program.h"

#include <string>
#include <vector>

namespace cleave::rt {

struct Part {
  std::string path;
  Shape shape; // of the whole of it, with a leading size for each bracket
};

// Those of `all` that make up the stack `path`, whose brackets are `[*]`; empty where it is not kept so.
std::vector<Part> partsOf(const std::vector<Part> &all, const std::string &path);
// Of the stack.
Shape joined(const std::vector<Part> &parts);
// A part's elements into the stack's, dense both; the other way.
void copyIn(const Shape &stack, const Part &part, const void *from, void *to);
void copyOut(const Shape &stack, const Part &part, const void *from, void *to);

} // namespace cleave::rt

#endif
