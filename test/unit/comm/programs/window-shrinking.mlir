// Blocks of what a window reads begin elsewhere than those of what it makes: 12 in parts, and 10, or 4 strides of 2.
func.func @loss(%x: tensor<2x12xf64, #model.axes<B, H>>, %w: tensor<3xf64, #model.axes<D>>) -> (tensor<2x10xf64, #model.axes<B, I>>, tensor<2x4xf64, #model.axes<B, J>>, tensor<2x11xf64, #model.axes<B, K>>) {
  %y = model.index (b: B = 2, i: I = 10) sum (d: D = 3) ins(%x[b, i + d], %w[d] : tensor<2x12xf64, #model.axes<B, H>>, tensor<3xf64, #model.axes<D>>) {
  ^bb0(%a: f64, %k: f64):
    %0 = arith.mulf %a, %k : f64
    model.yield %0 : f64
  } : tensor<2x10xf64, #model.axes<B, I>>
  %z = model.index (b: B = 2, j: J = 4) sum (d: D = 3) ins(%x[b, 2 * j + 1 + d], %w[d] : tensor<2x12xf64, #model.axes<B, H>>, tensor<3xf64, #model.axes<D>>) {
  ^bb0(%a: f64, %k: f64):
    %0 = arith.mulf %a, %k : f64
    model.yield %0 : f64
  } : tensor<2x4xf64, #model.axes<B, J>>
  // Beyond both ends.
  %u = model.index (b: B = 2, k: K = 11) sum (d: D = 3) ins(%x[b, k + d - 1] outside 7.0 : f64, %w[d] : tensor<2x12xf64, #model.axes<B, H>>, tensor<3xf64, #model.axes<D>>) {
  ^bb0(%a: f64, %k: f64):
    %0 = arith.mulf %a, %k : f64
    model.yield %0 : f64
  } : tensor<2x11xf64, #model.axes<B, K>>
  return %y, %z, %u : tensor<2x10xf64, #model.axes<B, I>>, tensor<2x4xf64, #model.axes<B, J>>, tensor<2x11xf64, #model.axes<B, K>>
}
