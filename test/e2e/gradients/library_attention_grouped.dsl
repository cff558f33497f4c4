// nn.attention with queries that share keys, behind a cache of keys, within a window.
import nn

axis Batch = 1, Groups = 2, Shared = 2, Seq = 17, Keys = 33, Head = 9

function mixed(q: f64[Batch, Seq, Groups, Shared, Head], k: f64[Batch, Keys, Groups, Head],
    v: f64[Batch, Keys, Groups, Head]) -> f64 {
  let y = nn.attention(q, k, v, ahead: Keys - Seq, behind: 15)
  let u = nn.attention(q, k, v)
  return sum(b, s, g, j, d) sin((y[b, s, g, j, d] + u[b, s, g, j, d]) * (1 + f64(d)) + f64(s + j))
}

entry loss(q: f64[Batch, Seq, Groups, Shared, Head], k: f64[Batch, Keys, Groups, Head],
    v: f64[Batch, Keys, Groups, Head]) -> (loss: f64) {
  return mixed(q, k, v)
}

entry gradient(q: f64[Batch, Seq, Groups, Shared, Head], k: f64[Batch, Keys, Groups, Head],
    v: f64[Batch, Keys, Groups, Head]) -> (d_q: f64[Batch, Seq, Groups, Shared, Head],
    d_k: f64[Batch, Keys, Groups, Head], d_v: f64[Batch, Keys, Groups, Head]) {
  let y = mixed(q, k, v)
  return grad(y, q, k, v)
}
