// What the parts of comm-partition share: a function being rewritten for one class of ranks.
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_PARTITION_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_PARTITION_H

#include "dialects/comm/transforms/Reasons.h"

#include <map>
#include <set>

namespace cleave::comm {

// A dim that is iterated over, as this rank sees it.
struct LocalDim {
  int64_t whole = 0; // size in the program
  AxisList axes;     // what it is computed over
  int64_t size = 0;  // size here
};

class FunctionPartitioner {
public:
  FunctionPartitioner(const Shards &shards, Resharder &resharder, mlir::SymbolTable &symbols,
                      mlir::func::FuncOp function)
      : shards(shards), resharder(resharder), symbols(symbols), function(function),
        builder(function.getContext()), reasons(function, shards) {}

  // Rewrites the body to local shapes. Arguments and results keep the layouts they declare.
  mlir::LogicalResult run();

private:
  // --- values ---
  static mlir::RankedTensorType wholeType(mlir::Value value);
  LayoutAttr replicated(mlir::Value value) const;
  // The layout that is declared for a value of the program; replicated where there is none.
  LayoutAttr declared(mlir::Value value) const;
  // A value of the program in a layout; conversions are made once.
  mlir::Value get(mlir::Value value, LayoutAttr layout, mlir::Operation *user);
  mlir::Value getWhole(mlir::Value value, mlir::Operation *user);
  // The program's value is `local`, in layout `actual`; it is converted to its declared layout here.
  void define(mlir::Value value, mlir::Value local, LayoutAttr actual);
  mlir::Value convert(mlir::Value value, mlir::Value local, LayoutAttr from, LayoutAttr to,
                      mlir::Operation *user);
  // What is computed element by element from what is there is computed again in another layout, not sent.
  mlir::Value remake(mlir::Value value, LayoutAttr layout);
  bool canRemake(mlir::Value value, LayoutAttr layout, unsigned depth);
  // Whether a value is, or can be made, in a layout without sending anything.
  bool isThere(mlir::Value value, LayoutAttr layout, unsigned depth);

  // --- positions ---
  // First index of this rank's block, a scalar i64; made once, at the head of the function.
  mlir::Value offset(int64_t extent, llvm::ArrayRef<AxisRefAttr> axes);
  // Zero, or the sum of offsets times factors plus a constant, as a scalar i64.
  mlir::Value combine(mlir::Location loc, llvm::ArrayRef<std::pair<mlir::Value, int64_t>> terms,
                      int64_t constant);
  LocalDim localDim(int64_t whole, llvm::ArrayRef<AxisRefAttr> axes) const;

  // --- ops ---
  mlir::LogicalResult partition(mlir::Operation *op);
  mlir::LogicalResult partitionOther(mlir::Operation *op);
  void partitionScan(model::ScanOp op);
  void partitionIf(model::IfOp op);
  void partitionWhile(model::WhileOp op);
  void partitionCall(model::CallOp op);
  void partitionConstrain(dist::ConstrainOp op);
  void partitionConstant(mlir::arith::ConstantOp op);
  void partitionIndex(model::IndexOp op);
  void partitionGather(model::GatherOp op);
  void partitionScatter(model::ScatterOp op);
  void partitionArgsort(model::ArgsortOp op);
  mlir::LogicalResult partitionManual(dist::ManualOp op);
  void partitionCollective(dist::CollectiveOp op);
  void partitionRank(dist::RankOp op);
  void copyNames(mlir::Operation *from, mlir::Operation *to) const;
  // The factors of an op: axes per dim, none where it has none.
  llvm::SmallVector<AxisList> factorsOf(mlir::Operation *op, size_t dims) const;
  LayoutAttr layoutOfArgument(llvm::StringRef callee, unsigned argument, mlir::Type type) const;
  // (parallel dims' axes; partial over the reduced ones')
  LayoutAttr resultLayout(llvm::ArrayRef<AxisList> factors, size_t parallel, model::Combiner combiner) const;

  // --- index ops ---
  struct Operand;
  class IndexPlan;
  friend class IndexPlan;

  // --- gather and scatter ---
  struct Table;
  // False where point dims cannot be cut; their factors are gone then, and it is asked again.
  bool planTable(mlir::AffineMap map, llvm::MutableArrayRef<AxisList> factors, size_t points, Table &plan);
  mlir::Value blockPositions(mlir::Location loc, mlir::Value index, int64_t extent,
                             llvm::ArrayRef<AxisRefAttr> axes, bool clamped);
  mlir::Value dropPadding(mlir::Location loc, mlir::Value index, llvm::ArrayRef<int64_t> extents,
                          llvm::ArrayRef<AxisList> axes);

  const Shards &shards;
  Resharder &resharder;
  mlir::SymbolTable &symbols;
  mlir::func::FuncOp function;
  mlir::OpBuilder builder;
  Reasons reasons;
  mlir::Block *fresh = nullptr;
  // Values of the program in the layouts they have been wanted in; the first is the declared one.
  llvm::DenseMap<mlir::Value, llvm::MapVector<LayoutAttr, mlir::Value>> values;
  llvm::DenseMap<std::pair<int64_t, mlir::ArrayAttr>, mlir::Value> offsets;
  // What lies around a block, once for all ops that read as much: of a local value, by dim, low, high and
  // fill.
  llvm::DenseMap<std::tuple<mlir::Value, int64_t, int64_t, int64_t, mlir::Attribute>, mlir::Value> halos;
};

// Marks what manual regions run (kManualAttr).
void markLocalPrograms(mlir::ModuleOp module, mlir::SymbolTable &symbols, const Shards &shards);

// The identity of a reduction, as an attribute of the element type.
mlir::TypedAttr identityOf(model::Combiner combiner, mlir::Type element);
// Whether a value is that everywhere.
bool isIdentity(mlir::Value value, model::Combiner combiner);

} // namespace cleave::comm

#endif
