// RUN: %cleave-opt --convert-model-to-kernels %s | %FileCheck %s
// RUN: %cleave-opt --convert-model-to-kernels --plan-memory --print-exec %s -o /dev/null | %FileCheck %s --check-prefix=EXEC

// A repeat forwards and backwards, and softmax: rows that belong together are one kernel.
!x = tensor<4x8x16x16xf32, #model.axes<B, H, S, K>>
!r = tensor<4x8x16xf32, #model.axes<B, H, S>>
!w = tensor<6x64x64xf32, #model.axes<L, I, O>>
!w1 = tensor<64x64xf32, #model.axes<I, O>>
!h = tensor<128x64xf32, #model.axes<B, I>>
!g = tensor<6x64xf32, #model.axes<L, I>>
!g1 = tensor<64xf32, #model.axes<I>>
!hs = tensor<6x128x64xf32, #model.axes<L, B, I>>
module {
  model.state @w path "blocks[*].w" kind "param" : !w
  func.func private @body(%i: tensor<i64>, %x: !h, %w: !w1) -> (!h, !h) {
    %y = model.index (b: B = 128, o: O = 64) sum (i: I = 64) ins(%x[b, i], %w[i, o] : !h, !w1) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.mulf %a, %c : f32
      model.yield %0 : f32
    } : tensor<128x64xf32, #model.axes<B, O>>
    %m = model.index (b: B = 128) sum (i: O = 64) ins(%y[b, i] : tensor<128x64xf32, #model.axes<B, O>>) {
    ^bb0(%a: f32):
      model.yield %a : f32
    } : tensor<128xf32, #model.axes<B>>
    %z = model.index (b: B = 128, o: I = 64) ins(%y[b, o], %m[b], %x[b, o] : tensor<128x64xf32, #model.axes<B, O>>, tensor<128xf32, #model.axes<B>>, !h) {
    ^bb0(%a: f32, %c: f32, %d: f32):
      %0 = arith.subf %a, %c : f32
      %1 = arith.addf %0, %d : f32
      model.yield %1 : f32
    } : !h
    %zn = model.name %z "blocks[*].z" : !h
    return %zn, %x : !h, !h
  }
  func.func private @back(%i: tensor<i64>, %dx: !h, %x: !h, %w: !w1) -> (!h, !w1) {
    %y = model.index (b: B = 128, o: I = 64) sum (i: O = 64) ins(%dx[b, i], %w[o, i] : !h, !w1) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.mulf %a, %c : f32
      model.yield %0 : f32
    } : !h
    %dw = model.index (i: I = 64, o: O = 64) sum (b: B = 128) ins(%x[b, i], %dx[b, o] : !h, !h) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.mulf %a, %c : f32
      model.yield %0 : f32
    } : !w1
    return %y, %dw : !h, !w1
  }
  func.func @train(%w: !w {model.state = @w}, %x: !h {model.input = "x"})
      -> (tensor<f32> {model.output = "loss"}, !w {model.state = @w}) attributes {model.entry} {
    %r:2 = model.scan @body count 6 over "L" consts() carries(%x) slices(%w) : (), (!h), (!w) -> (!h, !hs)
    %loss = model.index () sum (b: B = 128, o: I = 64) ins(%r#0[b, o] : !h) {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %a : f32
      model.yield %0 : f32
    } : tensor<f32>
    %b:2 = model.scan @back count 6 over "L" reverse consts() carries(%r#0) slices(%r#1, %w) : (), (!h), (!hs, !w) -> (!h, !w)
    %w1 = model.index (l: L = 6, i: I = 64, o: O = 64) ins(%w[l, i, o], %b#1[l, i, o] : !w, !w) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.subf %a, %c : f32
      model.yield %0 : f32
    } : !w
    return %loss, %w1 : tensor<f32>, !w
  }
  func.func @soft(%x: !x {model.input = "x"}) -> (!x {model.output = "p"}) attributes {model.entry} {
    %sc = model.index (b: B = 4, h: H = 8, s: S = 16, k: K = 16) ins(%x[b, h, s, k] : !x) {
    ^bb0(%a: f32):
      %c = arith.constant 2.0 : f32
      %0 = arith.mulf %a, %c : f32
      model.yield %0 : f32
    } : !x
    %m = model.index (b: B = 4, h: H = 8, s: S = 16) max (k: K = 16) ins(%sc[b, h, s, k] : !x) {
    ^bb0(%a: f32):
      model.yield %a : f32
    } : !r
    %e = model.index (b: B = 4, h: H = 8, s: S = 16, k: K = 16) ins(%sc[b, h, s, k], %m[b, h, s] : !x, !r) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.subf %a, %c : f32
      %1 = math.exp %0 : f32
      model.yield %1 : f32
    } : !x
    %z = model.index (b: B = 4, h: H = 8, s: S = 16) sum (k: K = 16) ins(%e[b, h, s, k] : !x) {
    ^bb0(%a: f32):
      model.yield %a : f32
    } : !r
    %p = model.index (b: B = 4, h: H = 8, s: S = 16, k: K = 16) ins(%e[b, h, s, k], %z[b, h, s] : !x, !r) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.divf %a, %c : f32
      model.yield %0 : f32
    } : !x
    return %p : !x
  }
}

// CHECK-LABEL: func.func @train
// CHECK: %[[F:.*]]:2 = pipe.loop count 6 over "L" carries(%arg1) slices(%arg0)
// CHECK: pipe.launch @[[PRODUCT:product_[0-9]+]]
// CHECK-NEXT: pipe.launch @[[ROWS:rows_[0-9]+]]
// CHECK-SAME: names = ["blocks[*].z"]
// CHECK-NEXT: pipe.yield
// The guard comes as early as the loss.
// CHECK: %[[LOSS:.*]] = pipe.launch
// CHECK-NEXT: pipe.guard %[[LOSS]] for "loss"
// CHECK-NEXT: pipe.loop count 6 over "L" reverse
// CHECK: return

// All of softmax is one launch.
// CHECK-LABEL: func.func @soft
// CHECK-NEXT: pipe.launch
// CHECK-NEXT: return

// CHECK: func.func private @[[ROWS]](
// CHECK-SAME: cleave.inplace = array<i64: 1, 0>, cleave.kernel, cleave.rows = array<i64: 128>
// CHECK-COUNT-2: linalg.generic

// The layers' inputs are kept, so the carry lives in their stack: each turn reads a slot and writes the next. Gradients go
// to their slots, the parameter is updated in place.
// EXEC-LABEL: entry train
// EXEC: copy (input0+0 {{.*}}, scratch+[[H:[0-9]+]] {{.*}})
// EXEC-NEXT: loop 6 times
// EXEC-NEXT: launch product_0 (scratch+[[H]] +32768*c0
// EXEC-NEXT: launch rows_1 {{.*}} -> (scratch+{{[0-9]+}} +32768*c0 {{.*}} "blocks[*].z")
// EXEC-NEXT: end of
// EXEC: guard
// EXEC: loop 6 times reverse
// EXEC: launch product_{{.*}} -> (scratch+{{[0-9]+}} +16384*c0
// EXEC: end of
// EXEC: launch rows_{{.*}} (state+0 {{.*}}) -> (state+0 {{.*}})
