// Reductions over one and over two axes, each with an input of its own.
axis I = 4, J = 5

function value(s: f64[I, J], a: f64[I, J], b: f64[I, J], m: f64[I, J], p: f64[I, J], q: f64[I, J]) -> f64 {
  let sums[i] = sum(j) s[i, j] * s[i, j]
  let greatest[i] = max(j) a[i, j]
  let least[j] = min(i) b[i, j]
  let means[i] = mean(j) exp(m[i, j])
  let products[i] = prod(j) (p[i, j] + 2)
  let all = (max(i, j) q[i, j]) * (mean(i, j) q[i, j])
  return (sum(i) (sums[i] * greatest[i] + means[i] * products[i])) + (sum(j) sin(least[j])) + all
}

entry loss(s: f64[I, J], a: f64[I, J], b: f64[I, J], m: f64[I, J], p: f64[I, J], q: f64[I, J]) -> (loss: f64) {
  return value(s, a, b, m, p, q)
}

entry gradient(s: f64[I, J], a: f64[I, J], b: f64[I, J], m: f64[I, J], p: f64[I, J], q: f64[I, J])
    -> (d_s: f64[I, J], d_a: f64[I, J], d_b: f64[I, J], d_m: f64[I, J], d_p: f64[I, J], d_q: f64[I, J]) {
  let y = value(s, a, b, m, p, q)
  return grad(y, s), grad(y, a), grad(y, b), grad(y, m), grad(y, p), grad(y, q)
}
