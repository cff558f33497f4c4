// Small builders that the model passes share.
#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_BUILD_H
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_BUILD_H

#include "dialects/model/ir/Model.h"

namespace cleave::model {

inline mlir::RankedTensorType rankedType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}
inline mlir::Type elementType(mlir::Value value) { return rankedType(value).getElementType(); }
// At least a byte for an element.
inline int64_t bytesOf(mlir::Value value) {
  mlir::RankedTensorType type = rankedType(value);
  return type.getNumElements() * std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8;
}
inline bool isFloatTensor(mlir::Value value) { return llvm::isa<mlir::FloatType>(elementType(value)); }

// [rest...] -> [axis = count, rest...]; the axis is renamed where the type has one of that name already.
mlir::RankedTensorType stackedType(mlir::RankedTensorType type, llvm::StringRef axis, int64_t count);
// [count, rest...] -> [rest...]
mlir::RankedTensorType sliceType(mlir::RankedTensorType type);

using ScalarBody = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

// An index op without reductions over `type`'s axes; inputs of that rank are read at the same place, scalars
// (rank 0) everywhere.
mlir::Value makeElementwise(mlir::OpBuilder &builder, mlir::Location loc, mlir::RankedTensorType type,
                            mlir::ValueRange inputs, ScalarBody body);
// `value` everywhere.
mlir::Value makeSplat(mlir::OpBuilder &builder, mlir::Location loc, mlir::RankedTensorType type,
                      double value);
// a + b + c..., in this order, in one op; the value itself when there is one.
mlir::Value makeSum(mlir::OpBuilder &builder, mlir::Location loc, mlir::ValueRange values);

// A scalar constant of a float or integer type, for index bodies.
mlir::Value makeScalar(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type, double value);

// What combining leaves as it is: 0, 1, or the least or greatest value of the type.
mlir::TypedAttr identityOf(mlir::Builder &builder, Combiner combiner, mlir::Type type);
// Two scalars combined; `value` where the combiner is none.
mlir::Value combine(mlir::OpBuilder &builder, mlir::Location loc, Combiner combiner, mlir::Value out,
                    mlir::Value value);

// The value of an affine expression inside an index body, as i64; symbols stand for integer scalars.
mlir::Value makeAffine(mlir::OpBuilder &builder, mlir::Location loc, mlir::AffineExpr expr,
                       mlir::ValueRange symbols = {});

// The identity map of `rank` dims as the first of `dims` dims.
mlir::AffineMap leadingDims(mlir::MLIRContext *context, unsigned rank, unsigned dims);

// Whether an axis of an input is read at a position that several dims make up: a convolution, a moving sum.
bool readsWindow(IndexOp op);

// Copies the ops that `call`'s callee consists of in place of the call; the values the results became.
// Fails where the callee is unknown.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> inlineCall(CallOp call, mlir::SymbolTable &symbols);

// Whether a symbol attribute is set on the call or on its callee.
mlir::Attribute callAttribute(CallOp call, mlir::SymbolTable &symbols, llvm::StringRef name);

// A private function with this body still to be filled; placed behind `after`, renamed where the name is
// taken.
mlir::func::FuncOp makeFunction(mlir::SymbolTable &symbols, mlir::func::FuncOp after, llvm::StringRef name,
                                mlir::TypeRange inputs, mlir::TypeRange results);

} // namespace cleave::model

#endif
