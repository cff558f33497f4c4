// Index notation: contraction, transposition, broadcast, a diagonal, index values, a gather.
axis I = 4, J = 5, K = 3, L = J

function value(x: f64[I, J], w: f64[J, K], b: f64[K], s: f64[J, L], table: f64[J, K], ids: i64[I]) -> f64 {
  let product[i, k] = (sum(j) x[i, j] * w[j, k]) + b[k]
  let turned[k, i] = product[i, k] * (1 + f64(i) - 2 * f64(k))
  let diagonal[j] = s[j, j] * (sum(l: L) s[l, j] * s[j, l])
  let looked[i, k] = table[ids[i], k] * table[ids[i], k] * product[i, k]
  return (sum(k, i) sin(turned[k, i])) + (sum(j) diagonal[j]) + (sum(i, k) looked[i, k])
}

entry loss(x: f64[I, J], w: f64[J, K], b: f64[K], s: f64[J, L], table: f64[J, K], ids: i64[I]) -> (loss: f64) {
  return value(x, w, b, s, table, ids)
}

entry gradient(x: f64[I, J], w: f64[J, K], b: f64[K], s: f64[J, L], table: f64[J, K], ids: i64[I])
    -> (d_x: f64[I, J], d_w: f64[J, K], d_b: f64[K], d_s: f64[J, L], d_table: f64[J, K]) {
  let y = value(x, w, b, s, table, ids)
  return grad(y, x), grad(y, w), grad(y, b), grad(y, s), grad(y, table)
}
