// Composites: with their own residual and backward, and without.
axis N = 6

composite function squashed(x: f64[N], k: f64) -> f64[N] {
  residual s = 1 / (1 + exp(-x * k))
  return x * s
} backward (dy) {
  let dx[n] = dy[n] * (s[n] + x[n] * k * s[n] * (1 - s[n]))
  let dk = sum(n) dy[n] * x[n] * x[n] * s[n] * (1 - s[n])
  return dx, dk
}

composite function whole(x: f64[N]) -> f64[N] {
  return sin(x) * x
}

function value(x: f64[N], k: f64) -> f64 {
  let y = squashed(x, k + 2)
  let z = whole(y)
  return sum(n) y[n] * z[n]
}

entry loss(x: f64[N], k: f64) -> (loss: f64) {
  return value(x, k)
}

entry gradient(x: f64[N], k: f64) -> (d_x: f64[N], d_k: f64) {
  let y = value(x, k)
  return grad(y, x), grad(y, k)
}
