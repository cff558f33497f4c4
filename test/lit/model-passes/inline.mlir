// RUN: %cleave-opt --model-inline %s | %FileCheck %s

// Calls of calls are opened from the inside.
// CHECK-LABEL: func.func @outer
// CHECK: math.exp
// CHECK: math.exp
// CHECK-NOT: model.call
func.func private @inner(%x: tensor<f32>) -> tensor<f32> {
  %y = model.index () ins(%x[] : tensor<f32>) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : tensor<f32>
  return %y : tensor<f32>
}
func.func private @twice(%x: tensor<f32>) -> tensor<f32> {
  %y = model.call @inner(%x) : (tensor<f32>) -> tensor<f32>
  %z = model.call @inner(%y) : (tensor<f32>) -> tensor<f32>
  return %z : tensor<f32>
}
func.func @outer(%x: tensor<f32>) -> tensor<f32> {
  %y = model.call @twice(%x) : (tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}
