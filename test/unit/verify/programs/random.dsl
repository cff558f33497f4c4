// Everything that is drawn: initial values, masks and noise in a repeat, in a scan and in an entry.
import nn
import optim

axis Batch = 8, Seq = 6, Embed = 4, Hidden = 6, Layers = 4, Steps = 3

layer Block(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  param up: f32[Embed, Hidden] = normal(std: 0.5)
  param down: f32[Hidden, Embed] = uniform(low: -0.1, high: 0.1)
  let ones[b: Batch, s: Seq, h: Hidden] = 1.0
  let mask = nn.dropout(ones, rate: 0.25, training: true)
  let noise[b: Batch, s: Seq, h: Hidden] = normal()
  let wide[b, s, h] = mask[b, s, h] * tanh(sum(e) x[b, s, e] * up[e, h]) + 0.1 * noise[b, s, h]
  let (last, drawn) = scan t over Steps carry (v = x) {
    let kept[b: Batch, s: Seq, e: Embed] = where(uniform() < 0.5, 1.0, 0.0)
    next v = v * kept
    yield kept
  }
  let once[b] = mean(t, s, e) drawn[t, b, s, e]
  return y[b, s, e] = x[b, s, e] + once[b] * (sum(h) wide[b, s, h] * down[h, e]) + 0.0 * last[b, s, e]
}

layer Net(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  param table: f32[Seq, Embed] = normal(mean: 1, std: 0.02)
  repeat blocks[Layers] = Block
  let start[b, s, e] = x[b, s, e] + table[s, e]
  return blocks(start)
}

layer net = Net

entry train(target: f32[Batch, Seq, Embed]) -> (loss: f32) {
  let x[b: Batch, s: Seq, e: Embed] = uniform()
  let y = net(x)
  let loss = mean(b, s, e) (y[b, s, e] - target[b, s, e]) * (y[b, s, e] - target[b, s, e])
  update net with optim.Sgd(grad(loss, net), lr: 0.1)
  return loss
}

plan data on mesh(dp: 4) {
  shard Batch over dp
}
plan tensor on mesh(tp: 3) {
  shard Hidden over tp
  shard Seq over tp
}
plan both on mesh(dp: 2, tp: 2) {
  shard Batch over dp
  shard Embed, Hidden over tp
  store params, gradients, optimizer over dp
}
plan uneven on mesh(dp: 3, tp: 2) {
  shard Batch over dp
  shard Seq, Hidden over tp
  remainder uneven
}
plan pad on mesh(dp: 3, sp: 2) {
  shard Batch, Hidden over dp
  shard Seq over sp
  remainder pad
}
plan parts on mesh(dp: 8) {
  shard Batch over dp[1:4]
  shard Hidden over dp[4:2]
}
plan layers on mesh(dp: 2, tp: 2) {
  shard Batch over dp
  shard Hidden over tp
  layout net.blocks[2].up: [Embed/tp, Hidden]
  recompute net.blocks[1..3]
}
plan micro on mesh(dp: 2) {
  shard Batch over dp
  accumulate 2 of Batch
  recompute net.blocks[*]
}
