// Sort, scatter and concatenation.
axis N = 6, V = 5, E = 2, M = 4, Both = N + M

function value(x: f64[N], u: f64[N, E], r: f64[V, E], y: f64[M], ids: i32[N]) -> f64 {
  let order = argsort(x, over: N, descending: true)
  let sorted[n] = x[order[n]]
  let ranked = sum(n) sorted[n] * sorted[n] * (1 + f64(n))
  let added[v: V, e] = scatter sum(n) u[n, e] at v = ids[n]
  let onto[v: V, e] = scatter sum(n) u[n, e] * u[n, e] at v = ids[n] into r
  let joined: f64[Both] = concat(x, y, over: Both)
  return ranked + (sum(v, e) added[v, e] * sin(onto[v, e])) + (sum(z) joined[z] * joined[z] * f64(z))
}

entry loss(x: f64[N], u: f64[N, E], r: f64[V, E], y: f64[M], ids: i32[N]) -> (loss: f64) {
  return value(x, u, r, y, ids)
}

entry gradient(x: f64[N], u: f64[N, E], r: f64[V, E], y: f64[M], ids: i32[N])
    -> (d_x: f64[N], d_u: f64[N, E], d_r: f64[V, E], d_y: f64[M]) {
  let l = value(x, u, r, y, ids)
  return grad(l, x), grad(l, u), grad(l, r), grad(l, y)
}
