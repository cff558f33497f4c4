// What the parts of reverse mode share: see Gradients.cpp for the walk, IndexGradient.cpp,
// ControlGradient.cpp and ScanGradient.cpp for the rules.
#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_GRADIENTS_H
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_GRADIENTS_H

#include "dialects/model/transforms/Build.h"

#include <map>

namespace cleave::model {

// The functions that differentiating one scan body gave; kept so that a body used twice is differentiated
// once.
struct ScanGradient {
  mlir::func::FuncOp forward, backward; // backward: the body of the backward scan
  unsigned residuals = 0;               // stacks that `forward` returns behind the body's own results
  // The position among forward's stacks of each residual that `backward` takes as a slice, in order.
  llvm::SmallVector<unsigned> residualStacks;
  llvm::SmallVector<unsigned> consts, slices;  // of the scan, which `backward` takes, in order
  llvm::SmallVector<unsigned> carries, stacks; // whose cotangents `backward` takes
  llvm::SmallVector<unsigned> constGrads,
      sliceGrads; // whose cotangents it returns: behind the carries, as stacks
};

// What a body is differentiated for: one flag per const, carry, slice, result.
struct ScanActivity {
  llvm::SmallVector<bool> consts, carries, slices; // inputs that depend on what is differentiated by
  llvm::SmallVector<bool> stacks;                  // results with a cotangent
  llvm::SmallVector<bool> weights; // slices whose cotangents may wait: nothing else needs them
};

// Lives as long as the pass; knows the module and what was made in it so far.
struct GradientContext {
  explicit GradientContext(mlir::ModuleOp module) : module(module), symbols(module) {}
  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  std::map<std::pair<std::string, std::vector<bool>>, ScanGradient> scans;
};

// Reverse mode over the ops of one block. Adjoint ops go to `builder`'s place, which lies behind (or in a
// block behind) the differentiated ops.
class Reverse {
public:
  Reverse(GradientContext &context, mlir::OpBuilder builder) : builder(builder), context(context) {}

  // Values to differentiate by.
  void activate(mlir::Value value) { active.insert(value); }
  bool isActive(mlir::Value value) const { return active.contains(value); }
  // Block arguments whose cotangents the next turn of an enclosing loop waits for.
  void markUrgent(mlir::Value value) { urgent.insert(value); }
  bool isUrgent(mlir::Value value) const { return urgent.contains(value); }

  // The cotangent of an output, given before `run`.
  void seed(mlir::Value of, mlir::Value cotangent) { seeds.emplace_back(of, cotangent); }
  // Adds to the cotangent of a value; ignored where the value is not active.
  void give(mlir::Value to, mlir::Value cotangent);
  // The sum of what was given, in the order given; null for none.
  mlir::Value take(mlir::Value of);

  // Differentiates the ops of `block` up to `end` (exclusive; null for all), backwards. Cotangents of what
  // they compute must have been given before.
  mlir::LogicalResult run(mlir::Block &block, mlir::Operation *end);

  // Erases ops that rules replaced; call when no cotangent is looked up any more.
  ~Reverse();
  void replace(mlir::Operation *op, mlir::ValueRange values) {
    op->replaceAllUsesWith(values);
    replaced.push_back(op);
  }

  mlir::OpBuilder builder;
  GradientContext &context;

private:
  mlir::LogicalResult visit(mlir::Operation *op);
  mlir::LogicalResult collect(mlir::Block &block, mlir::Operation *end,
                              llvm::SmallVectorImpl<mlir::Operation *> &path);

  mlir::Value resolve(mlir::Value value) const {
    mlir::Value into = opened.lookup(value);
    return into ? into : value;
  }

  llvm::DenseSet<mlir::Value> active, urgent;
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> seeds;
  llvm::DenseMap<mlir::Value, mlir::Value> opened; // results of calls that were opened -> what they became
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> cotangents;
  llvm::SmallVector<mlir::Operation *> replaced;
};

// Whether results of `op` depend differentiably on operand `index`.
bool passesGradient(mlir::Operation *op, unsigned index);

// The rules. `cotangents` has one value per result, null for zero; at least one is set.
mlir::LogicalResult reverseIndex(IndexOp op, mlir::Value cotangent, Reverse &reverse);
mlir::LogicalResult reverseGather(GatherOp op, mlir::Value cotangent, Reverse &reverse);
mlir::LogicalResult reverseScatter(ScatterOp op, mlir::Value cotangent, Reverse &reverse);
mlir::LogicalResult reverseCall(CallOp op, llvm::ArrayRef<mlir::Value> cotangents, Reverse &reverse);
mlir::LogicalResult reverseIf(IfOp op, llvm::ArrayRef<mlir::Value> cotangents, Reverse &reverse);
mlir::LogicalResult reverseWhile(WhileOp op, llvm::ArrayRef<mlir::Value> cotangents, Reverse &reverse);
mlir::LogicalResult reverseScan(ScanOp op, llvm::ArrayRef<mlir::Value> cotangents, Reverse &reverse);

// On ops whose results a plan wants kept for the backward pass (`save`): as they are read there, gathered if
// need be.
inline constexpr llvm::StringLiteral kKeptAttr = "model.kept";

// What a plan says of the values of one body: the module's attribute `model.residual_policy`, pairs of a
// selector and "save" or "recompute", the last that fits counting. A selector is a path and stands for all
// below it too. A value without a name belongs to the named value that it is first used for, or to the body.
class ResidualPolicy {
public:
  enum class Choice { Free, Save, Recompute };
  ResidualPolicy(mlir::ModuleOp module, mlir::Block &body, llvm::StringRef path);
  Choice of(mlir::Value value) const { return choices.lookup(value); }

private:
  llvm::DenseMap<mlir::Value, Choice> choices;
};

// Which of the values of `forward` that the backward functions need are saved, given what they can read
// anyway. `needed` is in program order. The rest is recomputed, from saved and available values alone.
llvm::SmallVector<mlir::Value> chooseResiduals(llvm::ArrayRef<mlir::Value> needed,
                                               const llvm::DenseSet<mlir::Value> &available,
                                               const ResidualPolicy &policy);

} // namespace cleave::model

#endif
