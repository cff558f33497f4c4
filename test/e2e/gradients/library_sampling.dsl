// nn.top_k and nn.top_p: what stays passes its gradient on, what goes has none.
import nn

axis Batch = 3, Vocab = 9

function kept(x: f64[Batch, Vocab]) -> f64 {
  let a = nn.softmax(nn.top_k(x, 4), over: Vocab)
  let b = nn.softmax(nn.top_p(3 * x, 0.8), over: Vocab)
  return sum(n: Batch, v) (a[n, v] * sin(f64(v)) + b[n, v] * cos(2 * f64(v)))
}

entry loss(x: f64[Batch, Vocab]) -> (loss: f64) {
  return kept(x)
}

entry gradient(x: f64[Batch, Vocab]) -> (d_x: f64[Batch, Vocab]) {
  return grad(kept(x), x)
}
