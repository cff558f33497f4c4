// RUN: %cleave-opt --model-jitter %s | %FileCheck %s

!t = tensor<4xf64, #model.axes<I>>

// A sum's terms are jittered one by one.
// CHECK-LABEL: func.func @total
// CHECK: model.iter 0
// CHECK: %[[F:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f64
// CHECK: %[[V:.*]] = arith.mulf %{{.*}}, %[[F]] : f64
// CHECK: model.yield %[[V]] : f64
func.func @total(%x: !t) -> tensor<f64> {
  %y = model.index () sum (i: I = 4) ins(%x[i] : !t) {
  ^bb0(%a: f64):
    model.yield %a : f64
  } : tensor<f64>
  return %y : tensor<f64>
}

// What is exact, integers, and what is only moved or chosen do not round.
// CHECK-LABEL: func.func @others
// CHECK-NOT: arith.select
// CHECK: arith.maximumf
// CHECK-NOT: arith.select
func.func @others(%x: !t, %n: tensor<i64>) -> (!t, tensor<i64>, !t) {
  %y = model.index (i: I = 4) ins(%x[i] : !t) {
  ^bb0(%a: f64):
    %0 = arith.addf %a, %a : f64
    model.yield %0 : f64
  } {exact} : !t
  %m = model.index () ins(%n[] : tensor<i64>) {
  ^bb0(%a: i64):
    %0 = arith.addi %a, %a : i64
    model.yield %0 : i64
  } : tensor<i64>
  %z = model.index (i: I = 4) ins(%x[i], %y[i] : !t, !t) {
  ^bb0(%a: f64, %b: f64):
    %0 = arith.maximumf %a, %b : f64
    model.yield %0 : f64
  } : !t
  return %y, %m, %z : !t, tensor<i64>, !t
}
