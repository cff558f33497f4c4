// Windows with and without strides, over both directions of an image.
import nn
import optim

axis Batch = 4, Rows = 8, Columns = 8, Colours = 2, Classes = 3, Features = 4
axis Window = 3, WindowAcross = Window, Pool = 2, PoolAcross = Pool
axis HalfRows = Rows / 2, HalfColumns = Columns / 2

layer Net(x: f32[Batch, Rows, Columns, Colours]) -> f32[Batch, Classes] {
  layer first = nn.Convolution[Window, WindowAcross, Rows, Columns, Features]
  layer out = nn.Linear[Features, Classes]
  let a = nn.relu(first(x))
  let b = nn.max_pool(a, window_rows: Pool, window_columns: PoolAcross, rows: HalfRows, columns: HalfColumns)
  let pooled[n, f] = mean(i, j) b[n, i, j, f]
  return out(pooled)
}

layer net = Net

entry train(image: f32[Batch, Rows, Columns, Colours], label: i32[Batch]) -> (loss: f32) {
  let logits = net(image)
  let loss = nn.cross_entropy(logits, label)
  update net with optim.Sgd(grad(loss, net), lr: 0.1)
  return loss
}
