// nn: functions of one tensor.
import nn

axis N = 4, K = 5

function weighted(y: f64[N, K]) -> f64 {
  return sum(n, k) y[n, k] * y[n, k] * (1 + 0.3 * f64(k) - 0.2 * f64(n))
}

function value(r: f64[N, K], s: f64[N, K], w: f64[N, K], g: f64[N, K], e: f64[N, K], m: f64[N, K], l: f64[N, K],
               c: f64[N, K]) -> f64 {
  let pointwise = weighted(nn.relu(r)) + weighted(nn.sigmoid(s)) + weighted(nn.silu(w)) + weighted(nn.gelu(2 * g))
  let rows = weighted(nn.softmax(3 * m, over: K)) + weighted(nn.log_softmax(l, over: K)) + weighted(nn.row_softmax(2 * m))
  return pointwise + rows + weighted(nn.gelu_erf(2 * e)) + weighted(nn.softmax(c, over: N))
}

entry loss(r: f64[N, K], s: f64[N, K], w: f64[N, K], g: f64[N, K], e: f64[N, K], m: f64[N, K], l: f64[N, K],
           c: f64[N, K]) -> (loss: f64) {
  return value(r, s, w, g, e, m, l, c)
}

entry gradient(r: f64[N, K], s: f64[N, K], w: f64[N, K], g: f64[N, K], e: f64[N, K], m: f64[N, K], l: f64[N, K],
               c: f64[N, K])
    -> (d_r: f64[N, K], d_s: f64[N, K], d_w: f64[N, K], d_g: f64[N, K], d_e: f64[N, K], d_m: f64[N, K],
        d_l: f64[N, K], d_c: f64[N, K]) {
  let y = value(r, s, w, g, e, m, l, c)
  return grad(y, r), grad(y, s), grad(y, w), grad(y, g), grad(y, e), grad(y, m), grad(y, l), grad(y, c)
}
