// RUN: %cleave-opt %s --model-gradients --model-inline --model-simplify | %FileCheck %s
// RUN: sed 's/"recompute"/"save"/' %s | %cleave-opt --model-gradients --model-inline --model-simplify | %FileCheck %s --check-prefix=SAVE

// The backward pass reads what the body makes of %z. Left alone, or told to save, it keeps a stack of that; the plan asks for %z to be
// computed again, from the block's input: one stack.

// CHECK-LABEL: func.func private @"net.blocks[*]_backward"(
// CHECK: %[[Z:.*]] = model.index (d0: Batch = 8, d1: Out = 4) sum (d2: In = 4) ins(%arg3[d0, d2], %arg2[d2, d1]
// CHECK: model.index (d0: Batch = 8, d1: In = 4) ins(%[[Z]][d0, d1]
// CHECK-LABEL: func.func @f(
// CHECK: :2 = model.scan @"net.blocks[*]_forward"

// SAVE-LABEL: func.func private @"net.blocks[*]_backward"(
// SAVE-NOT: sum (d2: In = 4)
// SAVE-LABEL: func.func @f(
// SAVE: :3 = model.scan @"net.blocks[*]_forward"

!x = tensor<8x4xf32, #model.axes<Batch, In>>
!w = tensor<4x4xf32, #model.axes<In, Out>>
!ws = tensor<3x4x4xf32, #model.axes<Layers, In, Out>>
module attributes {model.residual_policy = [["net.blocks[*].z", "recompute"]]} {
func.func private @"net.blocks[*]"(%i: tensor<i64>, %x: !x, %w: !w) -> !x {
  %0 = model.index (b: Batch = 8, o: Out = 4) sum (i: In = 4) ins(%x[b, i], %w[i, o] : !x, !w) {
  ^bb0(%a: f32, %c: f32):
    %m = arith.mulf %a, %c : f32
    model.yield %m : f32
  } : tensor<8x4xf32, #model.axes<Batch, Out>>
  %z = model.name %0 "net.blocks[*].z" : tensor<8x4xf32, #model.axes<Batch, Out>>
  %y = model.index (b: Batch = 8, o: In = 4) ins(%z[b, o] : tensor<8x4xf32, #model.axes<Batch, Out>>) {
  ^bb0(%a: f32):
    %m = math.exp %a : f32
    model.yield %m : f32
  } : !x
  return %y : !x
}
func.func @f(%x: !x, %w: !ws) -> !ws attributes {model.entry} {
  %y = model.scan @"net.blocks[*]" count 3 over "Layers" consts() carries(%x) slices(%w) : (), (!x), (!ws) -> (!x)
  %l = model.index () sum (b: Batch = 8, i: In = 4) ins(%y[b, i] : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  %g = model.gradient %l wrt (%w) : tensor<f32>, (!ws) -> (!ws)
  return %g : !ws
}
}
