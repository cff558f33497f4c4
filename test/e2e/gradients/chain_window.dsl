// A product, its rows and another product, differentiated as they stand: a band of keys, heads behind positions, a
// softmax written out. Sizes leave vectors and tiles partly filled.
axis Batch = 1, Seq = 33, Keys = Seq, Heads = 2, Head = 9

function mixed(q: f64[Batch, Seq, Heads, Head], k: f64[Batch, Seq, Heads, Head], v: f64[Batch, Seq, Heads, Head])
    -> f64 {
  let a[b, h, s, t: Keys] = (sum(d) q[b, s, h, d] * k[b, t, h, d]) / 2
  let m[b, h, s] = stop_gradient(max(t) where(t <= s && t > s - 9, a[b, h, s, t], -inf))
  let e[b, h, s, t] = where(t <= s && t > s - 9, exp(a[b, h, s, t] - m[b, h, s]), 0)
  let z[b, h, s] = sum(t) e[b, h, s, t]
  let y[b, s, h, d] = (sum(t) where(t <= s && t > s - 9, e[b, h, s, t] * v[b, t, h, d], 0)) / z[b, h, s]
  return sum(b, s, h, d) sin(y[b, s, h, d] * (1 + f64(d)) + f64(s))
}

entry loss(q: f64[Batch, Seq, Heads, Head], k: f64[Batch, Seq, Heads, Head], v: f64[Batch, Seq, Heads, Head])
    -> (loss: f64) {
  return mixed(q, k, v)
}

entry gradient(q: f64[Batch, Seq, Heads, Head], k: f64[Batch, Seq, Heads, Head], v: f64[Batch, Seq, Heads, Head])
    -> (d_q: f64[Batch, Seq, Heads, Head], d_k: f64[Batch, Seq, Heads, Head], d_v: f64[Batch, Seq, Heads, Head]) {
  let y = mixed(q, k, v)
  return grad(y, q, k, v)
}
