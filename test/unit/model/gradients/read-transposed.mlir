func.func @loss(%x: tensor<2x3xf64, #model.axes<A, B>>) -> tensor<f64> {
  %y = model.index (i: B = 3, j: A = 2) ins(%x[j, i] : tensor<2x3xf64, #model.axes<A, B>>) {
  ^bb0(%a: f64):
    %0 = arith.mulf %a, %a : f64
    model.yield %0 : f64
  } : tensor<3x2xf64, #model.axes<B, A>>
  %loss = model.index () sum (d0: B = 3, d1: A = 2) ins(%y[d0, d1] : tensor<3x2xf64, #model.axes<B, A>>) {
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
