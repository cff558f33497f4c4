// RUN: %cleave-opt --convert-model-to-kernels --verify-sched-stage %s | %FileCheck %s

!a = tensor<256x64xf32, #model.axes<M, K>>
!b = tensor<64x32xf32, #model.axes<K, N>>
!c = tensor<32xf32, #model.axes<N>>
!y = tensor<256x32xf32, #model.axes<M, N>>
// What concerns one factor alone is computed before the product, what all terms share where its tiles are made.
func.func @product(%a: !a {model.input = "a"}, %b: !b {model.input = "b"}, %c: !c {model.input = "c"})
    -> (!y {model.output = "y"}) attributes {model.entry} {
  %y = model.index (m: M = 256, n: N = 32) sum (k: K = 64) ins(%a[m, k], %b[k, n], %c[n] : !a, !b, !c) {
  ^bb0(%p: f32, %q: f32, %r: f32):
    %two = arith.constant 2.0 : f32
    %k = model.iter 2
    %f = arith.sitofp %k : i64 to f32
    %0 = math.exp %p : f32
    %1 = arith.mulf %0, %q : f32
    %2 = arith.mulf %f, %1 : f32
    %3 = arith.mulf %2, %two : f32
    %4 = arith.divf %3, %r : f32
    model.yield %4 : f32
  } : !y
  return %y : !y
}
// CHECK-LABEL: func.func @product
// CHECK-NEXT: %[[A:.*]] = pipe.launch @[[EXP:rows_[0-9]+]](%arg0)
// CHECK-NEXT: pipe.launch @[[PRODUCT:product_[0-9]+]](%[[A]], %arg1, %arg2)

// CHECK: func.func private @[[EXP]](
// CHECK: linalg.index 1
// CHECK: func.func private @[[PRODUCT]](
// CHECK: arith.addf
// CHECK: arith.divf
