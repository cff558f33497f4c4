// A program as text: `cleave ir --stage exec`.
//
//   state 1536 bytes
//     @0 f32[Layers = 2, Embed = 192] param "gpt.blocks[*].norm.scale"
//   kernel 0 layer_norm rows 2048 grain 64
//   entry train scratch 4096 bytes
//     0 launch layer_norm (state+0 +768*c0, scratch+0) -> (scratch+1024)  // gpt.dsl:12:3
#ifndef CLEAVE_RUNTIME_CORE_PRINTPROGRAM_H
#define CLEAVE_RUNTIME_CORE_PRINTPROGRAM_H

#include "runtime/core/Program.h"

namespace cleave::rt {

std::string printProgram(const Program &program);

} // namespace cleave::rt

#endif
