// nn.CausalAttention, with its parameters.
import nn
import optim

axis Batch = 2, Seq = 4, Embed = 6, Heads = 2, Head = 3

layer Model(x: f64[Batch, Seq, Embed]) -> f64 {
  layer attention = nn.CausalAttention[Heads, Head]
  let y = attention(20 * x)
  return sum(b, s, e) sin(y[b, s, e] * (1 + f64(e)) + f64(s))
}

layer model = Model

entry loss(x: f64[Batch, Seq, Embed]) -> (loss: f64) {
  return model(x)
}

/// The gradients of the parameters are what a step of size one subtracts.
entry gradient(x: f64[Batch, Seq, Embed]) -> (d_x: f64[Batch, Seq, Embed]) {
  let y = model(x)
  let d = grad(y, x)
  update model with optim.Sgd(grad(y, model), lr: 1)
  return d
}
