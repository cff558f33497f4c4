// RUN: %cleave ir --stage model %s | %FileCheck %s
// A constant condition is decided here, another when run. Both branches take what either captures.
axis N = 3

entry f(x: f32[N], k: f32) -> (a: f32[N], b: f32[N], c: f32) {
  let a = if N > 2 { yield x } else { yield x * k }
  let b = if k > 0 { yield x * k } else { yield x }
  let c = while c < 10 bound 7 carry (c = k) { next c = c * c }
  return a, b, c
}

// CHECK-LABEL: func.func @f
// CHECK: %[[COND:.*]] = model.index () ins(%arg1[]
// CHECK: model.if %[[COND]] then @f.then else @f.else(%arg0, %arg1)
// CHECK: model.while @f.while do @f.do bound 7 consts() carries(%arg1)
// CHECK: return %arg0,
// CHECK: func.func private @f.then(%arg0: tensor<3xf32, #model.axes<N>>, %arg1: tensor<f32>)
// CHECK: func.func private @f.else(%arg0: tensor<3xf32, #model.axes<N>>, %arg1: tensor<f32>)
// CHECK-NEXT: return %arg0
// CHECK: func.func private @f.while(%arg0: tensor<f32>) -> tensor<i1>
// CHECK: func.func private @f.do(%arg0: tensor<f32>) -> tensor<f32>
