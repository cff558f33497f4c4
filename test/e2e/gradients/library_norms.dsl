// nn.LayerNorm and nn.RmsNorm, with their parameters.
import nn
import optim

axis Batch = 3, Embed = 5

layer Model(x: f64[Batch, Embed]) -> f64 {
  layer centred = nn.LayerNorm[Embed]
  layer scaled = nn.RmsNorm[Embed]
  let a = centred(x)
  let b = scaled(x)
  return sum(n: Batch, e) sin(a[n, e] + 0.3 * f64(e)) * b[n, e]
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
