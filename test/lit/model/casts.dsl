// RUN: %cleave ir --stage model %s | %FileCheck %s
// Signedness is the front end's: u8 is extended with zeros, i8 with its sign; floats saturate.
axis N = 4

entry f(u: u8[N], i: i8[N], x: f32[N]) -> (a: f32[N], b: i32[N], c: u8[N], d: bool[N]) {
  return f32(u), i32(i), u8(x), x != 0
}

// CHECK-LABEL: func.func @f
// CHECK-SAME: %arg0: tensor<4xi8, #model.axes<N>> {model.input = "u", model.type = "u8"}
// CHECK-SAME: %arg1: tensor<4xi8, #model.axes<N>> {model.input = "i", model.type = "i8"}
// CHECK-SAME: {model.output = "c", model.type = "u8"}
// CHECK: arith.uitofp
// CHECK: arith.extsi
// CHECK: arith.fptoui
// CHECK-COUNT-3: arith.select
// CHECK: arith.cmpf une
