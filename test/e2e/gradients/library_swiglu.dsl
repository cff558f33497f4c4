// nn.SwiGlu, with its parameters.
import nn
import optim

axis Batch = 3, Embed = 5, Hidden = 7

layer Model(x: f64[Batch, Embed]) -> f64 {
  layer mlp = nn.SwiGlu[Hidden]
  let y = mlp(10 * x)
  return sum(b, e) sin(y[b, e] * (1 + f64(e)) + f64(b))
}

layer model = Model

entry loss(x: f64[Batch, Embed]) -> (loss: f64) {
  return model(x)
}

/// The gradients of the parameters are what a step of size one subtracts.
entry gradient(x: f64[Batch, Embed]) -> (d_x: f64[Batch, Embed]) {
  let y = model(x)
  let d = grad(y, x)
  update model with optim.Sgd(grad(y, model), lr: 1)
  return d
}
