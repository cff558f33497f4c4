// One branch computes, the other hands an input on.
func.func private @then(%x: tensor<f64>, %z: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  %y = model.index () ins(%x[], %z[] : tensor<f64>, tensor<f64>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.mulf %p, %q : f64
    %1 = math.exp %0 : f64
    model.yield %1 : f64
  } : tensor<f64>
  return %y, %x : tensor<f64>, tensor<f64>
}
func.func private @else(%x: tensor<f64>, %z: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  return %z, %z : tensor<f64>, tensor<f64>
}
func.func @loss(%x: tensor<f64>, %z: tensor<f64>) -> tensor<f64> {
  %c = arith.constant dense<true> : tensor<i1>
  %d = arith.constant dense<false> : tensor<i1>
  %a:2 = model.if %c then @then else @else (%x, %z) : tensor<i1>, (tensor<f64>, tensor<f64>) -> (tensor<f64>, tensor<f64>)
  %b:2 = model.if %d then @then else @else (%a#0, %a#1) : tensor<i1>, (tensor<f64>, tensor<f64>) -> (tensor<f64>, tensor<f64>)
  %loss = model.index () ins(%a#0[], %b#0[] : tensor<f64>, tensor<f64>) {
  ^bb0(%p: f64, %q: f64):
    %0 = arith.mulf %p, %q : f64
    model.yield %0 : f64
  } : tensor<f64>
  return %loss : tensor<f64>
}
