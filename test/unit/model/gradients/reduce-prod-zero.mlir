func.func @loss(%x: tensor<3x4xf64, #model.axes<I, J>>) -> tensor<f64> {
  %z = model.index (i: I = 3, j: J = 4) ins(%x[i, j] : tensor<3x4xf64, #model.axes<I, J>>) {
  ^bb0(%a: f64):
    %j = model.iter 1
    %one = arith.constant 1 : i64
    %first = arith.cmpi eq, %j, %one : i64
    %i = model.iter 0
    %second = arith.cmpi eq, %i, %one : i64
    %both = arith.andi %first, %second : i1
    %zero = arith.constant 0.0 : f64
    %0 = arith.select %both, %zero, %a : f64
    model.yield %0 : f64
  } : tensor<3x4xf64, #model.axes<I, J>>
  %y = model.index (i: I = 3) prod (j: J = 4) ins(%z[i, j] : tensor<3x4xf64, #model.axes<I, J>>) {
  ^bb0(%a: f64):
    model.yield %a : f64
  } : tensor<3xf64, #model.axes<I>>
  %loss = model.index () sum (d0: I = 3) ins(%y[d0] : tensor<3xf64, #model.axes<I>>) {
  ^bb0(%a: f64):
    %w0 = arith.constant 1.0 : f64
    %i0 = model.iter 0
    %s0 = arith.constant 2 : i64
    %p0 = arith.muli %i0, %s0 : i64
    %q0 = arith.sitofp %p0 : i64 to f64
    %w1 = arith.addf %w0, %q0 : f64
    %0 = arith.mulf %a, %w1 : f64
    %1 = math.sin %0 : f64
    model.yield %1 : f64
  } : tensor<f64>
  return %loss : tensor<f64>
}
