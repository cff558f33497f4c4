// Errors of the runtime as diagnostics, and the exit status that goes with them.
#ifndef CLEAVE_TOOLS_CLEAVE_REPORTING_H
#define CLEAVE_TOOLS_CLEAVE_REPORTING_H

#include "lang/diag/Engine.h"
#include "runtime/core/Error.h"

namespace cleave::tool {

// Adds an error to the engine, at its place in the program's text.
void report(diag::Engine &engine, const rt::Error &error);

// What an error means for the caller: rejected input or a failure while running.
int exitStatusOf(const rt::Error &error);

// Everything the engine holds, as text on standard error. With `json` nothing: the JSON result has it.
void showDiagnostics(const diag::Engine &engine, bool json);

} // namespace cleave::tool

#endif
