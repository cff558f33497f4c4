// RUN: %cleave-opt --convert-model-to-kernels --verify-sched-stage --plan-memory --verify-memory-stage --print-memory %s | %FileCheck %s

// Two products, of sums too long for a chain, that are needed one after the other: each is computed just before its reader, however the program
// was written. The new state comes behind the guard, the assert and all readers of the old one, and in place.
!x = tensor<512x320xf32, #model.axes<M, K>>
!w = tensor<320x512xf32, #model.axes<K, N>>
!y = tensor<512x512xf32, #model.axes<M, N>>
!r = tensor<512xf32, #model.axes<M>>
module {
  model.state @w path "w" kind "param" : !w
  func.func @train(%w: !w {model.state = @w}, %x: !x {model.input = "x"}, %c: tensor<i1> {model.input = "c"})
      -> (tensor<f32> {model.output = "loss"}, !w {model.state = @w}, !r {model.output = "u"}) attributes {model.entry} {
    %new = model.index (k: K = 320, n: N = 512) ins(%w[k, n] : !w) {
    ^bb0(%a: f32):
      %0 = arith.addf %a, %a : f32
      model.yield %0 : f32
    } : !w
    %p = model.index (m: M = 512, n: N = 512) sum (k: K = 320) ins(%x[m, k], %w[k, n] : !x, !w) {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.mulf %a, %b : f32
      model.yield %0 : f32
    } : !y
    %q = model.index (m: M = 512, n: N = 512) sum (k: K = 320) ins(%x[n, k], %w[k, m] : !x, !w) {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.mulf %a, %b : f32
      model.yield %0 : f32
    } : !y
    %loss = model.index () sum (m: M = 512, n: N = 512) ins(%p[m, n] : !y) {
    ^bb0(%a: f32):
      %0 = math.exp %a : f32
      model.yield %0 : f32
    } : tensor<f32>
    %u = model.index (m: M = 512) sum (n: N = 512) ins(%q[m, n] : !y) {
    ^bb0(%a: f32):
      %0 = math.exp %a : f32
      model.yield %0 : f32
    } : !r
    model.assert %c, "c" : tensor<i1>
    return %loss, %new, %u : tensor<f32>, !w, !r
  }
}
// Only one of the products, a MiB each, is alive at a time.
// CHECK: entry train: scratch 1048576 of which alive at once 1048576

// CHECK-LABEL: func.func @train
// CHECK: %[[P:.*]] = pipe.launch @product_{{[0-9]+}}(%arg1, %arg0)
// CHECK: pipe.launch @rows_{{[0-9]+}}(%[[P]])
// CHECK: pipe.guard
// CHECK: %[[Q:.*]] = pipe.launch @product_{{[0-9]+}}(%arg1, %arg0)
// CHECK-NEXT: pipe.launch @rows_{{[0-9]+}}(%[[Q]])
// CHECK: pipe.launch @rows_{{[0-9]+}}(%arg0) {places = [#pipe.place<state, 0>]}
// CHECK-NEXT: return
