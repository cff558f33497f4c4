// RUN: %cleave-opt --convert-model-to-kernels --verify-sched-stage %s | %FileCheck %s

!x = tensor<64x48xf32, #model.axes<M, K>>
!w = tensor<48x32xf32, #model.axes<K, N>>
!b = tensor<32xf32, #model.axes<N>>
!y = tensor<64x32xf32, #model.axes<M, N>>
!s = tensor<64xf32, #model.axes<M>>

// Bias and residual belong to the product, with the other operand's part of the residual; a sum of its rows does not.
// CHECK-LABEL: func.func @layer
// CHECK-NEXT: %[[Y:.*]] = pipe.launch @[[PRODUCT:product_[0-9]+]](%arg0, %arg1, %arg2, %arg3)
// CHECK-NEXT: pipe.launch @rows_{{[0-9]+}}(%[[Y]])
// CHECK-NEXT: return
func.func @layer(%x: !x {model.input = "x"}, %w: !w {model.input = "w"}, %b: !b {model.input = "b"}, %r: !y {model.input = "r"})
    -> (!y {model.output = "y"}, !s {model.output = "s"}) attributes {model.entry} {
  %scaled = model.index (m: M = 64, n: N = 32) ins(%r[m, n] : !y) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : !y
  %p = model.index (m: M = 64, n: N = 32) sum (k: K = 48) ins(%x[m, k], %w[k, n] : !x, !w) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !y
  %h = model.index (m: M = 64, n: N = 32) ins(%p[m, n], %b[n] : !y, !b) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %c : f32
    model.yield %0 : f32
  } : !y
  %y = model.index (m: M = 64, n: N = 32) ins(%h[m, n], %scaled[m, n] : !y, !y) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %c : f32
    model.yield %0 : f32
  } : !y
  %s = model.index (m: M = 64) sum (n: N = 32) ins(%y[m, n] : !y) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : !s
  return %y, %s : !y, !s
}

// A product of few terms is generated code, which has no tiles: what follows stays apart.
// CHECK-LABEL: func.func @small
// CHECK-NEXT: %[[P:.*]] = pipe.launch @product_{{[0-9]+}}(
// CHECK-NEXT: pipe.launch @rows_{{[0-9]+}}(%[[P]])
// CHECK-NEXT: return
func.func @small(%x: tensor<8x12xf32, #model.axes<M, K>> {model.input = "x"}, %w: tensor<12x16xf32, #model.axes<K, N>> {model.input = "w"})
    -> (tensor<8x16xf32, #model.axes<M, N>> {model.output = "y"}) attributes {model.entry} {
  %p = model.index (m: M = 8, n: N = 16) sum (k: K = 12) ins(%x[m, k], %w[k, n] : tensor<8x12xf32, #model.axes<M, K>>, tensor<12x16xf32, #model.axes<K, N>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<8x16xf32, #model.axes<M, N>>
  %y = model.index (m: M = 8, n: N = 16) ins(%p[m, n] : tensor<8x16xf32, #model.axes<M, N>>) {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    model.yield %0 : f32
  } : tensor<8x16xf32, #model.axes<M, N>>
  return %y : tensor<8x16xf32, #model.axes<M, N>>
}
