// integers: 4
func.func @loss(%x: tensor<3x2xf64, #model.axes<V, E>>, %u: tensor<5x2xf64, #model.axes<S, E>>, %i: tensor<5xi32, #model.axes<S>>) -> tensor<f64> {
  %y = model.scatter min %u into %x at (%i) affine_map<(s, e)[k] -> (k, e)> [affine_map<(s, e) -> (s)>] : tensor<5x2xf64, #model.axes<S, E>>, (tensor<5xi32, #model.axes<S>>) -> tensor<3x2xf64, #model.axes<V, E>>
  %loss = model.index () sum (d0: V = 3, d1: E = 2) ins(%y[d0, d1] : tensor<3x2xf64, #model.axes<V, E>>) {
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
