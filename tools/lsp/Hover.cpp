#include "tools/lsp/Features.h"

namespace cleave::lsp {

using index::Symbol;
using Kind = Symbol::Kind;

// The declaration in the words of the language.
static std::string declaration(const Symbol &s) {
  std::string typed = s.name + (s.type.empty() ? "" : ": " + s.type);
  switch (s.kind) {
  case Kind::Function:
  case Kind::Layer:
  case Kind::Entry:
  case Kind::Weights:
  case Kind::Data:
  case Kind::SubLayer:
  case Kind::Instance:
  case Kind::Link:
  case Kind::Mesh:
  case Kind::Plan:
    return signatureOf(s);
  case Kind::MeshAxis:
    return "mesh axis " + s.name;
  case Kind::Axis:
  case Kind::Hyper: {
    // One of several in a list: from its name to the next comma or line.
    std::string_view rest(s.definition.source->getText());
    rest = rest.substr(s.definition.begin, s.whole.end - s.definition.begin);
    size_t depth = 0, end = 0;
    for (; end < rest.size() && (rest[end] != ',' || depth > 0); ++end)
      depth += rest[end] == '(' ? 1 : rest[end] == ')' && depth > 0 ? -1 : 0;
    return (s.kind == Kind::Axis ? "axis " : "hyper ") + std::string(rest.substr(0, end));
  }
  case Kind::Module:
    return "module " + s.name;
  case Kind::Generic:
    return (s.isPack ? "..." : s.isAxis ? "axis " : "type ") + s.name;
  case Kind::Let:
    return "let " + typed;
  case Kind::Weight:
    return "param " + typed;
  case Kind::State:
    return "state " + typed;
  default:
    return typed;
  }
}

std::string markdown(const Symbol &s) {
  std::string out = "```cleave\n" + declaration(s) + "\n```\n";
  bool plain = s.kind == Kind::Builtin || s.kind == Kind::Index || s.kind == Kind::Generic;
  if (s.owner && !plain)
    out += std::string(describe(s.kind)) + " of `" + s.owner->name + "`\n";
  else
    out += std::string(describe(s.kind)) + "\n";
  if (!s.sizes.empty())
    out += "\n" + s.sizes + "\n";
  for (const std::string &instance : s.instances)
    out += "\nin use: `" + instance + "`\n";
  const Symbol &documented = s.target && docsOf(s).empty() ? *s.target : s;
  std::string docs = docsOf(documented);
  if (!docs.empty())
    out += "\n---\n" + docs;
  return out;
}

Json hover(Workspace &workspace, const Json &params) {
  Place place = workspace.place(params);
  const index::Index &index = *place.program->index;
  index::Occurrence found = index.at(place.path, place.offset);
  if (!found || found.symbol->kind == Kind::Unknown)
    return nullptr;
  return {{"contents", {{"kind", "markdown"}, {"value", markdown(*found.symbol)}}},
          {"range", workspace.range(index, found.location)}};
}

} // namespace cleave::lsp
