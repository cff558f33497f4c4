// RUN: %cleave ir --stage model %s | %FileCheck %s
// One definition is one index op: a product and a broadcast sum, with named dims.
axis Batch = 4, In = 3, Out = 2

entry f(x: f32[Batch, In], w: f32[In, Out], b: f32[Out]) -> (y: f32[Batch, Out]) {
  return y[n, o] = (sum(i) x[n, i] * w[i, o]) + b[o]
}
