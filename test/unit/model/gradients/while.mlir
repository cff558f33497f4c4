// low: 0.5 high: 1
// Stops before its bound; a turn more would compute log of a negative number.
func.func private @goes(%k: tensor<f64>, %x: tensor<f64>) -> tensor<i1> {
  %c = model.index () ins(%x[] : tensor<f64>) {
  ^bb0(%p: f64):
    %l = arith.constant 1.0 : f64
    %0 = arith.cmpf ogt, %p, %l : f64
    model.yield %0 : i1
  } : tensor<i1>
  return %c : tensor<i1>
}
func.func private @turn(%k: tensor<f64>, %x: tensor<f64>) -> tensor<f64> {
  %y = model.index () ins(%x[], %k[] : tensor<f64>, tensor<f64>) {
  ^bb0(%p: f64, %q: f64):
    %0 = math.log %p : f64
    %1 = arith.mulf %0, %q : f64
    model.yield %1 : f64
  } : tensor<f64>
  return %y : tensor<f64>
}
func.func @loss(%k: tensor<f64>, %x: tensor<f64>) -> tensor<f64> {
  %big = model.index () ins(%x[] : tensor<f64>) {
  ^bb0(%p: f64):
    %l = arith.constant 20.0 : f64
    %0 = arith.mulf %p, %l : f64
    model.yield %0 : f64
  } : tensor<f64>
  %y = model.while @goes do @turn bound 9 consts(%k) carries(%big) : (tensor<f64>), (tensor<f64>) -> (tensor<f64>)
  return %y : tensor<f64>
}
