// A repeat: parameters are slices, so that their cotangents are backward_weight's.
func.func private @layer(%i: tensor<i64>, %x: tensor<2x3xf64, #model.axes<B, H>>, %w: tensor<3x4xf64, #model.axes<H, F>>, %v: tensor<4x3xf64, #model.axes<F, H>>) -> tensor<2x3xf64, #model.axes<B, H>> {
  %u = model.index (b: B = 2, f: F = 4) sum (h: H = 3) ins(%x[b, h], %w[h, f] : tensor<2x3xf64, #model.axes<B, H>>, tensor<3x4xf64, #model.axes<H, F>>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.mulf %p, %q : f64
    model.yield %0 : f64
  } : tensor<2x4xf64, #model.axes<B, F>>
  %g = model.index (b: B = 2, f: F = 4) ins(%u[b, f] : tensor<2x4xf64, #model.axes<B, F>>) {
  ^bb0(%p: f64):
    %0 = math.tanh %p : f64
    %1 = arith.mulf %0, %p : f64
    model.yield %1 : f64
  } : tensor<2x4xf64, #model.axes<B, F>>
  %d = model.index (b: B = 2, h: H = 3) sum (f: F = 4) ins(%g[b, f], %v[f, h] : tensor<2x4xf64, #model.axes<B, F>>, tensor<4x3xf64, #model.axes<F, H>>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.mulf %p, %q : f64
    model.yield %0 : f64
  } : tensor<2x3xf64, #model.axes<B, H>>
  %y = model.index (b: B = 2, h: H = 3) ins(%x[b, h], %d[b, h] : tensor<2x3xf64, #model.axes<B, H>>, tensor<2x3xf64, #model.axes<B, H>>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.addf %p, %q : f64
    model.yield %0 : f64
  } : tensor<2x3xf64, #model.axes<B, H>>
  return %y : tensor<2x3xf64, #model.axes<B, H>>
}
func.func @loss(%x: tensor<2x3xf64, #model.axes<B, H>>, %w: tensor<5x3x4xf64, #model.axes<L, H, F>>, %v: tensor<5x4x3xf64, #model.axes<L, F, H>>) -> tensor<f64> {
  %y = model.scan @layer count 5 over "L" consts() carries(%x) slices(%w, %v) : (), (tensor<2x3xf64, #model.axes<B, H>>), (tensor<5x3x4xf64, #model.axes<L, H, F>>, tensor<5x4x3xf64, #model.axes<L, F, H>>) -> (tensor<2x3xf64, #model.axes<B, H>>)
  %loss = model.index () sum (b: B = 2, h: H = 3) ins(%y[b, h] : tensor<2x3xf64, #model.axes<B, H>>) {
  ^bb0(%p: f64):
    %0 = math.sin %p : f64
    model.yield %0 : f64
  } : tensor<f64>
  return %loss : tensor<f64>
}
