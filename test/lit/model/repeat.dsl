// RUN: %cleave ir --stage model %s | %FileCheck %s
// A repeat is a scan over stacked parameters; initial values of the layers differ by the leading index.
axis Batch = 2, Width = 4, Layers = 3

layer Block(x: f32[Batch, Width]) -> f32[Batch, Width] {
  param w: f32[Width] = normal(std: 0.5)
  let h[b, e] = x[b, e] * w[e]
  return tanh(h)
}

layer Net(x: f32[Batch, Width]) -> f32[Batch, Width] {
  repeat blocks[Layers] = Block
  return blocks(x)
}

layer net = Net

entry f(x: f32[Batch, Width]) -> (y: f32[Batch, Width]) {
  return net(x)
}
