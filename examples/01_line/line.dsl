// 01: a line fitted to noisy points. Try: cleave run examples/01_line/line.dsl --steps 200
//
// Shows: axes, a layer with two parameters, data made in the entry, a loss, its gradient, an update.
import nn
import optim

axis Batch = 64
hyper lr: f64 = 0.1

layer Line(x: f32[Batch]) -> f32[Batch] {
  param slope: f32 = 0
  param offset: f32 = 0
  return slope * x + offset
}

layer line = Line

/// One step on fresh points of the line 3 x + 1, with noise of deviation 0.1. The loss falls to about 0.01.
entry train() -> (loss: f32) {
  let x[b: Batch] = 4 * uniform() - 2
  let y[b: Batch] = 3 * x[b] + 1 + 0.1 * normal()
  let loss = nn.mean_squared_error(line(x), y)
  let g = grad(loss, line)
  update line with optim.Sgd(g, lr: lr)
  return loss
}
