// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s

// What a plan saves for the backward pass is kept as it is read: %y lies in parts of Seq, the products read it whole,
// and so does the later loop. %z, which nobody asked to save, is kept in parts.

!x = tensor<4x8xf32, #model.axes<Seq, Embed>>
!w = tensor<8x16xf32, #model.axes<Embed, Hidden>>
!h = tensor<4x16xf32, #model.axes<Seq, Hidden>>
dist.mesh @m ["tp"] = [2]
dist.plan @p on @m hash "" {
  dist.shard ["Hidden"] over [#dist.axis<"tp">]
  dist.shard ["Seq"] over [#dist.axis<"tp">]
}

// CHECK-LABEL: func.func private @forward(
// CHECK-SAME: -> (tensor<4x8xf32, #model.axes<Seq, Embed>> {dist.layout = #dist.layout<@m, [{"tp", ?}, {?}]>
// CHECK-SAME: tensor<4x8xf32, #model.axes<Seq, Embed>> {dist.layout = #dist.layout<@m, [{}, {}]>
// CHECK-SAME: tensor<4x8xf32, #model.axes<Seq, Embed>> {dist.layout = #dist.layout<@m, [{"tp", ?}, {?}]>
// CHECK: model.index
// CHECK: model.kept
func.func private @forward(%i: tensor<i64>, %w: !w, %x: !x) -> (!x, !x, !x, !h) {
  %y = model.index (s: Seq = 4, e: Embed = 8) ins(%x[s, e] : !x) {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    model.yield %0 : f32
  } {model.kept} : !x
  %z = model.index (s: Seq = 4, e: Embed = 8) ins(%x[s, e] : !x) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : !x
  %h = model.index (s: Seq = 4, k: Hidden = 16) sum (e: Embed = 8) ins(%y[s, e], %z[s, e], %w[e, k] : !x, !x, !w) {
  ^bb0(%a: f32, %c: f32, %b: f32):
    %d = arith.mulf %a, %b : f32
    %0 = arith.mulf %d, %c : f32
    model.yield %0 : f32
  } : !h
  %n = model.index (s: Seq = 4, e: Embed = 8) sum (k: Hidden = 16) ins(%h[s, k], %w[e, k] : !h, !w) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : !x
  return %n, %y, %z, %h : !x, !x, !x, !h
}
// CHECK-LABEL: func.func private @backward(
// CHECK-SAME: %arg2: tensor<4x8xf32, #model.axes<Seq, Embed>> {dist.layout = #dist.layout<@m, [{}, {}]>
// CHECK-SAME: %arg3: tensor<4x8xf32, #model.axes<Seq, Embed>> {dist.layout = #dist.layout<@m, [{"tp", ?}, {?}]>
func.func private @backward(%i: tensor<i64>, %g: !w, %y: !x, %z: !x, %h: !h) -> !w {
  %n = model.index (e: Embed = 8, k: Hidden = 16) sum (s: Seq = 4) ins(%y[s, e], %z[s, e], %h[s, k] : !x, !x, !h) {
  ^bb0(%a: f32, %c: f32, %b: f32):
    %d = arith.mulf %a, %b : f32
    %0 = arith.mulf %d, %c : f32
    model.yield %0 : f32
  } : !w
  return %n : !w
}
// CHECK-LABEL: func.func @layers(
// CHECK: model.scan @forward {{.*}}dist.layouts = [#dist.layout<@m, [{"tp", ?}, {?}]>, #dist.layout<@m, [{?}, {}, {}]>, #dist.layout<@m, [{?}, {"tp", ?}, {?}]>
func.func @layers(%w: !w {model.input = "w"}, %x: !x {model.input = "x"}) -> (!x {model.output = "y"}, !w {model.output = "g"}) {
  %r:4 = model.scan @forward count 3 over "L" consts(%w) carries(%x) slices() : (!w), (!x), () -> (!x, tensor<3x4x8xf32, #model.axes<L, Seq, Embed>>, tensor<3x4x8xf32, #model.axes<L, Seq, Embed>>, tensor<3x4x16xf32, #model.axes<L, Seq, Hidden>>)
  %g = model.scan @backward count 3 over "L" reverse consts() carries(%w) slices(%r#1, %r#2, %r#3) : (), (!w), (tensor<3x4x8xf32, #model.axes<L, Seq, Embed>>, tensor<3x4x8xf32, #model.axes<L, Seq, Embed>>, tensor<3x4x16xf32, #model.axes<L, Seq, Hidden>>) -> (!w)
  return %r#0, %g : !x, !w
}
