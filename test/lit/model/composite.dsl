// RUN: %cleave ir --stage model %s | %FileCheck %s
// A composite is called, not inlined, also with a constant; residuals are results after its own.
axis N = 4

composite function squashed(x: f32[N], k: f32) -> f32[N] {
  residual s = 1 / (1 + exp(-k * x))
  return x * s
} backward (dy) {
  let dx[n] = dy[n] * (s[n] + k * x[n] * s[n] * (1 - s[n]))
  let dk = sum(n) dy[n] * x[n] * x[n] * s[n] * (1 - s[n])
  return dx, dk
}

entry f(x: f32[N], k: f32) -> (y: f32[N]) {
  return squashed(squashed(x, k), 2)
}

// CHECK-LABEL: func.func @f
// CHECK: %[[ONE:.*]]:2 = model.call @[[F:squashed.*]](%arg0, %arg1)
// CHECK: %[[TWO:.*]]:2 = model.call @[[F]](%[[ONE]]#0, %{{.*}})
// CHECK: return %[[TWO]]#0
// CHECK: func.func private @[[F]]
// CHECK-SAME: model.backward = @[[B:squashed.*backward]], model.composite = "squashed", model.residuals = 1 : i64
// CHECK: func.func private @[[B]](%arg0: tensor<4xf32, #model.axes<N>>, %arg1: tensor<f32>, %arg2: tensor<4xf32, #model.axes<N>>, %arg3: tensor<4xf32, #model.axes<N>>, %arg4: tensor<4xf32, #model.axes<N>>) -> (tensor<4xf32, #model.axes<N>>, tensor<f32>)
