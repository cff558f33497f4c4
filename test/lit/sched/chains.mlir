// RUN: %cleave-opt --convert-model-to-kernels --verify-sched-stage %s | %FileCheck %s

!s = tensor<2x64x32xf32, #model.axes<H, S, D>>
!t = tensor<2x128x32xf32, #model.axes<H, T, D>>
!st = tensor<2x64x128xf32, #model.axes<H, S, T>>
!rs = tensor<2x64xf32, #model.axes<H, S>>
!rt = tensor<2x128xf32, #model.axes<H, T>>

// The scores are read by rows and by columns: a kernel each, which computes them for itself. Nothing as large as
// they passes between kernels.
// CHECK-LABEL: func.func @both
// CHECK-NEXT: %[[Y:.*]] = pipe.launch @[[ROWS:rows_[0-9]+]](%arg0, %arg1, %arg2)
// CHECK-NEXT: %[[W:.*]] = pipe.launch @[[COLUMNS:rows_[0-9]+]](%arg0, %arg1)
// CHECK-NEXT: return %[[Y]], %[[W]]
func.func @both(%q: !s {model.input = "q"}, %k: !t {model.input = "k"}, %v: !t {model.input = "v"})
    -> (!s {model.output = "y"}, !rt {model.output = "w"}) attributes {model.entry} {
  %a = model.index (h: H = 2, s: S = 64, t: T = 128) sum (d: D = 32) ins(%q[h, s, d], %k[h, t, d] : !s, !t) {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.mulf %0, %1 : f32
    model.yield %2 : f32
  } : !st
  %e = model.index (h: H = 2, s: S = 64, t: T = 128) ins(%a[h, s, t] : !st) {
  ^bb0(%0: f32):
    %1 = math.exp %0 : f32
    model.yield %1 : f32
  } : !st
  %y = model.index (h: H = 2, s: S = 64, d: D = 32) sum (t: T = 128) ins(%e[h, s, t], %v[h, t, d] : !st, !t) {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.mulf %0, %1 : f32
    model.yield %2 : f32
  } : !s
  %w = model.index (h: H = 2, t: T = 128) sum (s: S = 64) ins(%e[h, s, t] : !st) {
  ^bb0(%0: f32):
    model.yield %0 : f32
  } : !rt
  return %y, %w : !s, !rt
}

// An output as large as the scores holds them in memory anyway: the library's product makes them.
// CHECK-LABEL: func.func @kept
// CHECK-NEXT: %[[A:.*]] = pipe.launch @product_{{[0-9]+}}(%arg0, %arg1)
// CHECK-NEXT: pipe.launch @rows_{{[0-9]+}}(%[[A]])
func.func @kept(%q: !s {model.input = "q"}, %k: !t {model.input = "k"}) -> (!st {model.output = "a"}, !rs {model.output = "m"})
    attributes {model.entry} {
  %a = model.index (h: H = 2, s: S = 64, t: T = 128) sum (d: D = 32) ins(%q[h, s, d], %k[h, t, d] : !s, !t) {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.mulf %0, %1 : f32
    model.yield %2 : f32
  } : !st
  %m = model.index (h: H = 2, s: S = 64) max (t: T = 128) ins(%a[h, s, t] : !st) {
  ^bb0(%0: f32):
    model.yield %0 : f32
  } : !rs
  return %a, %m : !st, !rs
}

// What reads a result of the chain and makes what another product of the same size reads comes between: two kernels,
// the second of which computes the scores again.
// CHECK-LABEL: func.func @steps
// CHECK-NEXT: %[[M:.*]] = pipe.launch @[[FIRST:rows_[0-9]+]](%arg0, %arg1)
// CHECK-NEXT: %[[TOTAL:.*]] = pipe.launch @{{.*}}(%[[M]])
// CHECK-NEXT: pipe.launch @[[SECOND:rows_[0-9]+]](%arg0, %arg1, %[[TOTAL]])
func.func @steps(%q: !s {model.input = "q"}, %k: !t {model.input = "k"}) -> (!rs {model.output = "n"})
    attributes {model.entry} {
  %a = model.index (h: H = 2, s: S = 64, t: T = 128) sum (d: D = 32) ins(%q[h, s, d], %k[h, t, d] : !s, !t) {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.mulf %0, %1 : f32
    model.yield %2 : f32
  } : !st
  %m = model.index (h: H = 2, s: S = 64) max (t: T = 128) ins(%a[h, s, t] : !st) {
  ^bb0(%0: f32):
    model.yield %0 : f32
  } : !rs
  %top = model.index () max (h: H = 2, s: S = 64) ins(%m[h, s] : !rs) {
  ^bb0(%0: f32):
    model.yield %0 : f32
  } : tensor<f32>
  %n = model.index (h: H = 2, s: S = 64) sum (t: T = 128) ins(%a[h, s, t], %top[] : !st, tensor<f32>) {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.subf %0, %1 : f32
    %3 = math.exp %2 : f32
    model.yield %3 : f32
  } : !rs
  return %n : !rs
}

// What makes a factor joins the chain by the chain's rows, in their order, although its own axes lie otherwise.
// CHECK-LABEL: func.func @maker
// CHECK-NEXT: pipe.launch @[[MAKER:rows_[0-9]+]](%arg0, %arg1)
// CHECK-NEXT: return
!shd = tensor<64x2x32xf32, #model.axes<S, H, D>>
func.func @maker(%x: !shd {model.input = "x"}, %k: !t {model.input = "k"}) -> (!rs {model.output = "m"})
    attributes {model.entry} {
  %q = model.index (s: S = 64, h: H = 2, d: D = 32) ins(%x[s, h, d] : !shd) {
  ^bb0(%0: f32):
    %1 = math.tanh %0 : f32
    model.yield %1 : f32
  } : !shd
  %a = model.index (h: H = 2, s: S = 64, t: T = 128) sum (d: D = 32) ins(%q[s, h, d], %k[h, t, d] : !shd, !t) {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.mulf %0, %1 : f32
    model.yield %2 : f32
  } : !st
  %m = model.index (h: H = 2, s: S = 64) max (t: T = 128) ins(%a[h, s, t] : !st) {
  ^bb0(%0: f32):
    model.yield %0 : f32
  } : !rs
  return %m : !rs
}

// CHECK: func.func private @[[ROWS]](
// CHECK-SAME: cleave.rows = array<i64: 2, 64>
// CHECK-COUNT-3: linalg.generic
// CHECK: return
// CHECK: func.func private @[[COLUMNS]](
// CHECK-SAME: cleave.rows = array<i64: 2, 128>
// CHECK-COUNT-3: linalg.generic
// CHECK: return
// CHECK: func.func private @[[MAKER]](
// CHECK-SAME: cleave.rows = array<i64: 2, 64>
