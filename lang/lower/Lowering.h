// The walk behind lower(): private to this folder.
//
// While a body is emitted, operations refer freely to values of the functions around it; `outline` then turns
// what was captured into arguments. States are looked up through frames: one per entry, one per repeat being
// emitted (where a stacked state is seen as its slice).
#ifndef CLEAVE_LANG_LOWER_LOWERING_H
#define CLEAVE_LANG_LOWER_LOWERING_H

#include "dialects/model/ir/Model.h"
#include "lang/ast/Tree.h"
#include "lang/lower/IndexEmitter.h"
#include "lang/lower/Lower.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/SaveAndRestore.h"

namespace cleave::lower {

// A tensor is one value, a tree one per leaf.
using Bound = llvm::SmallVector<mlir::Value>;

// The states that a function under construction sees.
struct StateFrame {
  mlir::Block *block = nullptr;
  // Of a loop: the states that it sees the slices of; the rest is the frame's around it. An entry sees all.
  llvm::SmallPtrSet<const ast::State *, 8> covered;
  // Current value of each state that was used. In a repeat: its slice.
  llvm::MapVector<const ast::State *, mlir::Value> values;
  llvm::MapVector<const ast::State *, mlir::Value> arguments; // made for them, in this order
  llvm::SetVector<const ast::State *> written;                // by a Set or an Update
  mlir::Value step, seed;                                     // of an entry, once used
};

// The function that a body becomes.
struct Outlined {
  mlir::func::FuncOp function;
  llvm::SmallVector<mlir::Value> captures;
};

class Lowering {
public:
  Lowering(const ast::Program &program, mlir::MLIRContext &context, const Options &options);
  mlir::OwningOpRef<mlir::ModuleOp> run();

private:
  //===-- Program (Lowering.cpp) ----------------------------------------===//
  void emitStates();
  void emitData();
  void emitInit();
  void emitPlan(const ast::Plan &plan); // Plans.cpp
  // Manual.cpp: what stands in a composite's place under the plan, if anything does; a composite that runs
  // it; and what it asks of other ranks.
  using ManualInstance = ast::ManualRegion::Instance;
  std::pair<const ast::Tactic *, const ManualInstance *> manualFor(const ast::Function &callee) const;
  mlir::func::FuncOp emitManual(const ast::Function &callee, const ast::Tactic &tactic,
                                const ManualInstance &instance);
  mlir::func::FuncOp emitRegion(llvm::StringRef name, mlir::func::FuncOp body, const ast::Tactic &tactic,
                                llvm::ArrayRef<mlir::Type> types, llvm::ArrayRef<const ast::Layout *> in,
                                llvm::ArrayRef<mlir::Type> results, llvm::ArrayRef<const ast::Layout *> out);
  mlir::Value emitCollective(const ast::Collective &expr);
  mlir::ArrayAttr meshAxes(const std::vector<ast::MeshUse> &uses);
  void emitEntry(const ast::Entry &entry);
  void declareState(mlir::Location where, llvm::StringRef name, llvm::StringRef path, llvm::StringRef kind,
                    mlir::Type type, ast::ElementType element);
  void returnFromEntry(const ast::Entry &entry, StateFrame &frame, llvm::ArrayRef<mlir::Value> outputs);
  mlir::func::FuncOp startFunction(llvm::StringRef name, mlir::Location loc, bool isPrivate);
  void finishFunction(mlir::func::FuncOp function, mlir::ValueRange results);
  mlir::Value stateValue(const ast::State *state) { return stateValue(state, frames.size() - 1); }
  mlir::Value stateValue(const ast::State *state, size_t frame);
  void setState(const ast::State *state, mlir::Value value);
  mlir::Value counterState(bool seed);

  //===-- Statements (Statements.cpp) -----------------------------------===//
  void emitStatement(const ast::Stmt *stmt);
  void emitLet(const ast::Let &let);
  void emitSet(const ast::Set &set);
  void emitPrint(const ast::Print &print);
  void emitAssert(const ast::Assert &assertion);
  // Statements, then the values of the results, one after the other.
  Bound emitBody(const ast::Body &body);
  // Marks a value with the name a user knows it by.
  mlir::Value named(mlir::Value value, const ast::Value &name);

  //===-- Tensor-level expressions (Tensors.cpp) ------------------------===//
  // All results of an expression: several for a call, a tree, control flow.
  Bound emit(const ast::Expr *expr);
  mlir::Value emitTensor(const ast::Expr *expr) { return emit(expr).front(); }
  Bound lookUp(const ast::Value *value);
  mlir::Value emitComprehension(const ast::Comprehension &expr);
  mlir::Value emitGather(const ast::Gather &expr);
  mlir::Value emitScatter(const ast::Scatter &expr);
  mlir::Value emitArgsort(const ast::Argsort &expr);
  mlir::Value emitConcat(const ast::Concat &expr);
  mlir::Value emitTransposed(mlir::Value input, llvm::ArrayRef<unsigned> order, mlir::Location loc);
  void assertInside(const ast::Gather &expr, llvm::ArrayRef<mlir::Value> indices,
                    llvm::ArrayRef<mlir::AffineMap> indexMaps, mlir::AffineMap map);
  void emitIndices(const std::vector<ast::IndexRead> &reads,
                   const std::vector<const ast::IndexVariable *> &variables,
                   llvm::SmallVectorImpl<mlir::Value> &tensors, llvm::SmallVectorImpl<mlir::AffineMap> &maps);
  // An affine expression over the dims and `symbols` (i64) as arithmetic of the body.
  mlir::Value emitAffine(IndexEmitter &emitter, mlir::AffineExpr expr, llvm::ArrayRef<mlir::Value> symbols);
  Bound emitLeaves(const ast::LayerObject *object);
  Bound emitGradient(mlir::Value loss, llvm::ArrayRef<mlir::Value> wrt, mlir::Location where);
  const ast::LayerObject *resolve(const ast::LayerRef &ref) const;

  //===-- Calls and trees (Calls.cpp) -----------------------------------===//
  Bound emitCall(const ast::Function &callee, llvm::ArrayRef<Bound> arguments, unsigned site,
                 mlir::Location loc);
  Bound emitComposite(const ast::Function &callee, llvm::ArrayRef<Bound> arguments, mlir::Location loc);
  Outlined outlineForward(const ast::Function &callee, mlir::Location loc);
  void outlineBackward(const ast::Function &callee, Outlined &forward, mlir::Location loc);
  Bound emitLayerCall(const ast::LayerCall &call);
  // The layer's body for `object`, inlined here.
  Bound emitLayer(const ast::Layer &callee, const ast::LayerObject *object, llvm::ArrayRef<Bound> arguments);
  Bound emitStack(const ast::LayerCall &call, const ast::LayerObject *object,
                  llvm::ArrayRef<Bound> arguments);
  Bound emitEach(const ast::Each &each);
  mlir::Value emitTotal(const ast::Total &total);
  void emitUpdate(const ast::Update &update);
  void emitLeafUpdates(const ast::Update &update, llvm::ArrayRef<Bound> arguments);

  //===-- Control flow (Control.cpp) ------------------------------------===//
  using MakeBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)>;
  Bound emitIf(const ast::If &expr);
  Bound emitScan(const ast::Scan &expr);
  Bound emitWhile(const ast::While &expr);
  // A model.scan: `makeBody` gets the counter, carries and slices, and returns the carries and yields. States
  // of `covered` are seen as slices, and those that are set become stacks.
  struct Loop {
    std::string name; // of the function
    mlir::Location loc;
    std::string axis;
    int64_t count;
    llvm::SmallVector<mlir::Value> carries, slices;
    llvm::SmallVector<const ast::State *> covered;
    std::string repeat = {}; // path of the stack of layers that it runs; empty: none
  };
  Bound emitLoop(const Loop &loop, MakeBody makeBody);
  using MakeLeaf =
      llvm::function_ref<Bound(llvm::ArrayRef<mlir::Value> carries, llvm::ArrayRef<mlir::Value> slices)>;
  Bound emitMapped(llvm::ArrayRef<const ast::Axis *> axes, Loop loop, MakeLeaf makeBody);
  std::string privateName(llvm::StringRef name) const;
  // A function whose first arguments have these types. Captured values become arguments from number
  // `captureAt` on.
  Outlined outline(llvm::StringRef name, mlir::Location loc, mlir::TypeRange arguments, unsigned captureAt,
                   MakeBody makeBody);

  //===-- Element-level expressions (Elements.cpp) ----------------------===//
  struct ElementScope {
    ElementScope(IndexEmitter &emitter, uint32_t site, bool exact)
        : emitter(emitter), site(site), exact(exact) {}
    IndexEmitter &emitter;
    llvm::DenseMap<const ast::IndexVariable *, unsigned> dims;
    llvm::DenseMap<const ast::Value *, mlir::Value> locals; // scalars of an ElementCall
    uint32_t site;
    bool exact;
  };
  mlir::Value emitElement(const ast::Expr *expr, ElementScope &scope);
  mlir::Value emitAccess(const ast::Access &access, ElementScope &scope);
  mlir::Value emitUnary(const ast::Unary &expr, ElementScope &scope);
  mlir::Value emitBinary(const ast::Binary &expr, ElementScope &scope);
  mlir::Value emitRandom(const ast::Random &expr, ElementScope &scope);
  mlir::Value emitElementCall(const ast::Function &callee, llvm::ArrayRef<mlir::Value> arguments,
                              ElementScope &scope);
  // A rank-0 tensor-level expression in place, as a scalar of the body.
  mlir::Value emitScalar(const ast::Expr *expr, ElementScope &scope);
  mlir::Value drawRandom(IndexEmitter &emitter, bool normal, mlir::FloatType type, uint32_t site);

  //===-- Types, places, maps -------------------------------------------===//
  mlir::Type elementType(ast::ElementType type);
  mlir::RankedTensorType tensorType(const ast::Type &type);
  mlir::TypedAttr constant(const ast::Literal &literal);
  mlir::Location loc(const diag::Location &location);
  // One affine expression per position, over `dims` and the symbols.
  mlir::AffineMap affineMap(const std::vector<ast::Affine> &positions,
                            const llvm::DenseMap<const ast::IndexVariable *, unsigned> &dims,
                            unsigned numDims, unsigned numSymbols);
  llvm::SmallVector<Dim> dimsOf(const std::vector<const ast::IndexVariable *> &variables);
  llvm::SmallVector<Dim> dimsOf(mlir::RankedTensorType type);

  const ast::Program &program;
  mlir::MLIRContext &context;
  const Options &options;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::SymbolTable symbols;
  mlir::OpBuilder builder;
  std::string entryName; // of the entry being emitted
  std::string prefix;    // path of the layer being emitted: names of values and private functions
  const ast::LayerObject *self = nullptr;
  uint32_t site = 0;                       // chain of sites down to here
  llvm::SmallVector<mlir::Value> counters; // of the repeats and scans around, outermost first
  llvm::SmallVector<StateFrame *> frames;  // innermost last
  bool nameValues = false;                 // in an entry or layer, not in a function
  llvm::DenseMap<const ast::Value *, Bound> values;
  llvm::DenseMap<const ast::Value *, const ast::State *> slots; // what a layer's slot stands for now
  // Composites that draw nothing and capture nothing are emitted once.
  llvm::DenseMap<const ast::Function *, mlir::func::FuncOp> composites;
  llvm::DenseMap<const ManualInstance *, mlir::func::FuncOp> regions; // that stand in their place
  mlir::FlatSymbolRefAttr meshName;                                   // of the plan
  bool inRegion = false; // in a local function, or without regions: composites stay
};

inline bool isUnsigned(ast::ElementType type) {
  return type == ast::ElementType::U8 || type == ast::ElementType::Bool;
}

// Floor division, or the remainder of the divisor's sign.
mlir::Value emitIntegerDivision(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value left,
                                mlir::Value right, bool isUnsigned, bool remainder);

} // namespace cleave::lower

#endif
