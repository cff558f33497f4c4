// RUN: %cleave-opt --model-gradients --model-simplify %s | %FileCheck %s

// The branch is computed again going backwards, silently, also in what it runs. The other branch hands the cotangent on.
// CHECK-LABEL: func.func private @turn(
// CHECK: model.print
// CHECK-LABEL: func.func private @turn_silent_forward(
// CHECK-NOT: model.print
// CHECK-LABEL: func.func private @many(
// CHECK: model.print "many"
// CHECK-LABEL: func.func private @many_backward(
// CHECK-NOT: model.print
// CHECK: model.scan @turn_silent_forward
// CHECK: return
func.func private @turn(%i: tensor<i64>, %x: tensor<f32>) -> tensor<f32> {
  model.print "turn" (%x) : (tensor<f32>)
  %y = model.index () ins(%x[] : tensor<f32>) {
  ^bb0(%a: f32):
    %0 = math.sin %a : f32
    model.yield %0 : f32
  } : tensor<f32>
  return %y : tensor<f32>
}
func.func private @many(%x: tensor<f32>) -> tensor<f32> {
  model.print "many" (%x) : (tensor<f32>)
  %y = model.scan @turn count 3 over "T" consts() carries(%x) slices() : (), (tensor<f32>), () -> (tensor<f32>)
  return %y : tensor<f32>
}
func.func private @none(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}

// CHECK-LABEL: func.func @gradient
// CHECK: model.if %arg1 then @many_backward else @none_backward
func.func @gradient(%x: tensor<f32>, %c: tensor<i1>) -> tensor<f32> {
  %y = model.if %c then @many else @none (%x) : tensor<i1>, (tensor<f32>) -> (tensor<f32>)
  %g = model.gradient %y wrt (%x) : tensor<f32>, (tensor<f32>) -> (tensor<f32>)
  return %g : tensor<f32>
}
