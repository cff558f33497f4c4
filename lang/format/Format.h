// Program text in the one style of the language.
//
//   function f(x:f32[N])->f32 {          function f(x: f32[N]) -> f32 {
//     let y=x [0]*2 return y      ->       let y = x[0] * 2
//   }                                      return y
//                                        }
#ifndef CLEAVE_LANG_FORMAT_FORMAT_H
#define CLEAVE_LANG_FORMAT_FORMAT_H

#include "lang/diag/Engine.h"

#include <optional>
#include <string>

namespace cleave::format {

inline constexpr unsigned kLineWidth = 120; // in code points
inline constexpr unsigned kIndent = 2;
inline constexpr unsigned kContinuation = 4;

// The text in style: the same tokens and comments in the same order, other white space. Formatting the result
// changes nothing. Nothing after syntax errors, which go to the engine (E0xx).
std::optional<std::string> format(const diag::Source &source, diag::Engine &engine);

} // namespace cleave::format

#endif
