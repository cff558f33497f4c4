// low: 0.5 high: 2
func.func @loss(%x: tensor<3x4xf64, #model.axes<I, J>>, %z: tensor<4xf64, #model.axes<J>>) -> tensor<f64> {
  %y = model.index (i: I = 3, j: J = 4) ins(%x[i, j], %z[j] : tensor<3x4xf64, #model.axes<I, J>>, tensor<4xf64, #model.axes<J>>) {
  ^bb0(%a: f64, %b: f64):
    %r = math.powf %a, %b : f64
    model.yield %r : f64
  } : tensor<3x4xf64, #model.axes<I, J>>
  %loss = model.index () sum (d0: I = 3, d1: J = 4) ins(%y[d0, d1] : tensor<3x4xf64, #model.axes<I, J>>) {
  ^bb0(%a: f64):
    %w0 = arith.constant 1.0 : f64
    %i0 = model.iter 0
    %s0 = arith.constant 2 : i64
    %p0 = arith.muli %i0, %s0 : i64
    %q0 = arith.sitofp %p0 : i64 to f64
    %w1 = arith.addf %w0, %q0 : f64
    %i1 = model.iter 1
    %s1 = arith.constant 5 : i64
    %p1 = arith.muli %i1, %s1 : i64
    %q1 = arith.sitofp %p1 : i64 to f64
    %w2 = arith.addf %w1, %q1 : f64
    %0 = arith.mulf %a, %w2 : f64
    %1 = math.sin %0 : f64
    model.yield %1 : f64
  } : tensor<f64>
  return %loss : tensor<f64>
}
