#include "tools/lsp/Workspace.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace cleave::lsp {

namespace fs = std::filesystem;

static std::string absolute(const std::string &path) {
  std::error_code ignored;
  fs::path p = fs::weakly_canonical(path, ignored);
  return p.empty() ? path : p.string();
}

static std::string readFile(const fs::path &path) {
  constexpr std::uintmax_t kMostBytes = 16 << 20;
  std::error_code error;
  std::uintmax_t size = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  if (error || size > kMostBytes)
    return "";
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void Workspace::open(const std::string &uri, std::string text, Json version) {
  documents[absolute(pathOf(uri))] = {uri, std::move(text), std::move(version)};
  homes.clear();
  invalidate();
}

void Workspace::change(const std::string &uri, const Json &changes, Json version) {
  document(uri);
  std::string path = absolute(pathOf(uri));
  Document &d = documents[path];
  for (const Json &change : changes) {
    const std::string &text = change.at("text").get_ref<const std::string &>();
    if (!change.contains("range")) {
      d.text = text;
      continue;
    }
    Lines lines(d.text);
    uint32_t begin = lines.offset(change["range"].at("start")), end = lines.offset(change["range"].at("end"));
    d.text.replace(begin, std::max(begin, end) - begin, text);
  }
  d.version = std::move(version);
  for (auto &[main, program] : checked)
    if (!program.index || program.index->hasFile(path) || program.engine->hasErrors())
      program.fresh = false;
}

void Workspace::close(const std::string &uri) {
  std::string path = absolute(pathOf(uri));
  documents.erase(path);
  homes.clear();
  std::map<std::string, Program> kept;
  for (auto &[open, document] : documents)
    if (auto it = checked.find(homeOf(open)); it != checked.end())
      kept[it->first] = std::move(it->second);
  checked = std::move(kept);
  invalidate();
}

void Workspace::invalidate() {
  for (auto &[main, program] : checked)
    program.fresh = false;
}

const Document *Workspace::find(const std::string &path) const {
  auto it = documents.find(path);
  return it == documents.end() ? nullptr : &it->second;
}

const Document &Workspace::document(const std::string &uri) const {
  if (const Document *found = find(absolute(pathOf(uri))))
    return *found;
  throw RpcError(InvalidParams, "a document is open before it is asked about, found " + uri);
}

std::string Workspace::textOf(const std::string &path) const {
  const Document *open = find(path);
  return open ? open->text : readFile(path);
}

std::string Workspace::uriFor(const std::string &path) const {
  const Document *open = find(path);
  return open ? open->uri : uriOf(path);
}

// `import NAME` at the start of a line.
static bool imports(const std::string &text, const std::string &name) {
  for (const std::string &line : {"import " + name, "import \"" + name})
    for (size_t at = text.find(line); at != std::string::npos; at = text.find(line, at + 1)) {
      char next = at + line.size() < text.size() ? text[at + line.size()] : '\n';
      bool begins = at == 0 || text[at - 1] == '\n';
      if (begins && !std::isalnum(static_cast<unsigned char>(next)) && next != '_')
        return true;
    }
  return false;
}

// A module is checked in a program that imports it: its own folder's files share its names. Looked for beside
// the file and beside its folder.
std::string Workspace::homeOf(const std::string &path) const {
  std::set<std::string> asked;
  return homeOf(path, asked);
}

// `asked`: files on the way, which may import each other in a circle.
std::string Workspace::homeOf(const std::string &path, std::set<std::string> &asked) const {
  asked.insert(path);
  if (!stdlib.empty() && path.rfind(stdlib + "/", 0) == 0)
    return stdlib + "/" + fs::path(path).parent_path().filename().string() + " alone.dsl";
  constexpr int kMostFiles = 200;
  int files = 0;
  fs::path file(path);
  std::string stem = file.stem().string(), folder = file.parent_path().filename().string();
  for (const auto &[where, name] :
       {std::pair(file.parent_path(), stem), std::pair(file.parent_path().parent_path(), folder)}) {
    std::error_code ignored;
    std::vector<std::string> near;
    for (const auto &entry : fs::directory_iterator(where, ignored))
      if (entry.path().extension() == ".dsl" && entry.path() != file && ++files < kMostFiles)
        near.push_back(absolute(entry.path().string()));
    for (const auto &[open, document] : documents)
      if (fs::path(open).parent_path() == where && open != path)
        near.push_back(open);
    std::sort(near.begin(), near.end());
    for (const std::string &other : near)
      if (!asked.count(other) && imports(textOf(other), name))
        return homeOf(other, asked);
  }
  return path;
}

sema::Options Workspace::options(const std::map<std::string, std::string> &instead) const {
  sema::Options options;
  options.stdlib = stdlib;
  options.unsaved = [this, instead](const std::string &path) -> std::optional<std::string> {
    if (auto it = instead.find(path); it != instead.end())
      return it->second;
    const Document *open = find(path);
    return open ? std::optional(open->text) : std::nullopt;
  };
  return options;
}

void Workspace::check(Program &program) {
  bool made = program.main.find(" alone.dsl") != std::string::npos;
  if (made) {
    std::string name = fs::path(program.main).filename().string();
    program.text = "import " + name.substr(0, name.find(' ')) + "\n";
  }
  std::string text = made ? program.text : textOf(program.main);
  sema::Options checks = options();
  program.engine = std::make_unique<diag::Engine>();
  program.index = index::Index::build(program.main, text, checks, *program.engine);
  program.hasSyntaxErrors = false;
  for (const auto &d : program.engine->getDiagnostics())
    program.hasSyntaxErrors |= d->code.rfind("E0", 0) == 0;
  if (program.hasSyntaxErrors) {
    checks.tolerant = true;
    diag::Engine scratch;
    program.index = index::Index::build(program.main, std::move(text), checks, scratch);
  }
  program.fresh = true;
}

Program &Workspace::programOf(const std::string &path) {
  auto [home, fresh] = homes.try_emplace(path);
  if (fresh)
    home->second = homeOf(path);
  for (bool own : {false, true}) {
    std::string main = own ? path : home->second;
    Program &program = checked[main];
    program.main = main;
    if (!program.fresh)
      check(program);
    if (program.index->hasFile(path))
      return program;
    home->second = path; // what imports it by name means another file
    checked.erase(main);
  }
  throw RpcError(InternalError, "no program has " + path);
}

std::vector<Program *> Workspace::programs() {
  std::vector<Program *> out;
  for (const auto &[path, document] : documents) {
    Program *program = &programOf(path);
    if (std::find(out.begin(), out.end(), program) == out.end())
      out.push_back(program);
  }
  return out;
}

Place Workspace::place(const Json &params) {
  const std::string &uri = params.at("textDocument").at("uri").get_ref<const std::string &>();
  const Document &open = document(uri);
  std::string path = absolute(pathOf(uri));
  return {&programOf(path), path, Lines(open.text).offset(params.at("position"))};
}

Json Workspace::range(const index::Index &index, diag::Location at) const {
  return Lines(index.textOf(index.pathOf(at))).range(at.begin, at.end);
}

Json Workspace::location(const index::Index &index, diag::Location at) const {
  return {{"uri", uriFor(index.pathOf(at))}, {"range", range(index, at)}};
}

} // namespace cleave::lsp
