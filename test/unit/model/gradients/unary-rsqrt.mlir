// low: 0.5 high: 2
func.func @loss(%x: tensor<5xf64, #model.axes<I>>) -> tensor<f64> {
  %y = model.index (i: I = 5) ins(%x[i] : tensor<5xf64, #model.axes<I>>) {
  ^bb0(%a: f64):
    %r = math.rsqrt %a : f64
    model.yield %r : f64
  } : tensor<5xf64, #model.axes<I>>
  %loss = model.index () sum (d0: I = 5) ins(%y[d0] : tensor<5xf64, #model.axes<I>>) {
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
