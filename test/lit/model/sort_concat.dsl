// RUN: %cleave ir --stage model %s | %FileCheck %s
axis A = 3, B = 2, Both = A + B, C = 2

entry f(x: f32[A, C], y: f32[B, C]) -> (order: i32[A, C], joined: f32[Both, C]) {
  let order = argsort(x, over: A, descending: true)
  let joined: f32[Both, C] = concat(x, y, over: Both)
  return order, joined
}
