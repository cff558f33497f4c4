// The typed, elaborated tree: what sema makes and lang/lower consumes.
//
// Everything is resolved. Names are pointers to the objects they bind; generics are instantiated (one
// `Function` or `Layer` per distinct binding of axes, element types and compile-time constants); sizes,
// hypers and constant conditions are folded to literals; constant `if`s have been replaced by the branch
// taken. Nodes are owned by `Program` and immutable for readers.
//
// There are two levels of expression.
//  - A *tensor-level* expression is a whole tensor (rank 0 included): ValueRef, ParamRef, Literal (rank 0),
//    Comprehension, Gather, Scatter, Argsort, Concat, StopGradient, Call, LayerCall, If, Scan, While, and the
//    tree-valued ones.
//  - An *element-level* expression is one scalar inside a Comprehension's body: Literal, Iter, Access, Unary,
//    Binary, Select, Cast, Random, ElementCall. Nothing else stands there.
// All arithmetic is inside Comprehensions: pointwise `x + y` on tensors has been given index variables,
// scalar arithmetic is a Comprehension of no variables. Sema hoists so that a Comprehension maps to exactly
// one `model.index`: a reduction is only ever the root (its own Comprehension, over the variables it uses),
// and a read at data-dependent positions is a Gather of its own.
//
//   let a[b, s, t] = where(t <= s, (sum(d) q[b, s, d] * k[b, t, d]) / 8, -inf)
//   =>  Let a = Comprehension (b, s, t)
//                 Select(Binary(<=, Iter t, Iter s),
//                        Binary(/, Access(Comprehension (b, s, t) sum (d) Binary(*, Access q.., Access
//                        k..))[b, s, t], 8), Literal -inf)
//
// Order of evaluation: statements in order; operands of one expression in any order (everything but Print,
// Assert, Set and Update is pure).
#ifndef CLEAVE_LANG_AST_TREE_H
#define CLEAVE_LANG_AST_TREE_H

#include "lang/ast/Plan.h"
#include "lang/diag/Source.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cleave::ast {

using diag::Location;

struct Axis;
struct Body;
struct Expr;
struct Function;
struct Layer;
struct LayerObject;
struct Value;

//===-- Types -----------------------------------------------------------===//

enum class ElementType : uint16_t {
  F32,
  F64,
  BF16,
  F16,
  I8,
  I32,
  I64,
  U8,
  Bool,
  // The rest is sema's own and never stands in a finished Program.
  UntypedInt,         // a literal that has not met a type yet
  UntypedFloat,       //
  Poison,             // the type of what was already diagnosed
  FirstVariable,      // FirstVariable + n: type variable n of a generic that is checked on its own
  FirstWide = 1 << 15 // FirstWide + n: its `wide`
};

inline bool isFloat(ElementType t) { return t <= ElementType::F16; }
inline bool isInteger(ElementType t) { return t >= ElementType::I8 && t <= ElementType::U8; }
// "f32", "bool", ...
const char *nameOf(ElementType type);

// A named dimension. Identity is the object: types are equal when their Axis pointers are. An entry that
// rebinds axes (`with (Batch = 1)`) has Axis objects of its own for those that change, of the same name.
struct Axis {
  std::string name;           // unique within an entry: `Batch`; `nn.Taps` for an axis of an imported module
  int64_t size = 0;           // > 0 in a finished Program
  const Axis *root = nullptr; // the axis this one is an alias of, transitively; itself when it is none
  Location location;
  // In a local function: the part of the axis `whole` that a rank has, along `over`.
  const Axis *whole = nullptr;
  std::vector<MeshUse> over;
  // In a local function: the ranks along the one mesh axis in `over`.
  bool isRanks = false;
};

struct Type {
  ElementType element = ElementType::F32;
  std::vector<const Axis *> axes; // outermost first, distinct; empty is rank 0
  // When set, this is a *tree*: one tensor per parameter of this object, in the order of `leavesOf(object)`,
  // each of its parameter's type. `axes` is then empty and `element` the leaves' common type.
  const LayerObject *tree = nullptr;

  bool isTree() const { return tree != nullptr; }
  bool isScalar() const { return !tree && axes.empty(); }
  bool operator==(const Type &o) const { return element == o.element && axes == o.axes && tree == o.tree; }
  bool operator!=(const Type &o) const { return !(*this == o); }
};

// As the user writes it: "f32[Batch, Seq]".
std::string toString(const Type &type);

//===-- Bindings --------------------------------------------------------===//

// A name bound to a tensor (or tree). What stands behind it is said by `kind`; the body that owns it maps it
// to a value of its own when it is lowered.
struct Value {
  enum class Kind : uint8_t {
    Argument, // an argument of a function, layer, entry; a carry, slice or counter of a Body; a cotangent;
              // `result`
    Let,      // defined by a Let (residuals too), a Set (the state's new value) or an Update
    State, // a parameter or state slot of the enclosing Layer, or a file-level State: its value when the body
           // starts
    Step,  // built-in `step`: i64, the number of updates done so far
    Seed   // built-in `seed`: i64
  };
  Kind kind = Kind::Let;
  std::string name; // as the user wrote it; empty for what sema introduced
  Type type;
  Location location;
};

// An index variable: ranges over 0 .. axis->size - 1.
struct IndexVariable {
  std::string name;
  const Axis *axis = nullptr;
  Location location;
};

//===-- Affine positions ------------------------------------------------===//

struct Affine;

// coefficient * (variable | symbol | floor(inner / divisor) | floor-mod(inner, divisor)).
struct AffineTerm {
  int64_t coefficient = 1;
  const IndexVariable *variable = nullptr;
  int symbol = -1;                     // >= 0 in a Gather or Scatter only: its indices[symbol]
  std::shared_ptr<const Affine> inner; // with `divisor` > 0
  int64_t divisor = 0;
  bool remainder = false;
};

// constant + sum of terms.
struct Affine {
  int64_t constant = 0;
  std::vector<AffineTerm> terms;

  // The one variable this is, or null when it is anything else.
  const IndexVariable *asVariable() const {
    return constant == 0 && terms.size() == 1 && terms[0].coefficient == 1 ? terms[0].variable : nullptr;
  }
};

//===-- Expressions -----------------------------------------------------===//

struct Expr {
  enum class Kind : uint8_t {
    // Both levels.
    Literal,
    // Tensor level.
    ValueRef,
    ParamRef,
    Comprehension,
    Gather,
    Scatter,
    Argsort,
    Concat,
    StopGradient,
    Collective,
    Call,
    LayerCall,
    If,
    Scan,
    While,
    Gradient,
    TreeRef,
    TreeGradient,
    Each,
    Total,
    // Element level.
    Iter,
    Access,
    Unary,
    Binary,
    Select,
    Cast,
    Random,
    ElementCall,
  };
  const Kind kind;
  Location location;
  // One per result. Only Call, LayerCall, If, Scan, While and Gradient have other than one, and then stand as
  // the whole right-hand side of a Let, never inside another expression.
  std::vector<Type> types;

  explicit Expr(Kind kind) : kind(kind) {}
  virtual ~Expr() = default;
  const Type &type() const { return types.front(); }
};

// e as a node of type T, or null. (`classof` makes llvm::isa and llvm::dyn_cast work too.)
template <typename T> const T *as(const Expr *e) {
  return e && T::classof(e) ? static_cast<const T *>(e) : nullptr;
}
template <typename T> T *as(Expr *e) { return e && T::classof(e) ? static_cast<T *>(e) : nullptr; }

template <Expr::Kind K> struct ExprOf : Expr {
  ExprOf() : Expr(K) {}
  static bool classof(const Expr *e) { return e->kind == K; }
};

// A constant of rank 0. Floats (inf included) in `real`, integers and bool (0, 1) in `integer`.
struct Literal : ExprOf<Expr::Kind::Literal> {
  int64_t integer = 0;
  double real = 0;
};

// The tensor or tree bound to a name.
struct ValueRef : ExprOf<Expr::Kind::ValueRef> {
  const Value *value = nullptr;
};

// Which layer object is meant: from `root` (a file-level `layer x = ...`), or, when root is null, from the
// object the enclosing Layer body runs for, down the child slots in `path`.
struct LayerRef {
  const LayerObject *root = nullptr;
  std::vector<unsigned> path;

  const LayerObject *resolve(const LayerObject *self) const;
};

// A parameter or state read from outside its layer: `embedding.table`, `gpt.head.w`; the object's
// states[slot].
struct ParamRef : ExprOf<Expr::Kind::ParamRef> {
  LayerRef layer;
  unsigned slot = 0;
};

enum class Combiner : uint8_t { None, Sum, Max, Min, Prod };

// result[variables] = combine over `reduced` of body. The result's axes are those of `variables`, in order,
// except that an axis met twice is replaced by an alias of it. `body` is element-level, of the result's
// element type, and may use `variables` and `reduced`. `reduced` is empty exactly when the combiner is None.
// (mean, argmax and argmin are spelt with these.) One IndexVariable may be bound by several Comprehensions:
// what is hoisted out of a definition ranges over the definition's own variables.
struct Comprehension : ExprOf<Expr::Kind::Comprehension> {
  std::vector<const IndexVariable *> variables;
  Combiner combiner = Combiner::None;
  std::vector<const IndexVariable *> reduced;
  const Expr *body = nullptr;
  // In a parameter's or state's initialiser: must be exact IEEE.
  bool exact = false;
};

// An integer tensor read at affine positions: symbol k of the Gather or Scatter that holds it.
struct IndexRead {
  const Expr *base = nullptr;    // tensor level, integer
  std::vector<Affine> positions; // one per axis of base
};

// result[variables] = table[positions], where positions may use variables and symbols. Positions outside the
// table are an error of the program when run: `checked[d]` is false where sema could not show that dim d
// stays inside (lower emits the assertion). A read with `outside` has been split into a Select around a
// Gather of clamped positions.
struct Gather : ExprOf<Expr::Kind::Gather> {
  const Expr *table = nullptr; // tensor level
  std::vector<const IndexVariable *> variables;
  std::vector<IndexRead> indices;
  std::vector<Affine> positions; // one per axis of table
  std::vector<bool> checked;     // one per axis of table
  // Positions are clamped into the table on purpose (`outside` handled around it): no assertion wanted.
  bool clamped = false;
};

// result = init; then for each value of `variables` in row-major order: result[positions] is combined with
// updates[variables]. Combiner::None overwrites. Positions outside are dropped.
struct Scatter : ExprOf<Expr::Kind::Scatter> {
  const Expr *init = nullptr;    // tensor level, of the result's type
  const Expr *updates = nullptr; // tensor level, axes = those of `variables`
  std::vector<const IndexVariable *> variables;
  std::vector<IndexRead> indices;
  std::vector<Affine> positions; // one per axis of the result
  Combiner combiner = Combiner::None;
};

// i32 positions that order `input` along axis number `dim`; stable.
struct Argsort : ExprOf<Expr::Kind::Argsort> {
  const Expr *input = nullptr;
  unsigned dim = 0;
  bool descending = false;
};

// inputs one after the other along axis number `dim`; the result's axis there is as long as theirs together.
struct Concat : ExprOf<Expr::Kind::Concat> {
  std::vector<const Expr *> inputs;
  unsigned dim = 0;
};

struct StopGradient : ExprOf<Expr::Kind::StopGradient> {
  const Expr *input = nullptr;
};

// What a local function asks of the ranks along `over`, an axis that stands for them; `input` is tensor
// level. AllGather stacks along `over` in front, ReduceScatter takes that apart, AllToAll keeps it; Permute
// gets the tensor of the rank `shift` places before, round the ring. Rank: this rank's number, an i64; no
// input.
struct Collective : ExprOf<Expr::Kind::Collective> {
  enum class Op : uint8_t { AllReduce, AllGather, ReduceScatter, AllToAll, Permute, Rank };
  Op op = Op::Rank;
  const Expr *input = nullptr;
  const Axis *over = nullptr;
  Combiner combiner = Combiner::None; // of AllReduce and ReduceScatter: Sum, Max, Min
  int64_t shift = 0;
};

// As the language calls it: "all_reduce", ...
const char *nameOf(Collective::Op op);
std::optional<Collective::Op> collectiveNamed(std::string_view name);

// A call of a function instance. `arguments` align with callee->arguments (constants have been bound inside
// the instance and are not passed). `site` is unique among the calls and Randoms of the enclosing body's
// owner: random numbers drawn inside are named by the chain of sites.
struct Call : ExprOf<Expr::Kind::Call> {
  const Function *callee = nullptr;
  std::vector<const Expr *> arguments; // tensor level (trees too)
  unsigned site = 0;
};

// A call of a layer. When the object is a stack (`object->repeat`), the callee is applied once per element in
// order: its results are fed back as its first arguments (same types); further arguments are the same for
// each.
struct LayerCall : ExprOf<Expr::Kind::LayerCall> {
  const Layer *callee = nullptr;
  LayerRef layer;
  const Axis *repeat = nullptr; // the stack's axis, when it is one
  std::vector<const Expr *> arguments;
  unsigned site = 0;
};

// A scalar condition that is not a compile-time constant. Both bodies have no arguments and the same result
// types.
struct If : ExprOf<Expr::Kind::If> {
  const Expr *condition = nullptr; // tensor level, bool, rank 0
  const Body *thenBody = nullptr;
  const Body *elseBody = nullptr;
};

// One slice of `source` per step, along its leading axis.
struct ScanSlice {
  const Expr *source = nullptr; // tensor level; its leading axis is `Scan::axis` or an alias of it
  const Value *slice = nullptr; // an argument of the body, of the type without that axis
};

// Arguments of the body: the counter (i64), then the carries, then the slices. Results of the body: the next
// carries, then the yields. Results of the Scan: the last carries, then the yields with a leading `axis`.
// Reads `x[b, t]` of a captured tensor at the bare counter have been turned into slices.
struct Scan : ExprOf<Expr::Kind::Scan> {
  const Axis *axis = nullptr;
  std::vector<const Expr *> init; // the first carries
  std::vector<ScanSlice> slices;
  const Body *body = nullptr;
};

// While `condition` (arguments: carries; result: bool) holds, at most `bound` times: carries = body(carries).
struct While : ExprOf<Expr::Kind::While> {
  int64_t bound = 0;
  std::vector<const Expr *> init;
  const Body *condition = nullptr;
  const Body *body = nullptr;
};

// Gradient of a scalar float value with respect to tensor values: one result per `wrt`, of its type.
struct Gradient : ExprOf<Expr::Kind::Gradient> {
  const Expr *loss = nullptr; // tensor level, rank 0
  std::vector<const Value *> wrt;
};

// The parameters of an object as a tree. Its type's `tree` says which object.
struct TreeRef : ExprOf<Expr::Kind::TreeRef> {};

// Gradient of a scalar float with respect to each parameter of the object that the type names.
struct TreeGradient : ExprOf<Expr::Kind::TreeGradient> {
  const Expr *loss = nullptr;
};

// A function (or layer) applied to one leaf. A function that is not pointwise is applied to each tensor of a
// stack on its own: `mapped` is then the number of leading axes of the leaf, which the callee does not see.
struct LeafCall {
  const Function *callee = nullptr;
  unsigned site = 0;
  unsigned mapped = 0;
};

// A tree whose leaf i is leaves[i] applied to leaf i of each tree among the arguments and to the rest as they
// are.
struct Each : ExprOf<Expr::Kind::Each> {
  std::vector<LeafCall> leaves; // one per leaf of the type's object
  std::vector<const Expr *>
      arguments; // trees of that object, or tensors; aligned with the callee's arguments
};

// The sum over leaves of a scalar: leaves in order, from left to right.
struct Total : ExprOf<Expr::Kind::Total> {
  std::vector<LeafCall> leaves;
  std::vector<const Expr *> arguments; // at least one is a tree; all trees are of one object
};

// The value of an index variable: i64.
struct Iter : ExprOf<Expr::Kind::Iter> {
  const IndexVariable *variable = nullptr;
};

// base[positions]: one element of a tensor. `base` is tensor-level and uses no index variable of the
// enclosing Comprehension. When some position may fall outside the axis, `outside` is the value read there
// (else null: sema has shown that every position is inside). A rank-0 base has no positions.
struct Access : ExprOf<Expr::Kind::Access> {
  const Expr *base = nullptr;
  std::vector<Affine> positions; // one per axis of base; no symbols
  const Literal *outside = nullptr;
};

enum class UnaryOp : uint8_t {
  Neg,
  Not, // bool
  Exp,
  Log,
  Log1p,
  Expm1,
  Sqrt,
  Rsqrt,
  Tanh,
  Erf,
  Sin,
  Cos,
  Abs,
  Floor,
  Ceil,
  Round, // half to even
  Sign,  // -1, 0, 1 of the operand's type; 0 for NaN
  IsNan, // float -> bool
};

// Operand and result have one type (IsNan: bool result).
struct Unary : ExprOf<Expr::Kind::Unary> {
  UnaryOp op = UnaryOp::Neg;
  const Expr *operand = nullptr;
};

enum class BinaryOp : uint8_t {
  Add,
  Sub,
  Mul,
  Div, // integers: floor division
  Mod, // floor remainder: the sign of the divisor
  Pow,
  Max, // NaN if either is
  Min,
  Lt,
  Le,
  Gt,
  Ge,
  Eq,
  Ne,
  And, // bool; both sides are evaluated
  Or,
};

inline bool isComparison(BinaryOp op) { return op >= BinaryOp::Lt && op <= BinaryOp::Ne; }

// Both operands have one type, the result the same, or bool for comparisons.
struct Binary : ExprOf<Expr::Kind::Binary> {
  BinaryOp op = BinaryOp::Add;
  const Expr *left = nullptr;
  const Expr *right = nullptr;
};

// where(condition, left, right); both are evaluated.
struct Select : ExprOf<Expr::Kind::Select> {
  const Expr *condition = nullptr;
  const Expr *left = nullptr;
  const Expr *right = nullptr;
};

// f32(x) and the like: float to integer rounds towards zero and saturates, to bool is `!= 0`, integer to a
// narrower one wraps. `operand`'s type says signedness (u8 and bool are unsigned).
struct Cast : ExprOf<Expr::Kind::Cast> {
  const Expr *operand = nullptr;
};

// uniform() in [0, 1) or standard normal(), one draw per element of the enclosing Comprehension (or
// initialiser): a function of seed, step, the chain of sites and the logical index over its variables, then
// those it reduces.
struct Random : ExprOf<Expr::Kind::Random> {
  bool normal = false;
  unsigned site = 0;
};

// A function of scalars applied to scalars inside a Comprehension. The callee's body is made of Lets of rank
// 0 and one result, each a Literal, ValueRef, Comprehension of no variables and no reduction, or an
// ElementCall-like Call of such a function: lower evaluates it in place.
struct ElementCall : ExprOf<Expr::Kind::ElementCall> {
  const Function *callee = nullptr;
  std::vector<const Expr *> arguments; // element level, aligned with callee->arguments
  unsigned site = 0;
};

//===-- Statements and bodies -------------------------------------------===//

struct Update;
struct State;

struct Stmt {
  enum class Kind : uint8_t { Let, Set, Update, Print, Assert };
  const Kind kind;
  Location location;
  explicit Stmt(Kind kind) : kind(kind) {}
  virtual ~Stmt() = default;
};

template <typename T> const T *as(const Stmt *s) {
  return s && T::classof(s) ? static_cast<const T *>(s) : nullptr;
}

template <Stmt::Kind K> struct StmtOf : Stmt {
  StmtOf() : Stmt(K) {}
  static bool classof(const Stmt *s) { return s->kind == K; }
};

// values[i] = result i of init.
struct Let : StmtOf<Stmt::Kind::Let> {
  std::vector<const Value *> values;
  const Expr *init = nullptr;
  bool residual = false; // of a composite: saved for its backward
};

// Gives a state its new value; later reads in the same body refer to `value`. Stands at the top level of a
// layer or entry body only (never inside If, Scan, While). `slot` counts in Layer::slots; in an entry,
// `state` is the file-level state instead.
struct Set : StmtOf<Stmt::Kind::Set> {
  unsigned slot = 0;
  const State *state = nullptr;
  const Value *value = nullptr;
  const Expr *init = nullptr;
};

// `update object with Optimiser(arguments)`: for each parameter i of the object, in the order of
// leavesOf(object), parameter = leaves[i].callee applied for object leaves[i].object (which owns the
// optimiser's states for it), with the parameter itself as first argument, then `arguments` (trees stand for
// their leaf i). Entries only; later reads of the object's parameters see the new values.
struct UpdateLeaf {
  const State *parameter = nullptr;
  const Layer *callee = nullptr;
  const LayerObject *object = nullptr;
  unsigned mapped = 0; // as of a LeafCall
};

struct Update : StmtOf<Stmt::Kind::Update> {
  const LayerObject *object = nullptr;
  std::vector<UpdateLeaf> leaves;
  std::vector<const Expr *> arguments;
  unsigned site = 0;
};

struct Print : StmtOf<Stmt::Kind::Print> {
  std::string label;
  std::vector<const Expr *> values; // tensor level
};

struct Assert : StmtOf<Stmt::Kind::Assert> {
  const Expr *condition = nullptr; // tensor level, bool, rank 0
  std::string message;
};

// A sequence of statements with arguments and results.
struct Body {
  std::vector<const Value *> arguments;
  std::vector<const Stmt *> statements;
  std::vector<const Expr *> results; // tensor level, single-result each
  // For the body of an If, Scan, While: what it uses of the bodies around it, in order of first use
  // (parameters and states of the enclosing layer, `step` and `seed` included), and the layer objects it
  // calls or reads.
  std::vector<const Value *> captures;
  std::vector<LayerRef> layers;
};

//===-- Functions, layers, states ---------------------------------------===//

// A function at one binding of its generics. Functions are closed: they see their arguments, `step`, `seed`
// and nothing else.
struct Function {
  std::string name;         // "nn.softmax"
  std::string instanceName; // unique in the Program, readable: "nn.softmax.2"
  Location location;
  std::vector<const Value *> arguments; // constants bound at the call are not among them
  std::vector<Type> results;
  const Body *body = nullptr;           // arguments empty: they stand above
  bool composite = false;               // kept whole (model.call)
  bool local = false;                   // of the blocks that ranks have: stands in a composite's place
  std::vector<const Value *> residuals; // Lets of the body
  // Of a composite or local function with its own backward: arguments are the results, then the cotangents of
  // the results; it sees the function's arguments and residuals by their Values. Results: cotangents of the
  // floating-point arguments.
  const Body *backward = nullptr;
};

// A parameter or state of a layer, as its body sees it.
struct StateSlot {
  const Value *value = nullptr; // Kind::State; one layer's own (unstacked) type
  bool parameter = true;
};

struct ChildSlot {
  std::string name;
  const Axis *repeat = nullptr; // a stack along this axis
  Location location;
};

// A layer's code at one binding of its generics; shared by every object of that binding.
struct Layer {
  std::string name;         // "nn.Linear"
  std::string instanceName; // "nn.Linear.2"
  Location location;
  std::vector<const Value *> arguments;
  std::vector<Type> results;
  std::vector<StateSlot> slots;    // parameters and states in order of declaration
  std::vector<ChildSlot> children; // sub-layers and repeats in order of declaration
  const Body *body = nullptr;
  bool setsState = false; // some Set in it, or in a child it calls
};

// A tensor that outlives a run of an entry. `step` and `seed` are not among them.
struct State {
  enum class Kind : uint8_t { Parameter, Optimizer, Buffer };
  Kind kind = Kind::Parameter;
  std::string path; // "gpt.blocks[*].up.w": one [*] per leading axis that a repeat stacked
  Type type;        // with the stacked axes in front
  unsigned stacked = 0;
  // Tensor level, of `type` (stacked axes included), exact; uses nothing but literals and random numbers.
  const Comprehension *initialiser = nullptr;
  // Of a file-level state: what entries refer to. Null for a layer's.
  const Value *value = nullptr;
  Location location;
};

// One layer in the tree of layers: the owner of its states.
struct LayerObject {
  std::string path; // "gpt.blocks[*].up"
  std::string layerName;
  std::vector<const State *> states;         // aligned with Layer::slots
  std::vector<const LayerObject *> children; // aligned with Layer::children; null where never called
  const Axis *repeat = nullptr;              // a stack along this axis
  Location location;
};

// The parameters of an object and of those below it: own first, then children in order.
std::vector<const State *> leavesOf(const LayerObject *object);

//===-- The program -----------------------------------------------------===//

struct DataSource {
  enum class Kind : uint8_t { Bytes, Tokens, Npy, Synthetic };
  enum class Distribution : uint8_t { Normal, Uniform, Integers };
  Kind kind = Kind::Bytes;
  std::string name;
  std::vector<std::string> paths; // as written (globs allowed); relative ones are relative to `folder`
  std::string folder;             // of the file that declares it
  std::string tokenType;          // tokens: "u8", "u16", "i32", "i64"
  Distribution distribution = Distribution::Normal;
  int64_t below = 0; // integers(below: n)
  Location location;
};

struct EntryInput {
  const Value *value = nullptr;
  const DataSource *source = nullptr; // null: given by the caller
  bool inOrder = false;               // sequential windows instead of random ones
};

struct Entry {
  std::string name;
  Location location;
  std::vector<EntryInput> inputs;
  std::vector<std::string> outputNames; // aligned with body->results
  std::vector<const Axis *> rebound;    // axes whose size differs in this entry
  const Body *body = nullptr;
  bool setsState = false; // some Set or Update: `step` advances
};

// The position along one dim of a published file's tensor: offset + sum of strides[k] * index k, over the
// dims of the state.
struct WeightPosition {
  int64_t offset = 0;
  std::vector<int64_t> strides;
};

// A tensor of the file: `{0}` in its name is the index along dim 0 of the state.
struct WeightSource {
  std::string name;
  std::vector<int64_t> sizes; // of the whole tensor; one position each
  std::vector<WeightPosition> positions;
  Location location;
};

// Alternatives for one state, in order.
struct Weight {
  const State *state = nullptr;
  std::vector<WeightSource> sources;
  Location location;
};

// `weights hf for llama from bf16 under "model." { ... }`
struct WeightMap {
  std::string name;
  const LayerObject *object = nullptr;
  std::vector<ElementType> types; // that are converted to the state's own
  std::vector<std::string> prefixes;
  std::vector<Weight> weights;
  std::vector<std::string> ignored;
  Location location;
};

struct Hyper {
  std::string name;
  const Literal *value = nullptr; // null: an element type, which is
  ElementType element = ElementType::Poison;
  Location location;
};

struct Program {
  std::string path;
  std::vector<const Axis *> axes; // of every module, in order of declaration
  std::vector<Hyper> hypers;
  std::vector<const DataSource *> data;
  std::vector<const State *> states;        // every state, in a stable order: parameters, buffers, optimiser
  std::vector<const LayerObject *> objects; // file-level layers that some entry calls
  std::vector<const Function *> functions;  // every instance
  std::vector<const Layer *> layers;        // every instance
  std::vector<const Entry *> entries;
  std::vector<WeightMap> weights;
  // Of the file and the modules it imports, in order of declaration; then of the library, where asked for. A
  // module's plan that does not fit this program is left out.
  std::vector<const Plan *> plans;
  const Plan *plan = nullptr; // the selected one
  const Value *step = nullptr;
  const Value *seed = nullptr;

  // Owns a node for as long as the program lives.
  template <typename T> T *own(T *node) {
    owned.push_back(std::shared_ptr<void>(node, [](void *p) { delete static_cast<T *>(p); }));
    return node;
  }
  std::vector<std::shared_ptr<const diag::Source>> sources; // keeps the text that Locations point into

private:
  std::vector<std::shared_ptr<void>> owned;
};

// A readable dump of the whole tree (`cleave ir --stage ast`).
std::string print(const Program &program);

} // namespace cleave::ast

#endif
