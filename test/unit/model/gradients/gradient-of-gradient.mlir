// The loss contains a gradient through a convolution and a scan.
func.func private @step(%i: tensor<i64>, %w: tensor<3xf64, #model.axes<D>>, %x: tensor<5xf64, #model.axes<I>>) -> tensor<5xf64, #model.axes<I>> {
  %y = model.index (i: I = 5) sum (d: D = 3) ins(%x[i + d - 1] outside 0.0 : f64, %w[d] : tensor<5xf64, #model.axes<I>>, tensor<3xf64, #model.axes<D>>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.mulf %p, %q : f64
    model.yield %0 : f64
  } : tensor<5xf64, #model.axes<I>>
  %z = model.index (i: I = 5) ins(%y[i] : tensor<5xf64, #model.axes<I>>) {
  ^bb0(%p: f64):
    %0 = math.tanh %p : f64
    model.yield %0 : f64
  } : tensor<5xf64, #model.axes<I>>
  return %z : tensor<5xf64, #model.axes<I>>
}
func.func @loss(%w: tensor<3xf64, #model.axes<D>>, %x: tensor<5xf64, #model.axes<I>>) -> tensor<f64> {
  %y = model.scan @step count 3 over "L" consts(%w) carries(%x) slices() : (tensor<3xf64, #model.axes<D>>), (tensor<5xf64, #model.axes<I>>), () -> (tensor<5xf64, #model.axes<I>>)
  %first = model.index () sum (i: I = 5) ins(%y[i] : tensor<5xf64, #model.axes<I>>) {
  ^bb0(%p: f64):
    %0 = arith.mulf %p, %p : f64
    model.yield %0 : f64
  } : tensor<f64>
  %g:2 = model.gradient %first wrt (%w, %x) : tensor<f64>, (tensor<3xf64, #model.axes<D>>, tensor<5xf64, #model.axes<I>>) -> (tensor<3xf64, #model.axes<D>>, tensor<5xf64, #model.axes<I>>)
  %loss = model.index () sum (i: I = 5, d: D = 3) ins(%g#0[d], %g#1[i] : tensor<3xf64, #model.axes<D>>, tensor<5xf64, #model.axes<I>>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.mulf %p, %q : f64
    %1 = math.sin %0 : f64
    model.yield %1 : f64
  } : tensor<f64>
  return %loss : tensor<f64>
}
