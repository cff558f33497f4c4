// A convolutional net on 32 x 32 colour images, trained with Adam: row `conv` of `./dev bench train-cpu`.
import nn
import optim

axis Batch = 64, Rows = 32, Columns = Rows, Colours = 3, Classes = 10
axis Window = 3, WindowAcross = Window, Pool = 2, PoolAcross = Pool
axis Narrow = 32, Middle = 64, Wide = 128
axis HalfRows = Rows / 2, HalfColumns = HalfRows, QuarterRows = Rows / 4, QuarterColumns = QuarterRows
hyper lr: f64 = 3e-4

data images = npy("images.npy")
data labels = npy("labels.npy")

layer Net(x: f32[Batch, Rows, Columns, Colours]) -> f32[Batch, Classes] {
  layer first = nn.Convolution[Window, WindowAcross, Rows, Columns, Narrow]
  layer second = nn.Convolution[Window, WindowAcross, Rows, Columns, Middle]
  layer third = nn.Convolution[Window, WindowAcross, HalfRows, HalfColumns, Wide]
  param head: f32[QuarterRows, QuarterColumns, Wide, Classes] = normal(std: 0.01)
  param offset: f32[Classes] = 0
  let a = nn.relu(second(nn.relu(first(x))))
  let b = nn.max_pool(a, window_rows: Pool, window_columns: PoolAcross, rows: HalfRows, columns: HalfColumns)
  let c = nn.relu(third(b))
  let d = nn.max_pool(c, window_rows: Pool, window_columns: PoolAcross, rows: QuarterRows, columns: QuarterColumns)
  return y[n, o] = (sum(i, j, f) d[n, i, j, f] * head[i, j, f, o]) + offset[o]
}

layer net = Net

entry train(image: f32[Batch, Rows, Columns, Colours] from images in order, label: i32[Batch] from labels in order)
    -> (loss: f32) {
  let loss = nn.cross_entropy(net(image), label)
  update net with optim.Adam(grad(loss, net), lr: lr)
  return loss
}
