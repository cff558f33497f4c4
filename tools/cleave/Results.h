// What a run ends with, for people and as JSON.
#ifndef CLEAVE_TOOLS_CLEAVE_RESULTS_H
#define CLEAVE_TOOLS_CLEAVE_RESULTS_H

#include "runtime/core/Instance.h"

#include <nlohmann/json.hpp>

namespace cleave::tool {

// One line of JSON on standard output. What is not UTF-8 (a file's name, say) is replaced.
void showJson(const nlohmann::ordered_json &json);

// "accuracy 0.98", the text of a u8 output, or the type of a larger tensor.
std::string outputLine(const rt::Port &port, const rt::TensorView &value);

// Scalars as numbers, u8 tensors as text, others as their type. Not finite: null.
nlohmann::ordered_json outputJson(const rt::TensorView &value);

} // namespace cleave::tool

#endif
