// Several heads share keys and values, and every key is seen: rows along which the second factor does not vary.
import nn

axis Batch = 2, Groups = 2, Shared = 2, Seq = 17, Keys = 33, Head = 9

function mixed(q: f64[Batch, Groups, Shared, Seq, Head], k: f64[Batch, Groups, Keys, Head],
    v: f64[Batch, Groups, Keys, Head], bias: f64[Seq, Keys]) -> f64 {
  let a[b, g, j, s, t] = (sum(d) q[b, g, j, s, d] * k[b, g, t, d]) / 2 + bias[s, t]
  let p = nn.row_softmax(a)
  let y[b, g, j, s, d] = sum(t) p[b, g, j, s, t] * v[b, g, t, d]
  return sum(b, g, j, s, d) sin(y[b, g, j, s, d] * (1 + f64(d)) + f64(s + j))
}

entry loss(q: f64[Batch, Groups, Shared, Seq, Head], k: f64[Batch, Groups, Keys, Head],
    v: f64[Batch, Groups, Keys, Head], bias: f64[Seq, Keys]) -> (loss: f64) {
  return mixed(q, k, v, bias)
}

entry gradient(q: f64[Batch, Groups, Shared, Seq, Head], k: f64[Batch, Groups, Keys, Head],
    v: f64[Batch, Groups, Keys, Head], bias: f64[Seq, Keys]) -> (d_q: f64[Batch, Groups, Shared, Seq, Head],
    d_k: f64[Batch, Groups, Keys, Head], d_v: f64[Batch, Groups, Keys, Head], d_bias: f64[Seq, Keys]) {
  let y = mixed(q, k, v, bias)
  return grad(y, q, k, v, bias)
}
