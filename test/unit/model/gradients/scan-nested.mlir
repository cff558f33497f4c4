// A scan in a scan: residuals of the inner one are stacked twice.
func.func private @inner(%i: tensor<i64>, %c: tensor<f64>, %h: tensor<f64>, %x: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  %n = model.index () ins(%h[], %x[], %c[] : tensor<f64>, tensor<f64>, tensor<f64>) {
  ^bb0(%p: f64, %q: f64, %r: f64):
    %0 = arith.mulf %p, %q : f64
    %1 = math.sin %0 : f64
    %2 = arith.addf %1, %r : f64
    model.yield %2 : f64
  } : tensor<f64>
  return %n, %n : tensor<f64>, tensor<f64>
}
func.func private @outer(%i: tensor<i64>, %c: tensor<f64>, %h: tensor<f64>, %x: tensor<3xf64, #model.axes<I>>) -> (tensor<f64>, tensor<3xf64, #model.axes<I>>) {
  %r:2 = model.scan @inner count 3 over "I" consts(%c) carries(%h) slices(%x) : (tensor<f64>), (tensor<f64>), (tensor<3xf64, #model.axes<I>>) -> (tensor<f64>, tensor<3xf64, #model.axes<I>>)
  %n = model.index () ins(%h[], %r#0[] : tensor<f64>, tensor<f64>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.mulf %p, %q : f64
    %1 = arith.addf %0, %p : f64
    model.yield %1 : f64
  } : tensor<f64>
  return %n, %r#1 : tensor<f64>, tensor<3xf64, #model.axes<I>>
}
func.func @loss(%c: tensor<f64>, %h: tensor<f64>, %x: tensor<4x3xf64, #model.axes<L, I>>) -> tensor<f64> {
  %r:2 = model.scan @outer count 4 over "L" consts(%c) carries(%h) slices(%x) : (tensor<f64>), (tensor<f64>), (tensor<4x3xf64, #model.axes<L, I>>) -> (tensor<f64>, tensor<4x3xf64, #model.axes<L, I>>)
  %loss = model.index () sum (l: L = 4, i: I = 3) ins(%r#0[], %r#1[l, i] : tensor<f64>, tensor<4x3xf64, #model.axes<L, I>>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.addf %p, %q : f64
    %1 = math.sin %0 : f64
    model.yield %1 : f64
  } : tensor<f64>
  return %loss : tensor<f64>
}
