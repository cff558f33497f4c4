// RUN: %cleave-opt --convert-model-to-kernels --verify-sched-stage %s | %FileCheck %s

// An axis of one element is read at 0: still a product of two plain matrices.
func.func @unit(%a: tensor<1x256x64xf32, #model.axes<B, K, M>> {model.input = "a"},
    %b: tensor<1x256x32xf32, #model.axes<B, K, N>> {model.input = "b"})
    -> (tensor<64x32xf32, #model.axes<M, N>> {model.output = "y"}) attributes {model.entry} {
  %y = model.index (m: M = 64, n: N = 32) sum (k: K = 256)
      ins(%a[0, k, m], %b[0, k, n] : tensor<1x256x64xf32, #model.axes<B, K, M>>, tensor<1x256x32xf32, #model.axes<B, K, N>>) {
  ^bb0(%p: f32, %q: f32):
    %0 = arith.mulf %p, %q : f32
    model.yield %0 : f32
  } : tensor<64x32xf32, #model.axes<M, N>>
  return %y : tensor<64x32xf32, #model.axes<M, N>>
}
// CHECK-LABEL: func.func @unit
// CHECK-NEXT: pipe.launch @[[UNIT:product_[0-9]+]](%arg0, %arg1)
// CHECK: func.func private @[[UNIT]](
// CHECK-NOT: tensor.extract
// CHECK: linalg.generic {{.*}} ins(%arg0, %arg1 : tensor<1x256x64xf32>, tensor<1x256x32xf32>)
