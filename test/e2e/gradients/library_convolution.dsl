// nn.Convolution and the poolings, with padding and strides.
import nn
import optim

axis Batch = 2, Rows = 6, Columns = 8, Colours = 2, Window = 3, Across = Window, Features = 3, HalfRows = Rows / 2, HalfColumns = Columns / 2, Pool = 2, PoolAcross = Pool, Quarter = HalfRows / 3, QuarterColumns = HalfColumns / 2, Three = 3

layer Model(x: f64[Batch, Rows, Columns, Colours]) -> f64 {
  layer same = nn.Convolution[Window, Across, Rows, Columns, Features]
  layer strided = nn.Convolution[Window, Across, HalfRows, HalfColumns, Features]
  let a = nn.max_pool(same(x), window_rows: Pool, window_columns: PoolAcross, rows: HalfRows, columns: HalfColumns)
  let b = nn.average_pool(a, window_rows: Three, window_columns: PoolAcross, rows: Quarter, columns: QuarterColumns)
  let c = strided(x)
  return (sum(n, i, j, f) sin(b[n, i, j, f])) + (sum(n, i, j, f) c[n, i, j, f] * sin(c[n, i, j, f]))
}

layer model = Model

entry loss(x: f64[Batch, Rows, Columns, Colours]) -> (loss: f64) {
  return model(x)
}

/// The gradients of the parameters are what a step of size one subtracts.
entry gradient(x: f64[Batch, Rows, Columns, Colours]) -> (d_x: f64[Batch, Rows, Columns, Colours]) {
  let y = model(x)
  let d = grad(y, x)
  update model with optim.Sgd(grad(y, model), lr: 1)
  return d
}
