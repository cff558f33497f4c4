// Where a name comes from, where it is used, what a file declares.
#include "tools/lsp/Features.h"

namespace cleave::lsp {

using index::Symbol;
using Kind = Symbol::Kind;

static index::Occurrence occurrenceAt(const Place &place) {
  return place.program->index->at(place.path, place.offset);
}

Json definition(Workspace &workspace, const Json &params) {
  Place place = workspace.place(params);
  index::Occurrence found = occurrenceAt(place);
  if (!found)
    return nullptr;
  const Symbol *symbol = found.symbol;
  if (symbol->kind == Kind::Module && symbol->target)
    symbol = symbol->target; // its first file
  if (!symbol->definition)
    return nullptr;
  return workspace.location(*place.program->index, symbol->definition);
}

// The uses in every program with an open file: a module may belong to several.
static std::vector<std::pair<const Program *, diag::Location>>
usesOf(Workspace &workspace, const Place &place, const Symbol &symbol) {
  std::vector<std::pair<const Program *, diag::Location>> out;
  std::set<std::pair<std::string, uint32_t>> seen;
  auto add = [&](const Program *program, const Symbol &s) {
    for (diag::Location at : s.uses)
      if (seen.insert({program->index->pathOf(at), at.begin}).second)
        out.push_back({program, at});
  };
  add(place.program, symbol);
  if (!symbol.definition)
    return out;
  const std::string home = place.program->index->pathOf(symbol.definition);
  for (const Program *program : workspace.programs())
    if (program != place.program)
      if (index::Occurrence same = program->index->at(home, symbol.definition.begin))
        add(program, *same.symbol);
  return out;
}

Json references(Workspace &workspace, const Json &params) {
  Place place = workspace.place(params);
  index::Occurrence found = occurrenceAt(place);
  Json out = Json::array();
  if (!found || found.symbol->kind == Kind::Unknown)
    return out;
  bool declaration = params.value("context", Json::object()).value("includeDeclaration", true);
  const Symbol &symbol = *found.symbol;
  for (const auto &[program, at] : usesOf(workspace, place, symbol)) {
    bool declares = symbol.definition && at.begin == symbol.definition.begin &&
                    program->index->pathOf(at) == place.program->index->pathOf(symbol.definition);
    if (declaration || !declares)
      out.push_back(workspace.location(*program->index, at));
  }
  return out;
}

Json documentHighlight(Workspace &workspace, const Json &params) {
  Place place = workspace.place(params);
  const index::Index &index = *place.program->index;
  index::Occurrence found = occurrenceAt(place);
  Json out = Json::array();
  if (found)
    for (diag::Location at : found.symbol->uses)
      if (index.pathOf(at) == place.path)
        out.push_back({{"range", workspace.range(index, at)}, {"kind", 1}});
  return out;
}

// SymbolKind of the protocol.
static int kindOf(Kind kind) {
  switch (kind) {
  case Kind::Function:
    return 12;
  case Kind::Layer:
    return 5; // class
  case Kind::Entry:
    return 6; // method
  case Kind::Axis:
  case Kind::Hyper:
    return 14; // constant
  case Kind::Instance:
  case Kind::SubLayer:
  case Kind::Link:
  case Kind::Mesh:
  case Kind::Plan:
    return 19; // object
  case Kind::Weight:
  case Kind::State:
    return 8; // field
  case Kind::Module:
    return 2;
  case Kind::Data:
    return 1; // file
  default:
    return 13; // variable
  }
}

static Json symbolJson(const Workspace &workspace, const index::Index &index, const Symbol &s) {
  diag::Location whole = s.whole;
  bool around = whole.source == s.definition.source && whole.begin <= s.definition.begin &&
                s.definition.end <= whole.end;
  // Several of one item: each has its own name as range.
  bool several = s.kind == Kind::Axis || s.kind == Kind::Hyper;
  Json out = {{"name", s.name},
              {"kind", kindOf(s.kind)},
              {"range", workspace.range(index, around && !several ? whole : s.definition)},
              {"selectionRange", workspace.range(index, s.definition)}};
  if (!s.type.empty() || !s.sizes.empty())
    out["detail"] = s.type.empty() ? s.sizes : s.type;
  Json children = Json::array();
  for (const Symbol *member : s.members) {
    bool shown = member->kind == Kind::Weight || member->kind == Kind::State ||
                 member->kind == Kind::SubLayer || member->kind == Kind::Let;
    if (shown && index.pathOf(member->definition) == index.pathOf(s.definition))
      children.push_back(symbolJson(workspace, index, *member));
  }
  if (!children.empty())
    out["children"] = children;
  return out;
}

Json documentSymbol(Workspace &workspace, const Json &params) {
  const std::string &uri = params.at("textDocument").at("uri").get_ref<const std::string &>();
  Place place =
      workspace.place({{"textDocument", {{"uri", uri}}}, {"position", {{"line", 0}, {"character", 0}}}});
  Json out = Json::array();
  for (const Symbol *symbol : place.program->index->outline(place.path))
    if (symbol->definition)
      out.push_back(symbolJson(workspace, *place.program->index, *symbol));
  return out;
}

} // namespace cleave::lsp
