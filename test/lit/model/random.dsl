// RUN: %cleave ir --stage model %s | %FileCheck %s
// A uniform number may stand among other arithmetic; a normal one is an exact op of its own.
axis N = 4

entry f(x: f32[N]) -> (y: f32[N]) {
  return y[n] = where(uniform() < 0.5, x[n], normal())
}

// CHECK-LABEL: func.func @f
// CHECK-SAME: {model.state = @seed}
// CHECK-SAME: {model.state = @step}
// CHECK: %[[NORMAL:.*]] = model.index (d0: N = 4)
// CHECK: model.random_bits
// CHECK: math.sqrt
// CHECK: {exact}
// CHECK: model.index (d0: N = 4) ins({{.*}}%arg0[d0], %[[NORMAL]][d0]
// CHECK: model.random_bits
// CHECK-NOT: exact
