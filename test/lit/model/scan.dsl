// RUN: %cleave ir --stage model %s | %FileCheck %s
// The body is a function; what it captures is passed to it, and what it reads at the counter is a slice.
axis Seq = 5, Width = 2

entry f(x: f32[Seq, Width], k: f32) -> (last: f32[Width], all: f32[Seq, Width]) {
  let h0[w: Width] = 0.0
  let (last, all) = scan t over Seq carry (h = h0) {
    let n[w: Width] = k * h[w] + x[t, w]
    next h = n
    yield n
  }
  return last, all
}

// CHECK-LABEL: func.func @f
// CHECK: model.scan @f.scan count 5 over "Seq" consts(%arg1) carries(%{{.*}}) slices(%arg0)
// CHECK-LABEL: func.func private @f.scan
// CHECK-SAME: (%arg0: tensor<i64>, %arg1: tensor<f32>, %arg2: tensor<2xf32, #model.axes<Width>>, %arg3: tensor<2xf32, #model.axes<Width>>)
// CHECK: model.index (d0: Width = 2) ins(%arg1[], %arg2[d0], %arg3[d0]
