// Files, imports and the names they declare.
#include "lang/sema/Sema.h"
#include "lang/syntax/Parser.h"
#include "lang/syntax/Repair.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace cleave::sema {

namespace fs = std::filesystem;

const char *describe(Symbol::Kind kind) {
  static const char *const names[] = {
      "a module", "an axis",          "a hyper", "a data source", "a function",
      "a layer",  "a layer instance", "a state", "an entry",      "a weights declaration",
      "a link",   "a mesh",           "a plan"};
  return names[static_cast<size_t>(kind)];
}

static std::optional<std::string> readFile(const std::string &path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string absolute(const std::string &path) {
  std::error_code ignored;
  fs::path p = fs::weakly_canonical(path, ignored);
  return p.empty() ? path : p.string();
}

// What is saved or run under its name alone shares these with the language.
static bool isReserved(Symbol::Kind kind, std::string_view name) {
  bool isNamed = kind == Symbol::Kind::Data || kind == Symbol::Kind::State || kind == Symbol::Kind::Entry;
  return isNamed && (name == "step" || name == "seed" || name == "init");
}

void Sema::addSymbol(Module &module, const syntax::Name &name, Symbol symbol) {
  symbol.location = name.location;
  if (isReserved(symbol.kind, name.text))
    error("E102", name.location,
          std::string(describe(symbol.kind)) + " has a name of its own, found '" + std::string(name.text) +
              "', which is built in");
  auto [it, fresh] = module.symbols.try_emplace(std::string(name.text), symbol);
  if (!fresh)
    error("E102", name.location,
          "a name is declared once in a module, found a second '" + std::string(name.text) + "'")
        .note(it->second.location, "the first is " + std::string(describe(it->second.kind)));
}

static std::string qualified(const Module &module, std::string_view name) {
  return module.name.empty() ? std::string(name) : module.name + "." + std::string(name);
}

void Sema::declareImport(Module &module, const syntax::Item &item) {
  Module *imported = loadModule(item, module);
  if (!imported)
    return;
  Symbol s;
  s.kind = Symbol::Kind::Module;
  s.module = imported;
  syntax::Name name = item.name;
  if (name.empty()) {
    // import "layers.dsl": named after the file.
    name.text = *program.own(new std::string(fs::path(item.file).stem().string()));
    name.location = item.location;
  }
  addSymbol(module, name, s);
}

// Items that declare several names at once.
void Sema::declareAxes(Module &module, const syntax::Item &item) {
  for (const syntax::Binding &b : item.bindings) {
    axes.emplace_back();
    Symbol s;
    s.kind = Symbol::Kind::Axis;
    s.axis = &axes.back();
    s.axis->name = qualified(module, b.name.text);
    s.axis->module = &module;
    s.axis->binding = &b;
    axisOrder.push_back(s.axis);
    addSymbol(module, b.name, s);
  }
}

void Sema::declareHypers(Module &module, const syntax::Item &item) {
  for (const syntax::Binding &b : item.bindings) {
    hypers.emplace_back();
    Symbol s;
    s.kind = Symbol::Kind::Hyper;
    s.hyper = &hypers.back();
    s.hyper->name = qualified(module, b.name.text);
    s.hyper->module = &module;
    s.hyper->binding = &b;
    hyperOrder.push_back(s.hyper);
    addSymbol(module, b.name, s);
  }
}

void Sema::declareStates(Module &module, const syntax::Item &item) {
  for (const syntax::Name &name : item.state->names) {
    fileStates.emplace_back();
    Symbol s;
    s.kind = Symbol::Kind::State;
    s.state = &fileStates.back();
    s.state->name = qualified(module, name.text);
    s.state->module = &module;
    s.state->stmt = item.state;
    s.state->location = name.location;
    stateOrder.push_back(s.state);
    addSymbol(module, name, s);
  }
}

void Sema::declareInstances(Module &module, const syntax::Item &item) {
  for (const syntax::Name &name : item.names) {
    instances.emplace_back();
    Symbol s;
    s.kind = Symbol::Kind::Instance;
    s.instance = &instances.back();
    s.instance->name = qualified(module, name.text);
    s.instance->module = &module;
    s.instance->item = &item;
    s.instance->location = name.location;
    instanceOrder.push_back(s.instance);
    addSymbol(module, name, s);
  }
}

void Sema::declareItem(Module &module, syntax::Item &item) {
  using Kind = syntax::Item::Kind;
  Symbol s;
  switch (item.kind) {
  case Kind::Import:
    return declareImport(module, item);
  case Kind::Axis:
    return declareAxes(module, item);
  case Kind::Hyper:
    return declareHypers(module, item);
  case Kind::State:
    return declareStates(module, item);
  case Kind::Instance:
    return declareInstances(module, item);
  case Kind::Data:
    datas.emplace_back();
    s.kind = Symbol::Kind::Data;
    s.data = &datas.back();
    s.data->item = &item;
    s.data->module = &module;
    dataOrder.push_back(s.data);
    break;
  case Kind::Weights:
    weights.push_back({&item, &module});
    s.kind = Symbol::Kind::Weights;
    break;
  case Kind::Link:
    links.push_back({qualified(module, item.name.text), &item});
    s.kind = Symbol::Kind::Link;
    s.link = &links.back();
    break;
  case Kind::Mesh:
    meshes.push_back({qualified(module, item.name.text), &item, &module});
    s.kind = Symbol::Kind::Mesh;
    s.mesh = &meshes.back();
    break;
  case Kind::Plan:
    plans.push_back({qualified(module, item.name.text), &item, &module});
    s.kind = Symbol::Kind::Plan;
    s.plan = &plans.back();
    break;
  case Kind::Function:
  case Kind::Layer:
  case Kind::Entry:
    definitions.emplace_back();
    s.kind = item.kind == Kind::Function ? Symbol::Kind::Function
             : item.kind == Kind::Layer  ? Symbol::Kind::Layer
                                         : Symbol::Kind::Entry;
    s.definition = &definitions.back();
    s.definition->item = &item;
    s.definition->module = &module;
    s.definition->name = qualified(module, item.name.text);
    definitionOrder.push_back(s.definition);
    break;
  }
  addSymbol(module, item.name, s);
}

void Sema::declare(Module &module, syntax::File &file) {
  for (syntax::Item *item : file.items)
    declareItem(module, *item);
}

std::unique_ptr<syntax::File> Sema::parse(const diag::Source &source) {
  std::unique_ptr<syntax::File> file = syntax::parse(source, engine);
  std::optional<std::string> rest = file || !options.tolerant ? std::nullopt : syntax::withoutErrors(source);
  if (!rest)
    return file;
  return syntax::parse(*engine.addSource(source.getPath(), std::move(*rest)), engine);
}

bool Sema::loadFile(Module &module, const std::string &path, Location at) {
  std::optional<std::string> text = options.unsaved ? options.unsaved(absolute(path)) : std::nullopt;
  if (!text)
    text = readFile(path);
  if (!text) {
    loadFailed = true;
    error("E103", at, "an imported file can be read, found that '" + path + "' cannot");
    return false;
  }
  const diag::Source *source = engine.addSource(path, std::move(*text));
  std::unique_ptr<syntax::File> file = parse(*source);
  if (!file) {
    loadFailed = true;
    return false;
  }
  module.files.push_back(std::move(file));
  return true;
}

// `base/name.dsl`, or every .dsl file of the folder `base/name` in order of name. Null when neither is there.
Module *Sema::loadFolderOrFile(const std::string &base, const std::string &name, Location at) {
  std::error_code ignored;
  std::string stem = (fs::path(base) / name).string();
  std::vector<std::string> paths;
  if (fs::is_regular_file(stem + ".dsl", ignored)) {
    paths.push_back(stem + ".dsl");
  } else if (fs::is_directory(stem, ignored)) {
    for (const auto &entry : fs::directory_iterator(stem, ignored))
      if (entry.path().extension() == ".dsl")
        paths.push_back(entry.path().string());
    std::sort(paths.begin(), paths.end());
  }
  if (paths.empty())
    return nullptr;
  std::string key = absolute(stem);
  for (Module &known : modules) {
    if (known.key != key)
      continue;
    if (known.loading)
      error("E104", at, "modules do not import each other in a circle, found '" + name + "' again");
    return known.loading ? mainModule : &known;
  }
  Module &module = modules.emplace_back();
  module.name = fs::path(name).filename().string();
  module.key = key;
  module.folder = fs::path(paths[0]).parent_path().string();
  module.loading = true;
  for (const std::string &path : paths)
    loadFile(module, path, at);
  for (size_t i = 0; i < module.files.size(); ++i)
    declare(module, *module.files[i]);
  module.loading = false;
  return &module;
}

Module *Sema::loadModule(const syntax::Item &item, Module &importer) {
  Module *module = nullptr;
  unsigned before = engine.getErrorCount();
  std::string written;
  if (!item.file.empty()) {
    written = item.file;
    fs::path path(item.file);
    if (path.extension() == ".dsl")
      path.replace_extension();
    module =
        loadFolderOrFile(path.is_absolute() ? "/" : importer.folder,
                         path.is_absolute() ? path.relative_path().string() : path.string(), item.location);
  } else {
    for (const syntax::Name &part : item.path.parts)
      written += (written.empty() ? "" : "/") + std::string(part.text);
    module = loadFolderOrFile(importer.folder, written, item.path.location);
    if (!module && !options.stdlib.empty())
      module = loadFolderOrFile(options.stdlib, written, item.path.location);
  }
  if (module || engine.getErrorCount() != before) {
    loadFailed |= !module || module == mainModule;
    return module == mainModule ? nullptr : module;
  }
  loadFailed = true;
  std::vector<std::string> near;
  std::error_code ignored;
  for (const std::string &base : {importer.folder, options.stdlib})
    for (const auto &entry : fs::directory_iterator(base.empty() ? "." : base, ignored))
      if (entry.is_directory(ignored) || entry.path().extension() == ".dsl")
        near.push_back(entry.path().stem().string());
  diag::Diagnostic &d =
      error("E103", item.path.parts.empty() ? item.location : item.path.location,
            "a module is a .dsl file or a folder of them, found no '" + written + "' beside this file" +
                (item.file.empty() ? " or in the standard library" : ""));
  std::string better = diag::nearest(written, near);
  if (!better.empty())
    d.suggest("did you mean '" + better + "'?");
  return nullptr;
}

bool Sema::loadMain(const std::string &path, std::string text) {
  mainModule = &modules.emplace_back();
  mainModule->folder = fs::path(path).parent_path().string();
  if (mainModule->folder.empty())
    mainModule->folder = ".";
  fs::path stem(path);
  mainModule->key = absolute(stem.replace_extension().string());
  mainModule->loading = true;
  const diag::Source *source = engine.addSource(path, std::move(text));
  std::unique_ptr<syntax::File> file = parse(*source);
  if (!file)
    return false;
  mainModule->files.push_back(std::move(file));
  declare(*mainModule, *mainModule->files[0]);
  mainModule->loading = false;
  return true;
}

const Symbol *Sema::lookup(const Module &module, const syntax::Path &path, size_t &failed,
                           const Module *&scope) {
  scope = &module;
  for (size_t i = 0; i < path.parts.size(); ++i) {
    const Symbol *symbol = scope->find(path.parts[i].text);
    failed = i;
    if (!symbol)
      return nullptr;
    if (i + 1 == path.parts.size())
      return symbol;
    if (symbol->kind != Symbol::Kind::Module)
      return nullptr;
    scope = symbol->module;
  }
  return nullptr;
}

const Symbol *Sema::require(const Module &module, const syntax::Path &path, const char *what,
                            const std::vector<std::string> &alsoKnown) {
  size_t failed = 0;
  const Module *scope = nullptr;
  if (const Symbol *symbol = lookup(module, path, failed, scope))
    return symbol;
  const syntax::Name &part = path.parts[failed];
  std::vector<std::string> names = failed == 0 ? alsoKnown : std::vector<std::string>();
  for (const auto &[name, symbol] : scope->symbols)
    names.push_back(name);
  std::string where = scope->name.empty() ? "" : " in module " + scope->name;
  bool notModule = scope->find(part.text) != nullptr;
  diag::Diagnostic &d =
      error("E101", part.location,
            notModule ? "only modules have names inside, found '" + std::string(part.text) + "'"
                      : std::string(what) + " must be declared, found unknown name '" +
                            std::string(part.text) + "'" + where);
  std::string better = diag::nearest(part.text, names);
  if (!better.empty() && !notModule)
    d.suggest("did you mean '" + better + "'?");
  return nullptr;
}

} // namespace cleave::sema
