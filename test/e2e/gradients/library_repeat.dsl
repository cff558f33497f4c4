// A repeat of layers, whose parameters are one stack, and dropout.
import nn
import optim

axis Batch = 3, Embed = 4, Inner = Embed, Layers = 3

layer Block(x: f64[Batch, Embed]) -> f64[Batch, Embed] {
  layer inner = nn.Linear[Embed, Inner]
  let y[b, e: Embed] = inner(x)[b, e]
  return x + nn.dropout(sin(y), rate: 0.25, training: true)
}

layer Model(x: f64[Batch, Embed]) -> f64 {
  repeat blocks[Layers] = Block
  let y = blocks(x)
  return sum(b, e) y[b, e] * sin(y[b, e])
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
