// The untyped syntax tree: what was written, with places, before names mean anything.
//
// Names and literals are views into the `diag::Source` they were parsed from, which must outlive the tree.
// Nodes are owned by their `File`. Lists keep the order of the text.
#ifndef CLEAVE_LANG_SYNTAX_SYNTAX_H
#define CLEAVE_LANG_SYNTAX_SYNTAX_H

#include "lang/diag/Source.h"

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cleave::syntax {

using diag::Location;

struct Expr;
struct Stmt;

struct Name {
  std::string_view text;
  Location location;
  bool empty() const { return text.empty(); }
};

// `nn.Linear`
struct Path {
  std::vector<Name> parts;
  Location location;
  std::string str() const {
    std::string s;
    for (const Name &part : parts)
      s.append(s.empty() ? "" : ".").append(part.text);
    return s;
  }
};

// An axis in a type: `Batch`, `conv.Taps`, or `...L`.
struct TypeAxis {
  bool pack = false;
  Path path;
};

// `f32[Batch, Seq]`
struct Type {
  Path name;
  bool bracketed = false;
  std::vector<TypeAxis> axes;
  Location location;
};

// An index variable being bound: `b`, `s: Seq`, `...l`, `...l: ...L`.
struct PatternItem {
  bool pack = false;
  Name name;
  Path axis; // no parts when not annotated
};

using Pattern = std::vector<PatternItem>;

struct Block {
  std::vector<Stmt *> statements;
  Location location; // of the closing brace
};

struct Argument {
  Name name; // empty when positional
  Expr *value = nullptr;
};

// One item of `x[...]`.
struct Subscript {
  bool pack = false;
  Name name;             // of a pack; or before a colon
  Name packAxis;         // `...l: ...L`
  Expr *value = nullptr; // null for packs
  Location location;
};

struct CarryBinding {
  Name name;
  Expr *value = nullptr;
};

enum class Reduction : uint8_t { Sum, Max, Min, Mean, Prod, Argmax, Argmin, Set };

struct Expr {
  enum class Kind : uint8_t {
    Integer,
    Float,
    Bool,
    Inf,
    String,
    Name,
    Member,    // left . name
    Index,     // left [ subscripts ] outside right
    Call,      // left ( arguments )
    Unary,     // op left
    Binary,    // left op right
    Reduction, // reduction (pattern) left
    If,        // if left then block else block
    Scan,      // scan name over path carry (..) block
    While,     // while left bound right carry (..) block
    Scatter    // scatter reduction (pattern) left at targets into right
  };
  Kind kind = Kind::Integer;
  Location location;     // the whole expression
  Location opLocation;   // of the operator, where there is one
  std::string_view text; // literal or name as written; the operator of Unary and Binary
  Expr *left = nullptr;
  Expr *right = nullptr;
  Name name;
  Path path;
  std::vector<Subscript> subscripts;
  std::vector<Argument> arguments;
  std::vector<CarryBinding> carries; // of a scatter: its targets
  Reduction reduction = Reduction::Sum;
  Pattern pattern;
  Block block;
  Block elseBlock;
  unsigned depth = 1; // of the tree below, to bound recursion
};

// `nn.Linear[Embed, Out: Hidden]`
struct GenericArgument {
  Name name; // empty when positional
  bool pack = false;
  Path value;
};
struct LayerTarget {
  Path path;
  std::vector<GenericArgument> arguments;
  Location location;
};

struct Stmt {
  enum class Kind : uint8_t {
    Let,
    Residual,
    Param,
    State,
    Set,
    Layer,
    Repeat,
    Update,
    Return,
    Print,
    Assert,
    Next,
    Yield
  };
  Kind kind = Kind::Let;
  Location location;
  std::vector<Name> names; // bound by it; of a Set: the state
  bool tuple = false;      // let (a, b) = ...
  bool indexed = false;    // a pattern was written
  Pattern pattern;
  bool typed = false;
  Type type;
  Expr *value = nullptr;           // right-hand side, condition
  std::vector<Expr *> values;      // of Print, Yield
  std::vector<CarryBinding> nexts; // of Next
  std::vector<Stmt *> returns;     // of Return: one per value; `return y[b] = e` is like a Let
  std::string text;                // label or message
  LayerTarget target;              // of Layer, Repeat
  Path axis;                       // of Repeat
  Path object, callee;             // of Update
  std::vector<Argument> arguments; // of Update
};

struct GenericParameter {
  bool pack = false;
  Name name;
  Name constraint;      // float, int, number; mesh: an axis of ranks; empty for an axis
  Expr *size = nullptr; // of an axis that is computed from others: `Turns = Ring - 1`
};

struct Parameter {
  Name name;
  bool axis = false; // `over: axis K`
  Name axisName;
  Type type;
  Path source; // from
  bool inOrder = false;
  Expr *defaultValue = nullptr;
};

struct Result {
  Name name;
  Type type;
};

struct Binding { // axis, hyper, rebinding
  Name name;
  bool typed = false;
  Type type;
  Expr *value = nullptr;
};

// `blocks[i]`, `query[e, h, d]`
struct WeightStep {
  Name name;
  bool bracketed = false;
  std::vector<Name> variables;
};

// One subscript of the file's tensor: the axes it has merged, and what is added.
struct WeightPosition {
  std::vector<Name> merged; // at least two, or none
  Expr *value = nullptr;    // null where nothing is added
  Location location;
};

// `"h.{i}.attn.weight"[(h, d), e]`
struct WeightSource {
  std::string name;
  Location nameLocation;
  std::vector<WeightPosition> positions;
  Location location;
};

struct WeightRow {
  bool parameter = false; // else a state
  std::vector<WeightStep> steps;
  std::vector<WeightSource> sources;
  std::vector<std::string> ignored; // of `ignore`: no steps then
  Location location;                // of the path
};

// `dp: 2 over network`
struct MeshAxis {
  Name name;
  Expr *size = nullptr; // null: left to who uses it
  Path link;            // no parts when not written
};

// The mesh of a plan: axes as written, or a mesh by name with sizes of its own for some axes.
struct PlanMesh {
  bool written = false;
  Path path; // no parts: `mesh(...)` or, of a plan that is another on other sizes, `(...)`
  std::vector<MeshAxis> axes;
  Location location;
};

// A mesh axis, or (`tp[1:2]`) a part of one: the digits as written.
struct MeshUse {
  Name name;
  std::string_view before, size; // both empty: the whole axis
  Location location;
};

// `gpt`, `blocks[*]`, `blocks[0..3]`, `*`
struct SelectorStep {
  Name name; // "*": any
  bool stacked = false;
  const Expr *index = nullptr; // null where `[*]` was written
  const Expr *end = nullptr;   // of a range; null where one layer was written
  std::string_view brackets;   // as written, or empty
};

struct Selector {
  std::vector<SelectorStep> steps;
  Location location;
  std::string str() const {
    std::string s;
    for (const SelectorStep &step : steps)
      s.append(s.empty() ? "" : ".").append(step.name.text).append(step.brackets);
    return s;
  }
};

// `Hidden/tp`, `Seq?`, `...L`
struct LayoutDim {
  bool pack = false; // axes that are cut over nothing
  Path axis;
  std::vector<MeshUse> over;
  bool open = false;
  Location location;
};

// `[Batch/dp, Embed] partial sum over tp`
struct Layout {
  struct Partial {
    Name combiner;
    std::vector<MeshUse> over;
  };
  std::vector<LayoutDim> dims;
  std::vector<Partial> partials;
  Location location;
};

struct Quantity {
  std::string_view number;
  Name unit; // empty where there is none
  Location location;
};

struct ManualPort {
  Name name;
  Layout layout;
};

struct Tactic {
  enum class Kind : uint8_t {
    Shard,
    Layout,
    Replicate,
    Store,
    Accumulate,
    Recompute,
    Save,
    Remainder,
    Overlap,
    Allow,
    AssertNo,
    Assert,
    Manual,
    AssertEquivalent
  };
  Kind kind = Kind::Shard;
  Location location;
  std::vector<Path> axes;          // of Shard, Accumulate, Remainder
  std::vector<MeshUse> over;       // of an assertion: of its collective
  std::vector<Selector> selectors; // of an assertion: what its collective stands in
  std::vector<Name>
      words;       // of Store: kinds. Remainder: the policy. Overlap: what. Allow, Assert: what is bounded
  Name collective; // of assertions
  Quantity quantity;
  const Expr *count = nullptr; // of Accumulate
  bool never = false;          // Overlap: `no` stands before the words
  syntax::Layout layout;
  // Manual: the composite, its arguments and results, and the function in its place, whose axes of ranks are
  // `over`.
  Path composite, function;
  std::vector<ManualPort> ports;
  std::vector<syntax::Layout> results;
  // AssertEquivalent: the plan, and sizes for axes of its mesh.
  Path plan;
  std::vector<MeshAxis> sizes;
};

struct Item {
  enum class Kind : uint8_t {
    Import,
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
  Name name;
  // Import
  Path path;
  std::string file; // import "x.dsl"
  // Axis, Hyper: what it binds. Entry: its rebindings.
  std::vector<Binding> bindings;
  // Data
  Expr *value = nullptr;
  // Function, Layer, Entry
  bool composite = false;
  bool local = false; // a function of the blocks that ranks have
  std::vector<GenericParameter> generics;
  std::vector<Parameter> parameters;
  std::vector<Result> results;
  Block body;
  bool hasBackward = false;
  std::vector<Name> cotangents;
  Block backward;
  // Instance
  std::vector<Name> names;
  LayerTarget target;
  // State
  Stmt *state = nullptr;
  // Weights: `path` is the layer's name, `names` are the file's element types.
  std::vector<std::string> prefixes;
  std::vector<WeightRow> rows;
  // Link: its arguments. Mesh: `mesh`. Plan: `path` is what it is for, `base` what it extends.
  std::vector<Argument> arguments;
  PlanMesh mesh;
  Path base;
  std::vector<Tactic> tactics;
};

// One parsed file.
struct File {
  const diag::Source *source = nullptr;
  std::vector<Item *> items;

  Expr *newExpr() { return &exprs.emplace_back(); }
  Stmt *newStmt() { return &stmts.emplace_back(); }
  Item *newItem() { return &itemStore.emplace_back(); }

private:
  std::deque<Expr> exprs;
  std::deque<Stmt> stmts;
  std::deque<Item> itemStore;
};

} // namespace cleave::syntax

#endif
