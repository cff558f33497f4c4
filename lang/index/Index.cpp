#include "lang/index/Index.h"
#include "lang/index/Resolver.h"

#include <algorithm>

namespace cleave::index {

const char *describe(Symbol::Kind kind) {
  static const char *const names[] = {"a module",
                                      "an axis",
                                      "a hyper-parameter",
                                      "a data source",
                                      "a function",
                                      "a layer",
                                      "a layer",
                                      "a state",
                                      "an entry",
                                      "a weights declaration",
                                      "a link",
                                      "a mesh",
                                      "a plan",
                                      "a mesh axis",
                                      "a generic",
                                      "a parameter",
                                      "an output",
                                      "a value",
                                      "a trained parameter",
                                      "a sub-layer",
                                      "a carried value",
                                      "a counter",
                                      "an index variable",
                                      "built in",
                                      "an unknown name"};
  return names[static_cast<size_t>(kind)];
}

std::unique_ptr<Index> Index::build(const std::string &path, std::string text, const sema::Options &options,
                                    diag::Engine &engine) {
  std::unique_ptr<Index> index(new Index());
  ast::Program program;
  program.path = path;
  sema::Facts facts;
  sema::Sema sema(options, engine, program);
  sema.facts = &facts;
  sema.run(path, std::move(text));
  index->sources = engine.getSources();
  Resolver(*index, sema, options.stdlib).run(facts);
  return index;
}

const Index::File *Index::fileOf(std::string_view path) const {
  auto it = contents.find(path);
  return it == contents.end() ? nullptr : &it->second;
}

bool Index::hasFile(std::string_view path) const { return fileOf(path) != nullptr; }

const std::string &Index::pathOf(Location at) const {
  static const std::string none;
  auto it = sourcePaths.find(at.source);
  return it == sourcePaths.end() ? none : it->second;
}

const std::string &Index::textOf(std::string_view path) const {
  static const std::string none;
  const File *file = fileOf(path);
  return file ? file->text : none;
}

Occurrence Index::at(std::string_view path, uint32_t offset) const {
  const File *file = fileOf(path);
  if (!file)
    return {};
  auto next = std::upper_bound(file->occurrences.begin(), file->occurrences.end(), offset,
                               [](uint32_t o, const Occurrence &x) { return o < x.location.begin; });
  if (next == file->occurrences.begin())
    return {};
  const Occurrence &found = *--next;
  return offset <= found.location.end ? found : Occurrence();
}

std::vector<Occurrence> Index::occurrences(std::string_view path) const {
  const File *file = fileOf(path);
  return file ? file->occurrences : std::vector<Occurrence>();
}

std::vector<const Symbol *> Index::outline(std::string_view path) const {
  const File *file = fileOf(path);
  return file ? file->outline : std::vector<const Symbol *>();
}

std::vector<const Symbol *> Index::visible(std::string_view path, uint32_t offset) const {
  std::vector<const Symbol *> out;
  const File *file = fileOf(path);
  std::map<std::string_view, bool> taken;
  auto add = [&](const Symbol &symbol) {
    if (taken.try_emplace(symbol.name, true).second)
      out.push_back(&symbol);
  };
  int scope = -1;
  for (size_t i = 0; file && i < file->scopes.size(); ++i)
    if (file->scopes[i].begin <= offset && offset <= file->scopes[i].end)
      scope = static_cast<int>(i);
  for (; scope >= 0; scope = file->scopes[scope].parent) {
    const auto &names = file->scopes[scope].names;
    for (auto it = names.rbegin(); it != names.rend(); ++it)
      if (it->from <= offset)
        add(*it->symbol);
  }
  for (const Symbol &symbol : symbols)
    if (symbol.kind == Symbol::Kind::Builtin)
      add(symbol);
  return out;
}

const Symbol *Index::find(std::string_view path, uint32_t offset,
                          const std::vector<std::string_view> &parts) const {
  const Symbol *found = nullptr;
  for (size_t i = 0; i < parts.size(); ++i) {
    std::vector<const Symbol *> names = i == 0 ? visible(path, offset) : std::vector<const Symbol *>();
    if (i > 0 && found->target)
      names = found->target->members;
    found = nullptr;
    for (const Symbol *symbol : names)
      if (symbol->name == parts[i]) {
        found = symbol;
        break;
      }
    if (!found)
      return nullptr;
  }
  return found;
}

//===-- Text around a declaration ---------------------------------------===//

static std::string_view trim(std::string_view line) {
  size_t begin = line.find_first_not_of(" \t\r");
  return begin == std::string_view::npos ? ""
                                         : line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

std::string docsOf(const Symbol &symbol) {
  if (!symbol.whole)
    return "";
  const diag::Source &source = *symbol.whole.source;
  std::vector<std::string_view> lines;
  for (uint32_t line = symbol.whole.getLine() - 1; line > 0; --line) {
    std::string_view text = trim(source.getLine(line));
    if (text.substr(0, 3) != "///")
      break;
    text.remove_prefix(text.substr(0, 4) == "/// " ? 4 : 3);
    lines.push_back(text);
  }
  std::string out;
  for (auto it = lines.rbegin(); it != lines.rend(); ++it)
    out.append(*it).append("\n");
  return out;
}

std::string signatureOf(const Symbol &symbol) {
  if (!symbol.whole)
    return "";
  constexpr size_t kMost = 2000;
  const std::string &text = symbol.whole.source->getText();
  size_t begin = symbol.whole.begin, end = std::min<size_t>(symbol.whole.end, text.size());
  size_t brace = text.find('{', begin);
  bool hasBody = symbol.kind == Symbol::Kind::Function || symbol.kind == Symbol::Kind::Layer ||
                 symbol.kind == Symbol::Kind::Entry || symbol.kind == Symbol::Kind::Weights ||
                 symbol.kind == Symbol::Kind::Plan;
  if (hasBody && brace != std::string::npos)
    end = std::min(end, brace);
  return std::string(trim(std::string_view(text).substr(begin, std::min(end - begin, kMost))));
}

} // namespace cleave::index
