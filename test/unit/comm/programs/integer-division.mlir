// What lies in padding divides nothing.
func.func @loss(%x: tensor<5xf64, #model.axes<I>>, %y: tensor<7xf64, #model.axes<J>>) -> (tensor<5xi64, #model.axes<I>>, tensor<5xi64, #model.axes<I>>) {
  %n = model.index (i: I = 5) ins(%x[i] : tensor<5xf64, #model.axes<I>>) {
  ^bb0(%a: f64):
    %c = math.ceil %a : f64
    %k = arith.fptosi %c : f64 to i64
    model.yield %k : i64
  } : tensor<5xi64, #model.axes<I>>
  %m = model.index (j: J = 7) ins(%y[j] : tensor<7xf64, #model.axes<J>>) {
  ^bb0(%a: f64):
    %c = math.ceil %a : f64
    %k = arith.fptosi %c : f64 to i64
    model.yield %k : i64
  } : tensor<7xi64, #model.axes<J>>
  %q = model.index (i: I = 5) ins(%n[i] : tensor<5xi64, #model.axes<I>>) {
  ^bb0(%a: i64):
    %k = arith.constant 100 : i64
    %0 = arith.divsi %k, %a : i64
    %1 = arith.remsi %0, %a : i64
    model.yield %1 : i64
  } : tensor<5xi64, #model.axes<I>>
  %s = model.index (i: I = 5) sum (j: J = 7) ins(%n[i], %m[j] : tensor<5xi64, #model.axes<I>>, tensor<7xi64, #model.axes<J>>) {
  ^bb0(%a: i64, %b: i64):
    %k = arith.constant 100 : i64
    %0 = arith.muli %a, %b : i64
    %1 = arith.divsi %k, %0 : i64
    model.yield %1 : i64
  } : tensor<5xi64, #model.axes<I>>
  return %q, %s : tensor<5xi64, #model.axes<I>>, tensor<5xi64, #model.axes<I>>
}
