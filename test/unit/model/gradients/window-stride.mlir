func.func @loss(%x: tensor<2x6x2xf64, #model.axes<B, H, C>>, %w: tensor<2x2x3xf64, #model.axes<D, C, O>>) -> tensor<f64> {
  %y = model.index (b: B = 2, i: I = 3, o: O = 3) sum (d: D = 2, c: C = 2)
       ins(%x[b, i * 2 + d, c], %w[d, c, o] : tensor<2x6x2xf64, #model.axes<B, H, C>>, tensor<2x2x3xf64, #model.axes<D, C, O>>) {
  ^bb0(%a: f64, %k: f64):
    %0 = arith.mulf %a, %k : f64
    model.yield %0 : f64
  } : tensor<2x3x3xf64, #model.axes<B, I, O>>
  %loss = model.index () sum (d0: B = 2, d1: I = 3, d2: O = 3) ins(%y[d0, d1, d2] : tensor<2x3x3xf64, #model.axes<B, I, O>>) {
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
    %i2 = model.iter 2
    %s2 = arith.constant 8 : i64
    %p2 = arith.muli %i2, %s2 : i64
    %q2 = arith.sitofp %p2 : i64 to f64
    %w3 = arith.addf %w2, %q2 : f64
    %0 = arith.mulf %a, %w3 : f64
    %1 = math.sin %0 : f64
    model.yield %1 : f64
  } : tensor<f64>
  return %loss : tensor<f64>
}
