// RUN: %cleave ir --stage model %s | %FileCheck %s
// One definition is one index op: a product and a broadcast sum, with named dims.
axis Batch = 4, In = 3, Out = 2

entry f(x: f32[Batch, In], w: f32[In, Out], b: f32[Out]) -> (y: f32[Batch, Out]) {
  return y[n, o] = (sum(i) x[n, i] * w[i, o]) + b[o]
}

// CHECK-LABEL: func.func @f
// CHECK: %[[SUM:.*]] = model.index (d0: Batch = 4, d1: Out = 2) sum (d2: In = 3) ins(%arg0[d0, d2], %arg1[d2, d1]
// CHECK:   arith.mulf
// CHECK: %[[Y:.*]] = model.index (d0: Batch = 4, d1: Out = 2) ins(%[[SUM]][d0, d1], %arg2[d1]
// CHECK:   arith.addf
// CHECK: return %[[Y]] : tensor<4x2xf32, #model.axes<Batch, Out>>
