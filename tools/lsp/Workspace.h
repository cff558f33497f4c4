// Open documents and the programs they belong to.
#ifndef CLEAVE_TOOLS_LSP_WORKSPACE_H
#define CLEAVE_TOOLS_LSP_WORKSPACE_H

#include "lang/index/Index.h"
#include "tools/lsp/Text.h"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace cleave::lsp {

struct Document {
  std::string uri; // as the client writes it
  std::string text;
  Json version;
};

// A main file with its modules, as last checked.
struct Program {
  std::string main;                     // absolute path
  std::string text;                     // of a main file that exists for the check alone; else empty
  std::unique_ptr<diag::Engine> engine; // what a user is told
  std::unique_ptr<index::Index> index;
  bool fresh = false;
  bool hasSyntaxErrors = false;
};

// A file of a program at one offset, which may have moved since the program was last indexed.
struct Place {
  const Program *program = nullptr;
  std::string path;
  uint32_t offset = 0;
};

class Workspace {
public:
  explicit Workspace(std::string stdlib) : stdlib(std::move(stdlib)) {}

  void open(const std::string &uri, std::string text, Json version);
  void change(const std::string &uri, const Json &changes, Json version);
  void close(const std::string &uri);
  // Files changed on the disk.
  void invalidate();

  // The open document; throws RpcError when it is not open.
  const Document &document(const std::string &uri) const;
  const Document *find(const std::string &path) const;
  // The text of a file, open or on the disk (as it was last read).
  std::string textOf(const std::string &path) const;
  std::string uriFor(const std::string &path) const;

  // The program that a file is checked in, up to date.
  Program &programOf(const std::string &path);
  // Every program with an open file, up to date.
  std::vector<Program *> programs();
  // {uri, position} of a request.
  Place place(const Json &params);
  // {uri, range} of a place in an index.
  Json location(const index::Index &index, diag::Location at) const;
  Json range(const index::Index &index, diag::Location at) const;

  sema::Options options(const std::map<std::string, std::string> &instead = {}) const;
  const std::string &library() const { return stdlib; }

private:
  std::string homeOf(const std::string &path) const;
  std::string homeOf(const std::string &path, std::set<std::string> &asked) const;
  void check(Program &program);

  std::string stdlib;
  std::map<std::string, Document> documents; // by path
  std::map<std::string, Program> checked;    // by main file
  std::map<std::string, std::string> homes;  // file -> main file
};

} // namespace cleave::lsp

#endif
