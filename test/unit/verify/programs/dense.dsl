// Products, a loss over classes and Adam.
import nn
import optim

axis Batch = 8, In = 4, Hidden = 8, Classes = 4

layer Net(x: f32[Batch, In]) -> f32[Batch, Classes] {
  layer up = nn.Linear[In, Hidden]
  layer down = nn.Linear[Hidden, Classes]
  let h = nn.gelu(up(x))
  return down(h)
}

layer net = Net

entry train(x: f32[Batch, In], label: i32[Batch]) -> (loss: f32) {
  let logits = net(x)
  let loss = nn.cross_entropy(logits, label)
  let g = optim.clip_by_global_norm(grad(loss, net), 1.0)
  update net with optim.AdamW(g, lr: 0.01)
  return loss
}
