// RUN: %cleave ir --stage model %s | %FileCheck %s
// Windows are affine maps; what lies outside has a value.
axis Rows = 8, Window = 3, Half = Rows / 2

entry f(x: f32[Rows], w: f32[Window]) -> (y: f32[Half], z: f32[Rows]) {
  let y[h: Half] = sum(u) (x[2 * h + u - 1] outside 0) * w[u]
  let z[r: Rows] = x[Rows - 1 - r]
  return y, z
}

// CHECK-LABEL: func.func @f
// CHECK: model.index (d0: Half = 4) sum (d1: Window = 3) ins(%arg0[d0 * 2 + d1 - 1] outside 0.000000e+00 : f32, %arg1[d1]
// CHECK: model.name %{{.*}} "y"
// CHECK: model.index (d0: Rows = 8) ins(%arg0[-d0 + 7] : tensor<8xf32, #model.axes<Rows>>)
