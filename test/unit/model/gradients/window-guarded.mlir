// low: 2 high: 3
func.func @loss(%x: tensor<4xf64, #model.axes<H>>, %z: tensor<3x4xf64, #model.axes<D, I>>) -> tensor<f64> {
  %y = model.index (i: I = 4) sum (d: D = 3) ins(%x[i + d - 1] outside 1.0 : f64, %z[d, i] : tensor<4xf64, #model.axes<H>>, tensor<3x4xf64, #model.axes<D, I>>) {
  ^bb0(%a: f64, %b: f64):
    %0 = math.log %b : f64
    %1 = arith.divf %a, %0 : f64
    %2 = arith.mulf %1, %a : f64
    model.yield %2 : f64
  } : tensor<4xf64, #model.axes<I>>
  %loss = model.index () sum (d0: I = 4) ins(%y[d0] : tensor<4xf64, #model.axes<I>>) {
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
