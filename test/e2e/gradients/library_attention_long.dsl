// nn.causal_attention over sequences that fill vectors and leave some over: its kernels never hold the scores.
import nn

axis Batch = 1, Heads = 2, Seq = 33, Head = 9

function mixed(q: f64[Batch, Seq, Heads, Head], k: f64[Batch, Seq, Heads, Head], v: f64[Batch, Seq, Heads, Head])
    -> f64 {
  let y = nn.causal_attention(q, k, v)
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
