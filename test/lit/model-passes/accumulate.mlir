// RUN: %cleave-opt %s --model-accumulate="axis=Batch count=4" | %FileCheck %s

// A linear model's step in four parts of two examples. Part t has the examples whose position is t modulo 4.

model.state @w path "w" kind "param" : tensor<4xf32, #model.axes<In>>
!x = tensor<8x4xf32, #model.axes<Batch, In>>
!y = tensor<8xf32, #model.axes<Batch>>
!w = tensor<4xf32, #model.axes<In>>

// CHECK-LABEL: func.func @train(
// CHECK: model.index (d0: Micro = 4, d1: Batch = 2, d2: In = 4) ins(%arg0[d1 * 4 + d0, d2]
// CHECK: %[[LOOP:.*]]:2 = model.scan @train_micro count 4 over "Micro" consts(%arg1) carries({{.*}}) slices(
// The prediction is put together again.
// CHECK: model.index (d0: Batch = 8) ins(%[[LOOP]]#1[d0 mod 4, d0 floordiv 4]
// What follows from the sum alone stays behind the loop.
// CHECK: model.index (d0: In = 4) ins(%arg1[d0], %[[LOOP]]#0[d0]
func.func @train(%x: !x {model.input = "x"}, %w: !w {model.state = @w}) -> (!y {model.output = "y"}, !w {model.state = @w}) attributes {model.entry} {
  %y = model.index (b: Batch = 8) sum (i: In = 4) ins(%x[b, i], %w[i] : !x, !w) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !y
  %g = model.index (i: In = 4) sum (b: Batch = 8) ins(%x[b, i], %y[b] : !x, !y) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !w
  %n = model.index (i: In = 4) ins(%w[i], %g[i] : !w, !w) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.subf %a, %c : f32
    model.yield %0 : f32
  } : !w
  return %y, %n : !y, !w
}
// CHECK-LABEL: func.func private @train_micro(
// CHECK-SAME: %arg0: tensor<i64>, %arg1: tensor<4xf32, #model.axes<In>>, %[[SUM:.*]]: tensor<4xf32, #model.axes<In>>, %[[X:.*]]: tensor<2x4xf32, #model.axes<Batch, In>>
// CHECK: model.index (d0: Batch = 2) sum (d1: In = 4)
// CHECK: %[[G:.*]] = model.index (d0: In = 4) sum (d1: Batch = 2)
// CHECK: model.index (d0: In = 4) ins(%[[SUM]][d0], %[[G]][d0]
