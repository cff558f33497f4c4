// In reverse. Weights as consts, inputs as slices, a carry that backward reads, stacked results.
func.func private @cell(%i: tensor<i64>, %w: tensor<2x3xf64, #model.axes<In, H>>, %h: tensor<3xf64, #model.axes<H>>, %x: tensor<2xf64, #model.axes<In>>) -> (tensor<3xf64, #model.axes<H>>, tensor<3xf64, #model.axes<H>>) {
  %a = model.index (j: H = 3) sum (k: In = 2) ins(%x[k], %w[k, j] : tensor<2xf64, #model.axes<In>>, tensor<2x3xf64, #model.axes<In, H>>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.mulf %p, %q : f64
    model.yield %0 : f64
  } : tensor<3xf64, #model.axes<H>>
  %n = model.index (j: H = 3) ins(%a[j], %h[j] : tensor<3xf64, #model.axes<H>>, tensor<3xf64, #model.axes<H>>) {
  ^bb0(%p: f64, %q: f64):
    %s = arith.mulf %q, %q : f64
    %0 = arith.addf %p, %s : f64
    %1 = math.tanh %0 : f64
    model.yield %1 : f64
  } : tensor<3xf64, #model.axes<H>>
  %o = model.index (j: H = 3) ins(%n[j], %h[j] : tensor<3xf64, #model.axes<H>>, tensor<3xf64, #model.axes<H>>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.mulf %p, %q : f64
    model.yield %0 : f64
  } : tensor<3xf64, #model.axes<H>>
  return %n, %o : tensor<3xf64, #model.axes<H>>, tensor<3xf64, #model.axes<H>>
}
func.func @loss(%w: tensor<2x3xf64, #model.axes<In, H>>, %h: tensor<3xf64, #model.axes<H>>, %x: tensor<4x2xf64, #model.axes<Time, In>>) -> tensor<f64> {
  %r:2 = model.scan @cell count 4 over "Time" reverse consts(%w) carries(%h) slices(%x) : (tensor<2x3xf64, #model.axes<In, H>>), (tensor<3xf64, #model.axes<H>>), (tensor<4x2xf64, #model.axes<Time, In>>) -> (tensor<3xf64, #model.axes<H>>, tensor<4x3xf64, #model.axes<Time, H>>)
  %loss = model.index () sum (t: Time = 4, j: H = 3) ins(%r#0[j], %r#1[t, j] : tensor<3xf64, #model.axes<H>>, tensor<4x3xf64, #model.axes<Time, H>>) {
  ^bb0(%p: f64, %q: f64):
    %t = model.iter 0
    %f = arith.sitofp %t : i64 to f64
    %0 = arith.mulf %p, %q : f64
    %1 = arith.addf %0, %q : f64
    %2 = arith.mulf %1, %f : f64
    %3 = math.sin %2 : f64
    model.yield %3 : f64
  } : tensor<f64>
  return %loss : tensor<f64>
}
