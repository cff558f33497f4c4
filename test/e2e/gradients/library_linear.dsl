// nn.Linear and nn.Projection, with their parameters.
import nn
import optim

axis Batch = 3, In = 4, Hidden = 5, Out = 2

layer Model(x: f64[Batch, In]) -> f64 {
  layer up = nn.Linear[In, Hidden]
  layer down = nn.Projection[Hidden, Out]
  let y = down(sin(up(x)))
  return sum(b, o) sin(y[b, o] * (1 + f64(o)))
}

layer model = Model

entry loss(x: f64[Batch, In]) -> (loss: f64) {
  return model(x)
}

/// The gradients of the parameters are what a step of size one subtracts.
entry gradient(x: f64[Batch, In]) -> (d_x: f64[Batch, In]) {
  let y = model(x)
  let d = grad(y, x)
  update model with optim.Sgd(grad(y, model), lr: 1)
  return d
}
