// What the server answers. Each function takes the request's parameters and gives the result's JSON.
#ifndef CLEAVE_TOOLS_LSP_FEATURES_H
#define CLEAVE_TOOLS_LSP_FEATURES_H

#include "tools/lsp/Workspace.h"

namespace cleave::lsp {

// Diagnostics of a program by file; files without any are there with an empty list.
std::map<std::string, Json> diagnosticsOf(const Workspace &workspace, const Program &program);

// Hover.cpp
Json hover(Workspace &workspace, const Json &params);
// The declaration in the words of the language, its kind, types, sizes and documentation.
std::string markdown(const index::Symbol &symbol);

// Navigation.cpp
Json definition(Workspace &workspace, const Json &params);
Json references(Workspace &workspace, const Json &params);
Json documentHighlight(Workspace &workspace, const Json &params);
Json documentSymbol(Workspace &workspace, const Json &params);

// Rename.cpp
Json prepareRename(Workspace &workspace, const Json &params);
Json rename(Workspace &workspace, const Json &params);

// Completion.cpp
Json completion(Workspace &workspace, const Json &params);
Json signatureHelp(Workspace &workspace, const Json &params);

// Edits.cpp
Json formatting(Workspace &workspace, const Json &params);
Json codeAction(Workspace &workspace, const Json &params);

} // namespace cleave::lsp

#endif
