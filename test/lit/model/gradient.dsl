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
