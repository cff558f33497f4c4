// What the names of a program's files stand for, before any of it is elaborated.
#ifndef CLEAVE_LANG_SEMA_SYMBOLS_H
#define CLEAVE_LANG_SEMA_SYMBOLS_H

#include "lang/ast/Tree.h"
#include "lang/syntax/Syntax.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace cleave::sema {

using diag::Location;

struct Module;
struct Definition;
struct LayerInfo;

struct AxisSymbol {
  std::string name; // qualified: "nn.Taps"; the main file's are bare
  Module *module = nullptr;
  const syntax::Binding *binding = nullptr;
  std::optional<int64_t> override; // --set
  bool resolving = false;
};

struct HyperSymbol {
  std::string name;
  Module *module = nullptr;
  const syntax::Binding *binding = nullptr;
  std::optional<std::string> override;
  const ast::Literal *value = nullptr;
  std::optional<ast::ElementType> element; // of `hyper Compute: type = bf16`
  bool resolving = false, failed = false;

  bool isType() const {
    return binding->typed && binding->type.axes.empty() && binding->type.name.parts.size() == 1 &&
           binding->type.name.parts[0].text == "type";
  }
};

struct DataSymbol {
  const syntax::Item *item = nullptr;
  ast::DataSource *source = nullptr;
  Module *module = nullptr;
};

// `layer gpt = Gpt` at file level.
struct InstanceSymbol {
  std::string name;
  Module *module = nullptr;
  const syntax::Item *item = nullptr;
  Location location;
  Definition *definition = nullptr; // of the layer; null when it was not found
  ast::LayerObject *object = nullptr;
  LayerInfo *info = nullptr; // of the first call
  bool failed = false;       // a call of it had errors: that it has no parameters is no news
};

struct StateSymbol {
  std::string name;
  Module *module = nullptr;
  const syntax::Stmt *stmt = nullptr;
  Location location;
  ast::State *state = nullptr; // resolved on first use
  bool failed = false;
};

struct WeightsSymbol {
  const syntax::Item *item = nullptr;
  Module *module = nullptr;
};

struct LinkSymbol {
  std::string name;
  const syntax::Item *item = nullptr;
  const ast::Link *link = nullptr; // once resolved; null when it was broken
  bool resolved = false;
};

struct MeshSymbol {
  std::string name;
  const syntax::Item *item = nullptr;
  Module *module = nullptr;
};

struct PlanSymbol {
  std::string name; // qualified
  const syntax::Item *item = nullptr;
  Module *module = nullptr;
};

struct Symbol {
  enum class Kind {
    Module,
    Axis,
    Hyper,
    Data,
    Function,
    Layer,
    Instance,
    State,
    Entry,
    Weights,
    Link,
    Mesh,
    Plan
  };
  Kind kind = Kind::Axis;
  Location location;
  Module *module = nullptr;
  AxisSymbol *axis = nullptr;
  HyperSymbol *hyper = nullptr;
  DataSymbol *data = nullptr;
  Definition *definition = nullptr; // Function, Layer, Entry
  InstanceSymbol *instance = nullptr;
  StateSymbol *state = nullptr;
  LinkSymbol *link = nullptr;
  MeshSymbol *mesh = nullptr;
  PlanSymbol *plan = nullptr;
};

// Functions, types and values that every program has.
std::vector<std::string> builtinNames();

// "a function", "an axis", ...
const char *describe(Symbol::Kind kind);

// One name space: a file, or the files of a folder together.
struct Module {
  std::string name; // prefix of qualified names; empty for the main file
  std::string key;  // absolute path, for import cycles and sharing
  std::string folder;
  std::map<std::string, Symbol, std::less<>> symbols;
  std::vector<std::unique_ptr<syntax::File>> files;
  bool loading = false;

  const Symbol *find(std::string_view text) const {
    auto it = symbols.find(text);
    return it == symbols.end() ? nullptr : &it->second;
  }
};

// An axis with what sema must know beyond the tree's: where it came from.
struct SemaAxis : ast::Axis {
  const AxisSymbol *symbol = nullptr;     // null for generics and for aliases made here
  int generic = -1;                       // >= 0: stands for generic parameter `generic` in a generic check
  bool pack = false;                      // ... which is a pack
  unsigned ordinal = 0;                   // > 0: the alias made where one axis would stand twice in a type
  const SemaAxis *aliasBase = nullptr;    // ... of this axis
  std::vector<const SemaAxis *> mentions; // axes its size is computed from, transitively
};

inline const SemaAxis *semaOf(const ast::Axis *axis) { return static_cast<const SemaAxis *>(axis); }

// The axes as one entry sees them (its `with` may change sizes).
struct AxisEnvironment {
  std::unordered_map<const AxisSymbol *, int64_t> overrides;
  std::unordered_map<const AxisSymbol *, const SemaAxis *> axes; // null: failed
  const AxisEnvironment *base = nullptr;
  unsigned id = 0;
};

// What generic parameter i stands for.
struct GenericValue {
  enum class Kind : uint8_t { Unbound, Axis, Pack, Element };
  Kind kind = Kind::Unbound;
  const ast::Axis *axis = nullptr;
  std::vector<const ast::Axis *> pack;
  ast::ElementType element = ast::ElementType::Poison;
};

// One use of a definition: its generics and compile-time constant arguments.
struct Bindings {
  std::vector<GenericValue> generics;          // by index of the definition's generics
  std::vector<const ast::Literal *> constants; // by parameter; null where passed at run time
  std::vector<const ast::LayerObject *> trees; // by parameter; null where not a tree
};

// An instance of a function, as it was called.
struct FunctionUse {
  Bindings bindings;
  AxisEnvironment *environment = nullptr;
  const ast::Function *function = nullptr;
};

enum class CheckState { Unchecked, Checking, Done };

// A function, layer or entry as written.
struct Definition {
  syntax::Item *item = nullptr;
  Module *module = nullptr;
  std::string name; // qualified
  CheckState state = CheckState::Unchecked;
  bool broken = false;     // its own check found errors: instances of it are poison
  bool inProgress = false; // being instantiated: a second time is recursion
  // Axes that the generic check found for index variables, by their syntax node: rigid generics among them
  // stand for what an instance binds them to.
  std::unordered_map<const void *, std::vector<const ast::Axis *>> recorded;
  // Definitions it calls, with one place each.
  std::vector<std::pair<Definition *, Location>> calls;
  std::unordered_map<std::string, const ast::Function *> functions; // instances by key
  std::vector<FunctionUse> uses; // of composites: the same, those that are right
  std::unordered_map<std::string, LayerInfo *> layers;
  unsigned instances = 0;

  bool isLayer() const { return item->kind == syntax::Item::Kind::Layer; }
  bool isEntry() const { return item->kind == syntax::Item::Kind::Entry; }
  bool isGeneric() const { return !item->generics.empty(); }
  int findGeneric(std::string_view text) const {
    for (size_t i = 0; i < item->generics.size(); ++i)
      if (item->generics[i].name.text == text)
        return static_cast<int>(i);
    return -1;
  }
  // An element type (T: float), as opposed to an axis or a pack of axes.
  bool isElementGeneric(int i) const { return !item->generics[i].constraint.empty() && !isRanksGeneric(i); }
  // An axis that stands for ranks (Ring: mesh).
  bool isRanksGeneric(int i) const { return item->generics[i].constraint.text == "mesh"; }
};

// A layer instance with what is needed to make objects of it.
struct LayerInfo {
  Definition *definition = nullptr;
  ast::Layer *layer = nullptr;                          // null: poison
  std::vector<LayerInfo *> children;                    // by child slot; null where never called
  std::vector<const ast::Comprehension *> initialisers; // by slot, over the slot's own axes
};

} // namespace cleave::sema

#endif
