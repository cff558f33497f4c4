// Convolution and pooling by affine windows, channels last.
//
// Stride and padding follow from the sizes, per spatial axis: the stride is Rows / OutRows (rounded down), and the
// padding before the first element is half of what is missing, max(0, (OutRows - 1) * stride + Window - Rows) / 2
// (rounded down); the rest is behind the last. So OutRows = Rows gives stride 1 and "same" padding, OutRows = Rows / 2
// with a window of 2 gives stride 2 and none, and OutRows = Rows - Window + 1 gives stride 1 and no padding as long as
// it is more than half of Rows.

/// Cross-correlation with learnt windows over two spatial axes.
///
/// Shapes: x [...L, Rows, Columns, In], w [WindowRows, WindowColumns, In, Out] -> [...L, OutRows, OutColumns, Out].
/// Formula: y[i, j, o] = sum(u, v, c) x[i * stride + u - pad, j * stride + v - pad, c] * w[u, v, c, o]; zero outside x.
/// Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 2.
function convolve[T: float, Rows, Columns, In, WindowRows, WindowColumns, Out, OutRows, OutColumns, ...L](
    x: T[...L, Rows, Columns, In], w: T[WindowRows, WindowColumns, In, Out], rows: axis OutRows,
    columns: axis OutColumns) -> T[...L, OutRows, OutColumns, Out] {
  return y[...l, i: OutRows, j: OutColumns, o] = sum(u: WindowRows, v: WindowColumns, c: In)
      (x[...l, i * (Rows / OutRows) + u - maximum(0, (OutRows - 1) * (Rows / OutRows) + WindowRows - Rows) / 2,
        j * (Columns / OutColumns) + v
          - maximum(0, (OutColumns - 1) * (Columns / OutColumns) + WindowColumns - Columns) / 2,
        c] outside 0) * w[u, v, c, o]
}

/// `convolve` with its windows and an offset as parameters.
///
/// Shapes: x [...L, Rows, Columns, In] -> [...L, OutRows, OutColumns, Out]; parameters
/// w [WindowRows, WindowColumns, In, Out], b [Out].
/// Initial values: w normal with deviation sqrt(2 / (WindowRows * WindowColumns * In)), b zero.
/// Source: He et al., "Delving deep into rectifiers", ICCV 2015, section 2.2 (the deviation).
layer Convolution[T: float, WindowRows, WindowColumns, OutRows, OutColumns, Out, Rows, Columns, In, ...L](
    x: T[...L, Rows, Columns, In]) -> T[...L, OutRows, OutColumns, Out] {
  param w: T.wide[WindowRows, WindowColumns, In, Out] = normal(std: sqrt(2 / (WindowRows * WindowColumns * In)))
  param b: T.wide[Out] = 0
  let y = convolve(x, T(w), rows: OutRows, columns: OutColumns)
  return z[...l, i, j, o] = y[...l, i, j, o] + T(b[o])
}

/// The greatest value of each window.
///
/// Shapes: x [...L, Rows, Columns, C] -> [...L, OutRows, OutColumns, C]. Elements outside x are never the greatest.
/// Source: Goodfellow et al., "Deep learning", 2016, section 9.3.
function max_pool[T: float, Rows, Columns, C, WindowRows, WindowColumns, OutRows, OutColumns, ...L](
    x: T[...L, Rows, Columns, C], window_rows: axis WindowRows, window_columns: axis WindowColumns, rows: axis OutRows,
    columns: axis OutColumns) -> T[...L, OutRows, OutColumns, C] {
  return y[...l, i: OutRows, j: OutColumns, c] = max(u: WindowRows, v: WindowColumns)
      (x[...l, i * (Rows / OutRows) + u - maximum(0, (OutRows - 1) * (Rows / OutRows) + WindowRows - Rows) / 2,
        j * (Columns / OutColumns) + v
          - maximum(0, (OutColumns - 1) * (Columns / OutColumns) + WindowColumns - Columns) / 2, c] outside -inf)
}

/// The mean of each window; elements outside x count as zeros.
///
/// Shapes: x [...L, Rows, Columns, C] -> [...L, OutRows, OutColumns, C].
/// Source: Goodfellow et al., "Deep learning", 2016, section 9.3.
function average_pool[T: float, Rows, Columns, C, WindowRows, WindowColumns, OutRows, OutColumns, ...L](
    x: T[...L, Rows, Columns, C], window_rows: axis WindowRows, window_columns: axis WindowColumns, rows: axis OutRows,
    columns: axis OutColumns) -> T[...L, OutRows, OutColumns, C] {
  return y[...l, i: OutRows, j: OutColumns, c] = mean(u: WindowRows, v: WindowColumns)
      (x[...l, i * (Rows / OutRows) + u - maximum(0, (OutRows - 1) * (Rows / OutRows) + WindowRows - Rows) / 2,
        j * (Columns / OutColumns) + v
          - maximum(0, (OutColumns - 1) * (Columns / OutColumns) + WindowColumns - Columns) / 2, c] outside 0)
}
