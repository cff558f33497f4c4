// A kernel as code generation sees it: independent rows, and per row a short list of loop nests ("stages").
//
// A kernel is a private `func.func` over tensors with `cleave.kernel`; `cleave.rows` on it gives the sizes of
// its row dims, and `cleave.rows` on each linalg.generic says which of the generic's loop dims they are.
#ifndef CLEAVE_COMPILER_CODEGEN_COMMON_KERNEL_H
#define CLEAVE_COMPILER_CODEGEN_COMMON_KERNEL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace cleave::codegen {

inline constexpr llvm::StringLiteral kKernelAttr = "cleave.kernel";
inline constexpr llvm::StringLiteral kRowsAttr = "cleave.rows";
inline constexpr llvm::StringLiteral kExactAttr = "cleave.exact";
inline constexpr llvm::StringLiteral kInplaceAttr = "cleave.inplace";
inline constexpr llvm::StringLiteral kRowCountAttr = "cleave.row_count";
inline constexpr llvm::StringLiteral kGrainAttr = "cleave.grain";
inline constexpr llvm::StringLiteral kInputsAttr = "cleave.inputs"; // after loops: arguments that are inputs

/// What a loop dim of a stage is, seen from the kernel.
struct LoopDim {
  enum Kind {
    Row,    // kernel row dim `index`
    Folded, // merged into the kernel row dim `index`, whose index already covers it
    Inner,  // the stage's own dim number `index`
    Unit    // of size 1: its index is 0
  } kind = Unit;
  unsigned index = 0;
};

/// One loop nest: a linalg.generic of the kernel.
struct Stage {
  mlir::linalg::GenericOp op;
  llvm::SmallVector<LoopDim> dims;       // per loop dim
  llvm::SmallVector<unsigned> inner;     // loop dim of each inner dim
  llvm::SmallVector<int64_t> innerSizes; // all > 1
  bool exact = false;

  bool reduces(unsigned innerDim) const;
  bool reducesAny() const;
  /// Row-major strides of operand `operand` by loop dim, 0 where the dim is not an axis of it, given the
  /// strides of the tensor's axes.
  llvm::SmallVector<int64_t> loopStrides(unsigned operand, llvm::ArrayRef<int64_t> axisStrides) const;
};

struct Kernel {
  mlir::func::FuncOp func;
  llvm::SmallVector<int64_t> rowSizes; // all > 1; merged where every access allows
  llvm::SmallVector<Stage> stages;     // in program order

  int64_t rows() const;
  /// The stage that makes `value`, or null for arguments, fills and constants.
  const Stage *producer(mlir::Value value) const;
};

/// Row-major strides of a shape, in elements.
llvm::SmallVector<int64_t> rowMajorStrides(llvm::ArrayRef<int64_t> shape);

/// The scalar that fills `tensor` (a linalg.fill or a splat constant), as attribute; null otherwise.
mlir::TypedAttr splatOf(mlir::Value tensor);

/// Reads a kernel. Results that no generic makes (an argument returned, a fill, one value returned twice)
/// first become copies. Row dim `apart` is not merged with those before it. Reports what breaks the contract.
mlir::FailureOr<Kernel> analyseKernel(mlir::func::FuncOp func, std::optional<unsigned> apart = std::nullopt);

/// Coefficient of loop dim `dim` in the index value `value` of a generic's body: 0 when it does not depend on
/// it, nothing when it does so other than linearly. Clamps by constants are looked through.
std::optional<int64_t> coefficientOf(mlir::Value value, unsigned dim);

} // namespace cleave::codegen

#endif
