// Statistics over the batch, transpositions, slices, concatenation, and sizes that nothing divides.
import optim

axis Batch = 7, Rows = 5, Columns = 6, Both = Columns + Rows, Half = Columns / 2

layer Net(x: f32[Batch, Rows, Columns]) -> f32[Batch, Both] {
  param scale: f32[Columns] = normal(std: 0.5)
  param mixed: f32[Both, Columns] = normal(std: 0.5)
  param tail: f32[Half] = normal(std: 0.5)
  let centre[r, c] = mean(b) x[b, r, c]
  let spread[r, c] = mean(b) (x[b, r, c] - centre[r, c]) * (x[b, r, c] - centre[r, c])
  let unit[b, r, c] = (x[b, r, c] - centre[r, c]) / sqrt(spread[r, c] + 0.1) * scale[c]
  let turned[c, b, r] = unit[b, r, c]
  let least[b, c] = min(r) turned[c, b, r]
  let along[b, r] = sum(c) unit[b, r, c] * least[b, c]
  let joined: f32[Batch, Both] = concat(least, along, over: Both)
  let low[b, h: Half] = least[b, h + 0] * tail[h] + least[b, h + Half]
  let weighed[b, k] = sum(c) joined[b, k] * mixed[k, c] * least[b, c]
  let norm[b] = sum(h) low[b, h] * low[b, h]
  let out[b, k] = weighed[b, k] / (1.0 + norm[b])
  return out
}

layer net = Net

entry train(x: f32[Batch, Rows, Columns]) -> (loss: f32) {
  let y = net(x)
  let loss = mean(b, k) y[b, k] * y[b, k]
  update net with optim.Sgd(grad(loss, net), lr: 0.1)
  return loss
}
