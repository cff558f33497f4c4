// RUN: %cleave run %s --steps 1 --quiet
// Convolution and pooling against sums written out.
import nn

axis Rows = 6, Columns = 5, In = 1, Out = 1, Taps = 3, Across = 3, HalfRows = 3, HalfColumns = 2, Pool = 2, PoolAcross = 2
axis InnerRows = Rows - 2, InnerColumns = Columns - 2

entry train() -> (done: bool) {
  let x[i: Rows, j: Columns, c: In] = f64(10 * i + j)
  let w[u: Taps, v: Across, c: In, o: Out] = f64(u - v)
  // Stride 1, padded: the corner sees rows -1 to 1 and columns -1 to 1.
  let same = nn.convolve(x, w, rows: Rows, columns: Columns)
  assert(same[0, 0, 0] == x[0, 1, 0] * (1 - 2) + x[1, 0, 0] * (2 - 1) + x[1, 1, 0] * (2 - 2), "padded")
  // Stride 1, no padding: sum of (u - v) (10 u + v) over a window, for a constant shift adds nothing.
  let inner = nn.convolve(x, w, rows: InnerRows, columns: InnerColumns)
  assert(inner[0, 0, 0] == 54 && inner[1, 2, 0] == 54, "no padding")
  let greatest = nn.max_pool(x, window_rows: Pool, window_columns: PoolAcross, rows: HalfRows, columns: HalfColumns)
  assert(greatest[0, 0, 0] == 11 && greatest[1, 1, 0] == 33, "max_pool")
  let means = nn.average_pool(x, window_rows: Pool, window_columns: PoolAcross, rows: HalfRows, columns: HalfColumns)
  assert(means[0, 0, 0] == 5.5 && means[1, 1, 0] == 27.5, "average_pool")
  return true
}
