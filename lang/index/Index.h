// What every name of a program stands for: definitions, uses, types, scopes. The library behind editors'
// features.
//
// An index is built from one main file and the modules it imports. It works on programs with errors:
// statements that do not parse are left out, names that mean nothing are kept as such, and types are those
// the checker could find.
#ifndef CLEAVE_LANG_INDEX_INDEX_H
#define CLEAVE_LANG_INDEX_INDEX_H

#include "lang/diag/Engine.h"
#include "lang/sema/Check.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cleave::index {

using diag::Location;

struct Symbol {
  enum class Kind : uint8_t {
    // Of a module.
    Module,
    Axis,
    Hyper,
    Data,
    Function,
    Layer,
    Instance, // layer gpt = Gpt
    State,    // of the file or of a layer
    Entry,
    Weights, // where the parameters of a layer lie in files
    Link,
    Mesh,
    Plan,
    MeshAxis, // of a mesh or plan
    // Of a definition.
    Generic,
    Parameter,
    Result, // the name of an output
    // Of a body.
    Let,
    Weight,   // param
    SubLayer, // layer and repeat
    Carry,
    Counter, // of a scan
    Index,   // an index variable
    Builtin, // and names of their arguments
    Unknown
  };
  Kind kind = Kind::Unknown;
  std::string name;
  Location definition;           // of the name; none for built-ins
  Location whole;                // of the item or statement that declares it
  const Symbol *owner = nullptr; // the function, layer or entry it belongs to
  std::vector<Location> uses;    // every place where the name is written, the definition first
  // Of a module: its names. Of a function, layer or entry: generics, parameters, results, then what its body
  // binds.
  std::vector<const Symbol *> members;
  const Symbol *target = nullptr;     // of an instance or sub-layer: its layer; of an import: the module
  bool library = false;               // declared in the standard library
  bool isPack = false;                // of a generic or index variable
  bool isAxis = false;                // of a generic: an axis, not an element type
  std::string type;                   // as users write it: f32[Batch, Seq]; empty when unknown
  std::string sizes;                  // "Batch = 16, Seq = 128"; empty when there are none
  std::vector<std::string> instances; // types it has where a generic definition is used, in order of use
};

// "an axis", "a function", "an index variable", ...
const char *describe(Symbol::Kind kind);

struct Occurrence {
  Location location;
  const Symbol *symbol = nullptr;
  explicit operator bool() const { return symbol != nullptr; }
};

class Index {
public:
  // Checks the program and indexes it; `path` is the main file, which may exist as `text` only. What the
  // checker reports goes to `engine`; the index shares its sources.
  static std::unique_ptr<Index> build(const std::string &path, std::string text, const sema::Options &options,
                                      diag::Engine &engine);

  // The name at a byte offset of a file (its first byte to just behind its last).
  Occurrence at(std::string_view path, uint32_t offset) const;
  // Every name written in a file, in order.
  std::vector<Occurrence> occurrences(std::string_view path) const;
  // The names that can be used at an offset, the innermost first; a shadowed one is left out.
  std::vector<const Symbol *> visible(std::string_view path, uint32_t offset) const;
  // What a dotted path (`nn.linear`) means at an offset; null when nothing.
  const Symbol *find(std::string_view path, uint32_t offset,
                     const std::vector<std::string_view> &parts) const;
  // What is declared at the top of a file, in order, with what each definition declares in `members`.
  std::vector<const Symbol *> outline(std::string_view path) const;
  // Absolute paths of the program's files, the main one first.
  const std::vector<std::string> &files() const { return paths; }
  bool hasFile(std::string_view path) const;
  // The absolute path of the file that a place is in.
  const std::string &pathOf(Location at) const;
  const std::string &textOf(std::string_view path) const;

private:
  friend class Resolver;
  struct Scope {
    uint32_t begin = 0, end = 0;
    int parent = -1;
    struct Entry {
      uint32_t from = 0; // a name is visible behind its definition
      Symbol *symbol = nullptr;
    };
    std::vector<Entry> names;
    Symbol *definition = nullptr; // the function, layer or entry that this is the scope of
  };
  struct File {
    std::string text;
    std::vector<Occurrence> occurrences; // by begin
    std::vector<Scope> scopes;           // a parent before its children; 0 is the whole file
    std::vector<const Symbol *> outline;
  };

  const File *fileOf(std::string_view path) const;

  std::vector<std::shared_ptr<const diag::Source>> sources; // what Locations point into
  std::deque<Symbol> symbols;
  std::vector<std::string> paths;
  std::map<const diag::Source *, std::string> sourcePaths;
  std::map<std::string, File, std::less<>> contents;
};

// Lines that begin with /// directly above a declaration, without their slashes.
std::string docsOf(const Symbol &symbol);
// The declaration as written, without its body: `layer Linear[In, Out](x: f32[...L, In]) -> f32[...L, Out]`.
std::string signatureOf(const Symbol &symbol);

} // namespace cleave::index

#endif
