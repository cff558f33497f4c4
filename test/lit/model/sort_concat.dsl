// RUN: %cleave ir --stage model %s | %FileCheck %s
axis A = 3, B = 2, Both = A + B, C = 2

entry f(x: f32[A, C], y: f32[B, C]) -> (order: i32[A, C], joined: f32[Both, C]) {
  let order = argsort(x, over: A, descending: true)
  let joined: f32[Both, C] = concat(x, y, over: Both)
  return order, joined
}

// CHECK-LABEL: func.func @f
// CHECK: %[[TURNED:.*]] = model.index (d0: C = 2, d1: A = 3) ins(%arg0[d1, d0]
// CHECK: %[[ORDER:.*]] = model.argsort %[[TURNED]] {descending = true}
// CHECK: model.index (d0: A = 3, d1: C = 2) ins(%[[ORDER]][d1, d0]
// CHECK: model.index (d0: Both = 5, d1: C = 2) ins(%arg0[d0, d1] outside 0.000000e+00 : f32, %arg1[d0 - 3, d1] outside
// CHECK:   arith.cmpi slt
// CHECK:   arith.select
