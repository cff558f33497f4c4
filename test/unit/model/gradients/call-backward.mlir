// A composite that declares a residual and its own backward.
func.func private @square(%x: tensor<3xf64, #model.axes<I>>, %n: tensor<i64>) -> (tensor<3xf64, #model.axes<I>>, tensor<3xf64, #model.axes<I>>) attributes {model.backward = @square_gradient, model.residuals = 1 : i64} {
  %y = model.index (i: I = 3) ins(%x[i] : tensor<3xf64, #model.axes<I>>) {
  ^bb0(%a: f64):
    %0 = arith.mulf %a, %a : f64
    model.yield %0 : f64
  } : tensor<3xf64, #model.axes<I>>
  %r = model.index (i: I = 3) ins(%x[i] : tensor<3xf64, #model.axes<I>>) {
  ^bb0(%a: f64):
    %0 = arith.addf %a, %a : f64
    model.yield %0 : f64
  } : tensor<3xf64, #model.axes<I>>
  return %y, %r : tensor<3xf64, #model.axes<I>>, tensor<3xf64, #model.axes<I>>
}
func.func private @square_gradient(%x: tensor<3xf64, #model.axes<I>>, %n: tensor<i64>, %y: tensor<3xf64, #model.axes<I>>, %r: tensor<3xf64, #model.axes<I>>, %dy: tensor<3xf64, #model.axes<I>>) -> tensor<3xf64, #model.axes<I>> {
  %dx = model.index (i: I = 3) ins(%r[i], %dy[i] : tensor<3xf64, #model.axes<I>>, tensor<3xf64, #model.axes<I>>) {
  ^bb0(%a: f64, %b: f64):
    %0 = arith.mulf %a, %b : f64
    model.yield %0 : f64
  } : tensor<3xf64, #model.axes<I>>
  return %dx : tensor<3xf64, #model.axes<I>>
}
func.func @loss(%x: tensor<3xf64, #model.axes<I>>) -> tensor<f64> {
  %n = arith.constant dense<0> : tensor<i64>
  %y:2 = model.call @square(%x, %n) : (tensor<3xf64, #model.axes<I>>, tensor<i64>) -> (tensor<3xf64, #model.axes<I>>, tensor<3xf64, #model.axes<I>>)
  %loss = model.index () sum (i: I = 3) ins(%y#0[i] : tensor<3xf64, #model.axes<I>>) {
  ^bb0(%a: f64):
    %0 = math.sin %a : f64
    model.yield %0 : f64
  } : tensor<f64>
  return %loss : tensor<f64>
}
