// Builds one model.index op: collects its inputs and their maps while the body is written.
//
//   IndexEmitter e(builder, loc, {{"Batch", 8}}, {{"In", 4}}, model::Combiner::Sum);
//   Value a = e.read(x, map), b = e.read(w, map2);
//   Value y = e.finish(arith::MulFOp::create(e.body(), loc, a, b));
#ifndef CLEAVE_LANG_LOWER_INDEXEMITTER_H
#define CLEAVE_LANG_LOWER_INDEXEMITTER_H

#include "dialects/model/ir/Model.h"

namespace cleave::lower {

struct Dim {
  std::string axis;
  int64_t size;
};

class IndexEmitter {
public:
  // `parallel` become the result's axes; `combiner` is None exactly when `reduced` is empty.
  IndexEmitter(mlir::OpBuilder &outer, mlir::Location loc, llvm::ArrayRef<Dim> parallel,
               llvm::ArrayRef<Dim> reduced = {}, model::Combiner combiner = model::Combiner::None);

  // The element of `tensor` at map(dims), as a scalar of the body. `outside` (may be null) is what a position
  // outside the tensor yields. A constant of rank 0 is repeated in the body instead of being read.
  mlir::Value read(mlir::Value tensor, mlir::AffineMap map, mlir::Attribute outside = {});
  // A rank-0 tensor's element.
  mlir::Value readScalar(mlir::Value tensor);

  // The value of dim number `dim`: i64.
  mlir::Value iter(unsigned dim);

  // Row-major position of the dims in the iteration space: i64.
  mlir::Value position();

  mlir::OpBuilder &body() { return bodyBuilder; }
  // Where the op itself will stand: what the body reads is emitted here.
  mlir::OpBuilder &outside() { return outer; }
  mlir::Location loc() const { return location; }
  llvm::ArrayRef<Dim> dims() const { return allDims; }
  size_t numParallel() const { return parallelCount; }
  mlir::AffineMap identity() const;

  // Makes the op, which yields `scalar`.
  mlir::Value finish(mlir::Value scalar, bool exact = false);

private:
  mlir::OpBuilder &outer;
  mlir::Location location;
  llvm::SmallVector<Dim> allDims;
  size_t parallelCount;
  model::Combiner combiner;
  mlir::Region region;
  mlir::Block *block;
  mlir::OpBuilder bodyBuilder;
  llvm::SmallVector<mlir::Value> inputs;
  llvm::SmallVector<mlir::AffineMap> maps;
  llvm::SmallVector<mlir::Attribute> outsides;
  llvm::SmallVector<mlir::Value> iters;
};

// A rank-0 tensor that holds a constant.
mlir::Value emitConstant(mlir::OpBuilder &builder, mlir::Location loc, mlir::TypedAttr value);

// The constant that a rank-0 tensor made by emitConstant holds, or null.
mlir::TypedAttr constantOf(mlir::Value tensor);

} // namespace cleave::lower

#endif
