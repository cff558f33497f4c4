// Renaming: every use in every file of the program, or an error that says why not.
//
// Whether a new name clashes is not decided by rules of scoping: the renamed texts are indexed anew, and
// every name of them must mean what it meant before.
#include "lang/syntax/Parser.h"
#include "tools/lsp/Features.h"

#include <algorithm>
#include <set>

namespace cleave::lsp {

using index::Index;
using index::Symbol;
using Kind = Symbol::Kind;

namespace {

[[noreturn]] void refuse(const std::string &why) { throw RpcError(RequestFailed, why); }

// A name as the grammar reads it: `axis NAME`.
bool isName(const std::string &text) {
  diag::Engine engine;
  if (text.empty() ||
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") !=
          std::string::npos)
    return false;
  return syntax::parse(*engine.addSource("name", "axis " + text), engine) != nullptr;
}

// What may be renamed at a place; refuses the rest.
index::Occurrence renamed(const Place &place) {
  const Program &program = *place.program;
  index::Occurrence found = program.index->at(place.path, place.offset);
  if (!found)
    refuse("a name is renamed, found none here");
  const Symbol &s = *found.symbol;
  std::string quoted = "'" + s.name + "'";
  if (program.hasSyntaxErrors)
    refuse("a program is renamed in once it parses, found syntax errors");
  if (s.kind == Kind::Unknown)
    refuse("a name is renamed with its declaration, found no declaration of " + quoted);
  if (s.kind == Kind::Builtin)
    refuse("a built-in name stays what it is, found " + quoted);
  if (s.kind == Kind::Module && (!s.target || s.name == s.target->name))
    refuse("a module is named after its file; give it another name with `as`, found " + quoted);
  if (s.library)
    refuse("the standard library stays what it is, found " + quoted + " of it");
  return found;
}

struct Edit {
  uint32_t begin, end;
};
using Edits = std::map<std::string, std::vector<Edit>>; // by path, in order of the text

Edits editsOf(const Index &index, const Symbol &symbol) {
  Edits edits;
  for (diag::Location at : symbol.uses)
    edits[index.pathOf(at)].push_back({at.begin, at.end});
  for (auto &[path, list] : edits)
    std::sort(list.begin(), list.end(), [](const Edit &a, const Edit &b) { return a.begin < b.begin; });
  return edits;
}

std::string applied(const std::string &text, const std::vector<Edit> &edits, const std::string &name) {
  std::string out;
  uint32_t at = 0;
  for (const Edit &edit : edits) {
    out.append(text, at, edit.begin - at).append(name);
    at = edit.end;
  }
  return out.append(text, at, std::string::npos);
}

// Where an offset of the old text is in the new one.
uint32_t moved(uint32_t offset, const std::vector<Edit> &edits, size_t length) {
  int64_t shift = 0;
  for (const Edit &edit : edits)
    if (edit.begin < offset)
      shift += static_cast<int64_t>(length) - (edit.end - edit.begin);
  return static_cast<uint32_t>(offset + shift);
}

class Verifier {
public:
  Verifier(const Index &before, const Index &after, const Edits &edits, const std::string &name)
      : before(before), after(after), edits(edits), name(name) {}

  // Every name of the program means the same declaration as before.
  void check() const {
    for (const std::string &path : before.files())
      for (const index::Occurrence &old : before.occurrences(path)) {
        index::Occurrence now = after.at(path, movedIn(path, old.location.begin));
        if (!now || !same(*old.symbol, *now.symbol))
          report(path, old, now);
      }
  }

private:
  uint32_t movedIn(const std::string &path, uint32_t offset) const {
    auto it = edits.find(path);
    return it == edits.end() ? offset : moved(offset, it->second, name.size());
  }

  bool same(const Symbol &old, const Symbol &now) const {
    if (!old.definition || !now.definition)
      return !old.definition && !now.definition && old.kind == now.kind && old.name == now.name;
    const std::string &path = before.pathOf(old.definition);
    return old.kind == now.kind && path == after.pathOf(now.definition) &&
           movedIn(path, old.definition.begin) == now.definition.begin;
  }

  [[noreturn]] void report(const std::string &path, const index::Occurrence &old,
                           const index::Occurrence &now) const {
    auto [line, column] = old.location.source->getLineColumn(old.location.begin);
    std::string where =
        path.substr(path.find_last_of('/') + 1) + ":" + std::to_string(line) + ":" + std::to_string(column);
    refuse("a rename keeps what every name means, found that with '" + name + "' the name '" +
           old.symbol->name + "' at " + where + " would mean " +
           (now ? describe(now.symbol->kind) : "nothing") +
           (now && now.symbol->definition ? " declared elsewhere" : ""));
  }

  const Index &before, &after;
  const Edits &edits;
  const std::string &name;
};

void verify(const Workspace &workspace, const Program &program, const Edits &edits, const std::string &name) {
  std::map<std::string, std::string> texts;
  for (const auto &[path, list] : edits)
    texts[path] = applied(program.index->textOf(path), list, name);
  diag::Engine engine;
  auto main = texts.find(program.main);
  std::string text = main == texts.end() ? program.index->textOf(program.main) : main->second;
  std::unique_ptr<Index> after = Index::build(program.main, text, workspace.options(texts), engine);
  Verifier(*program.index, *after, edits, name).check();
  if (engine.getErrorCount() > program.engine->getErrorCount()) {
    // Two declarations of one name, in a scope where every use still finds the right one.
    for (const auto &d : engine.getDiagnostics())
      if (d->code == "E102")
        refuse("a rename makes no new errors, found: " + d->message);
    refuse("a rename makes no new errors, found: " + engine.getDiagnostics().back()->message);
  }
}

} // namespace

Json prepareRename(Workspace &workspace, const Json &params) {
  Place place = workspace.place(params);
  index::Occurrence found = renamed(place);
  return {{"range", workspace.range(*place.program->index, found.location)},
          {"placeholder", found.symbol->name}};
}

Json rename(Workspace &workspace, const Json &params) {
  Place place = workspace.place(params);
  const Symbol &symbol = *renamed(place).symbol;
  std::string name = params.at("newName").get<std::string>();
  if (!isName(name))
    refuse("a name is a letter or _ followed by letters, digits and _, and no keyword; found '" + name + "'");
  if (name == symbol.name)
    return nullptr;
  // A module may belong to several open programs; all of them must still mean the same.
  std::map<std::string, std::set<std::pair<uint32_t, uint32_t>>> all;
  std::string home = place.program->index->pathOf(symbol.definition);
  std::map<std::string, std::string> texts;
  for (const Program *program : workspace.programs()) {
    index::Occurrence same = program->index->at(home, symbol.definition.begin);
    if (!same || same.symbol->name != symbol.name)
      continue;
    Edits edits = editsOf(*program->index, *same.symbol);
    verify(workspace, *program, edits, name);
    for (const auto &[path, list] : edits) {
      texts[path] = program->index->textOf(path);
      for (const Edit &edit : list)
        all[path].insert({edit.begin, edit.end});
    }
  }
  Json changes = Json::object();
  for (const auto &[path, list] : all) {
    Lines lines(texts[path]);
    Json &edits = changes[workspace.uriFor(path)] = Json::array();
    for (const auto &[begin, end] : list)
      edits.push_back({{"range", lines.range(begin, end)}, {"newText", name}});
  }
  return {{"changes", changes}};
}

} // namespace cleave::lsp
