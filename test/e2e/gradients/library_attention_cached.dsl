// nn.attention whose bounds are known at run time alone, per batch and for all.
import nn

axis Batch = 2, Seq = 17, Keys = 33, Heads = 1, Head = 9

function mixed(q: f64[Batch, Seq, Heads, Head], k: f64[Batch, Keys, Heads, Head], v: f64[Batch, Keys, Heads, Head],
    filled: i64, length: i64[Batch]) -> f64 {
  let y = nn.attention(q, k, v, ahead: filled + 1)
  let a[b, h, s, t] = (sum(d) q[b, s, h, d] * k[b, t, h, d]) / 3
  let e[b, h, s, t] = where(t <= 9 + length[b], exp(a[b, h, s, t]), 0)
  let u[b, s, h, d] = sum(t) where(t <= 9 + length[b], e[b, h, s, t] * v[b, t, h, d], 0)
  return sum(b, s, h, d) sin((y[b, s, h, d] + u[b, s, h, d]) * (1 + f64(d)) + f64(s))
}

entry loss(q: f64[Batch, Seq, Heads, Head], k: f64[Batch, Keys, Heads, Head], v: f64[Batch, Keys, Heads, Head],
    filled: i64, length: i64[Batch]) -> (loss: f64) {
  return mixed(q, k, v, filled, length)
}

entry gradient(q: f64[Batch, Seq, Heads, Head], k: f64[Batch, Keys, Heads, Head], v: f64[Batch, Keys, Heads, Head],
    filled: i64, length: i64[Batch])
    -> (d_q: f64[Batch, Seq, Heads, Head], d_k: f64[Batch, Keys, Heads, Head], d_v: f64[Batch, Keys, Heads, Head]) {
  let y = mixed(q, k, v, filled, length)
  return grad(y, q, k, v)
}
