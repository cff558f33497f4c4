// Model ops as linalg on plain tensors: the inside of a kernel.
#ifndef CLEAVE_COMPILER_CONVERT_KERNELBODY_H
#define CLEAVE_COMPILER_CONVERT_KERNELBODY_H

#include "dialects/pipe/ir/Pipe.h"

#include "mlir/IR/IRMapping.h"

namespace cleave::convert {

// The type as kernels and lists store it: no axis names, i1 as i8 (0 or 1).
mlir::RankedTensorType storageOf(mlir::Type type);

// Emits a model op's kernel form at the builder; `mapping` gives the kernel's value of each model value.
// rowDims: the op's dims that are the kernel's row dims. Returns the value that stands for the op's result.
//
//   %y = model.index (b: B = 8) sum (i: I = 32) ins(%x[b, i]) { yield %a }
//   -> %0 = tensor.empty() : tensor<8xf32>
//      %1 = linalg.fill ins(0.0) outs(%0)
//      %y = linalg.generic {cleave.rows = [0]} ins(%x) outs(%1) { %s = arith.addf %out, %a; linalg.yield %s }
//
// Reads that are no projected permutation (0 stands for an axis of one element; windows, reads outside,
// gathers) become guarded tensor.extracts.
mlir::Value emitIndex(mlir::OpBuilder &builder, model::IndexOp op, llvm::ArrayRef<int64_t> rowDims,
                      mlir::IRMapping &mapping);
mlir::Value emitGather(mlir::OpBuilder &builder, model::GatherOp op, llvm::ArrayRef<int64_t> rowDims,
                       mlir::IRMapping &mapping);

} // namespace cleave::convert

#endif
