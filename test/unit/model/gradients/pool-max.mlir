func.func @loss(%x: tensor<6x2xf64, #model.axes<H, C>>) -> tensor<f64> {
  %y = model.index (i: I = 4, c: C = 2) max (d: D = 2) ins(%x[i * 2 + d - 1, c] outside 0xFFF0000000000000 : f64 : tensor<6x2xf64, #model.axes<H, C>>) {
  ^bb0(%a: f64):
    model.yield %a : f64
  } : tensor<4x2xf64, #model.axes<I, C>>
  %loss = model.index () sum (d0: I = 4, d1: C = 2) ins(%y[d0, d1] : tensor<4x2xf64, #model.axes<I, C>>) {
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
