// Scalar functions of two arguments, choices, and functions that are constant between steps.
axis N = 9

function value(a: f64[N], b: f64[N], c: f64[N], d: f64[N], k: f64) -> f64 {
  let quotient = a / (b + 3)
  let power = pow(c + 2, d * 1.5)
  let greater = maximum(a, b) * 2 + minimum(c, d)
  let chosen[n] = where(a[n] < c[n], a[n] * b[n], sin(d[n]))
  let stepped[n] = floor(5 * c[n]) * d[n] + sign(d[n]) * c[n] + stop_gradient(floor(3 * a[n])) * b[n]
  return (sum(n) (quotient[n] + power[n] * greater[n] + chosen[n] * k)) + (mean(n) stepped[n] * k)
}

entry loss(a: f64[N], b: f64[N], c: f64[N], d: f64[N], k: f64) -> (loss: f64) {
  return value(a, b, c, d, k)
}

entry gradient(a: f64[N], b: f64[N], c: f64[N], d: f64[N], k: f64)
    -> (d_a: f64[N], d_b: f64[N], d_c: f64[N], d_d: f64[N], d_k: f64) {
  let y = value(a, b, c, d, k)
  return grad(y, a), grad(y, b), grad(y, c), grad(y, d), grad(y, k)
}
