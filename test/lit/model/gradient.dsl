// RUN: %cleave ir --stage model %s | %FileCheck %s
// Parameters are arguments and results of the entry that updates them; so is the step.
axis Batch = 4

layer Scale(x: f32[Batch]) -> f32[Batch] {
  param a: f32 = 1
  return a * x
}

layer Descent[T: float, ...P](p: T[...P], g: T[...P], lr: f64) -> T[...P] {
  state v: T[...P] = 0
  let moved = v + g
  set v = moved
  return p - T(lr) * moved
}

layer scale = Scale

entry train(x: f32[Batch]) -> (loss: f32) {
  let y = scale(x)
  let loss = sum(b) y[b] * y[b]
  update scale with Descent(grad(loss, scale), lr: 0.5)
  return loss
}

// CHECK: model.state @optimizer.scale.a.v path "optimizer.scale.a.v" kind "optimizer"
// CHECK-LABEL: func.func @train
// CHECK-SAME: %[[A:[a-z0-9]*]]: tensor<f32> {model.state = @scale.a}, %[[V:[a-z0-9]*]]: tensor<f32> {model.state = @optimizer.scale.a.v}, %[[STEP:[a-z0-9]*]]: tensor<i64> {model.state = @step}
// CHECK-SAME: -> (tensor<f32> {model.output = "loss"}, tensor<f32> {model.state = @optimizer.scale.a.v}, tensor<f32> {model.state = @scale.a}, tensor<i64> {model.state = @step})
// CHECK: %[[LOSS:.*]] = model.name %{{.*}} "loss"
// CHECK: %[[G:.*]] = model.gradient %[[LOSS]] wrt(%[[A]])
// CHECK: %[[U:.*]]:2 = model.call @train_update(%[[V]], %[[G]], %[[A]])
// CHECK: %[[LATER:.*]] = model.index () ins(%[[STEP]][]
// CHECK: return %[[LOSS]], %[[U]]#1, %[[U]]#0, %[[LATER]]
// CHECK: func.func private @train_update(%[[V:[a-z0-9]*]]: tensor<f32>, %[[G:[a-z0-9]*]]: tensor<f32>, %[[A:[a-z0-9]*]]: tensor<f32>)
// CHECK: %[[MOVED:.*]] = model.index () ins(%[[V]][], %[[G]][]
// CHECK: %[[NEXT:.*]] = model.index () ins(%[[A]][], %[[MOVED]][]
// CHECK: return %[[NEXT]], %[[MOVED]]
