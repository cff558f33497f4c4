// RUN: %cleave ir --stage model %s | %FileCheck %s
// A composite is called, not inlined; residuals are results after its own.
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
  return squashed(squashed(x, k), k)
}
