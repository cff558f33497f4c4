// 03: a small convolutional net that tells the direction of stripes.
// Try: cleave run examples/03_conv/conv.dsl --steps 200
//
// Shows: affine windows (in the library's convolution and pooling), dropout, a training flag.
import nn
import optim

axis Batch = 64, Rows = 16, Columns = 16, Colours = 1, Classes = 4
axis Window = 3, WindowAcross = Window, Pool = 2, PoolAcross = Pool
axis Features = 8, HalfRows = Rows / 2, HalfColumns = Columns / 2
axis MoreFeatures = 16, QuarterRows = Rows / 4, QuarterColumns = Columns / 4
hyper lr: f64 = 3e-3

layer Net(x: f32[Batch, Rows, Columns, Colours], training: bool) -> f32[Batch, Classes] {
  layer first = nn.Convolution[Window, WindowAcross, Rows, Columns, Features]
  layer second = nn.Convolution[Window, WindowAcross, HalfRows, HalfColumns, MoreFeatures]
  layer out = nn.Linear[MoreFeatures, Classes]
  let a = nn.relu(first(x))
  let b = nn.max_pool(a, window_rows: Pool, window_columns: PoolAcross, rows: HalfRows, columns: HalfColumns)
  let c = nn.relu(second(b))
  let d = nn.average_pool(c, window_rows: Pool, window_columns: PoolAcross, rows: QuarterRows, columns: QuarterColumns)
  let pooled[n, f] = mean(i, j) d[n, i, j, f]
  return out(nn.dropout(pooled, rate: 0.1, training: training))
}

layer net = Net

/// Striped images: the class is the direction (0, 45, 90 or 135 degrees); the phase is random, and so is the noise.
function stripes() -> (f32[Batch, Rows, Columns, Colours], i32[Batch]) {
  let label[n: Batch] = i32(n % Classes)
  let phase[n: Batch] = 6.2832 * uniform()
  let angle[n] = 0.7854 * f32(label[n])
  let image[n, i: Rows, j: Columns, c: Colours] =
      sin(1.5 * (cos(angle[n]) * f32(i) + sin(angle[n]) * f32(j)) + phase[n]) + 0.3 * normal()
  return image, label
}

/// One step of Adam. The loss starts near 1.4 and falls below 0.2.
entry train() -> (loss: f32) {
  let (image, label) = stripes()
  let loss = nn.cross_entropy(net(image, training: true), label)
  let g = grad(loss, net)
  update net with optim.Adam(g, lr: lr)
  return loss
}

/// Share of fresh images whose direction is found.
entry eval() -> (accuracy: f32) {
  let (image, label) = stripes()
  let logits = net(image, training: false)
  let guess[n] = i32(argmax(c) logits[n, c])
  let accuracy: f32 = mean(n) where(guess[n] == label[n], 1.0, 0.0)
  return accuracy
}
