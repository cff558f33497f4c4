// What the command line gives a program besides its text: what was compiled before, weights, values of
// inputs.
#ifndef CLEAVE_TOOLS_CLEAVE_INPUTS_H
#define CLEAVE_TOOLS_CLEAVE_INPUTS_H

#include "compiler/driver/Session.h"
#include "tools/cleave/Commands.h"

namespace cleave::tool {

// The artefact that the command line names instead of a program's text. E811 where it is given what is
// settled.
rt::Status openArtefact(Session &session, const CommonOptions &options);

// NAME=PATH of one of the program's declarations, or the PATH alone.
rt::Status readWeights(rt::Runnable &running, const std::string &text);

// NAME=FILE.npy, or NAME=NUMBER for a scalar: for every entry that has an input of that name. When there is
// none, `entry` is the one whose inputs the error names.
rt::Status giveInput(rt::Runnable &running, int entry, const std::string &text);

} // namespace cleave::tool

#endif
