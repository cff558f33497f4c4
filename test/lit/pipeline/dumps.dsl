// Each stage on the way is written to its numbered file.
// RUN: rm -rf %t && mkdir %t
// RUN: %cleave ir %s --stage kernels --all %t > /dev/null
// RUN: ls %t | %FileCheck %s --check-prefix=FILES
// RUN: %FileCheck %s --check-prefix=GRAD < %t/03-grad.mlir
// RUN: %FileCheck %s --check-prefix=SCHED < %t/07-sched.mlir
// RUN: %FileCheck %s --check-prefix=LLVM < %t/10-kernels.mlir
// RUN: %not %cleave ir %s --stage kernels --all %t/missing 2>&1 | %FileCheck %s --check-prefix=MISSING

// FILES: 02-model.mlir
// FILES-NEXT: 03-grad.mlir
// FILES-NEXT: 07-sched.mlir
// FILES-NEXT: 08-memory.mlir
// FILES-NEXT: 09-loops.mlir
// FILES-NEXT: 10-kernels.mlir
// GRAD-NOT: model.gradient
// GRAD: model.index
// SCHED: pipe.launch
// LLVM: llvm.func
// MISSING: Directory does not exist
axis N = 8

entry slope(x: f32[N]) -> (d: f32[N]) {
  let y = sum(n: N) x[n] * x[n]
  return grad(y, x)
}
