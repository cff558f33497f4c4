// 02: a classifier of two spirals. Try: cleave run examples/02_mlp/mlp.dsl --steps 500
//
// Shows: layers of layers, the standard library, integer labels, a second entry that evaluates.
import nn
import optim

axis Batch = 256, Plane = 2, Hidden = 64, Classes = 2
hyper lr: f64 = 3e-3

layer Mlp(x: f32[Batch, Plane]) -> f32[Batch, Classes] {
  layer first = nn.Linear[Plane, Hidden]
  layer second = nn.Linear[Hidden, Hidden]
  layer third = nn.Linear[Hidden, Classes]
  return third(nn.relu(second(nn.relu(first(x)))))
}

layer mlp = Mlp

/// Points on two interleaved spirals; even points belong to one, odd ones to the other.
function spirals(noise: f32) -> (f32[Batch, Plane], i32[Batch]) {
  let label[b: Batch] = i32(b % 2)
  let radius[b: Batch] = 0.1 + 0.9 * uniform()
  let turn[b] = 6.2832 * radius[b] + 3.1416 * f32(label[b])
  let x[b, c: Plane] = radius[b] * where(c == 0, cos(turn[b]), sin(turn[b])) + noise * normal()
  return x, label
}

/// One step of Adam. The loss starts near 0.7 and falls below 0.1.
entry train() -> (loss: f32) {
  let (x, label) = spirals(0.02)
  let loss = nn.cross_entropy(mlp(x), label)
  let g = grad(loss, mlp)
  update mlp with optim.Adam(g, lr: lr)
  return loss
}

/// Share of fresh points whose class is found.
entry eval() -> (accuracy: f32) {
  let (x, label) = spirals(0.02)
  let logits = mlp(x)
  let guess[b] = i32(argmax(c) logits[b, c])
  let accuracy = mean(b) where(guess[b] == label[b], 1.0, 0.0)
  return f32(accuracy)
}
