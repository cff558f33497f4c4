// What the server answers. Each function takes the request's parameters and gives the result's JSON.
#ifndef CLEAVE_TOOLS_LSP_FEATURES_H
#define CLEAVE_TOOLS_LSP_FEATURES_H

#include "tools/lsp/Workspace.h"

namespace cleave::lsp {

// Diagnostics of a program by file; files without any are there with an empty list.
std::map<std::string, Json> diagnosticsOf(const Workspace &workspace, const Program &program);

Json hover(Workspace &workspace, const Json &params);

} // namespace cleave::lsp

#endif
