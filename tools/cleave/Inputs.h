// What the command line gives a program besides its text: weights, values of inputs.
#ifndef CLEAVE_TOOLS_CLEAVE_INPUTS_H
#define CLEAVE_TOOLS_CLEAVE_INPUTS_H

#include "runtime/core/Instance.h"

namespace cleave::tool {

// NAME=PATH of one of the program's declarations, or the PATH alone.
rt::Status readWeights(rt::Instance &instance, const std::string &text);

// NAME=FILE.npy, or NAME=NUMBER for a scalar: for every entry that has an input of that name. When there is
// none, `entry` is the one whose inputs the error names.
rt::Status giveInput(rt::Instance &instance, int entry, const std::string &text);

} // namespace cleave::tool

#endif
