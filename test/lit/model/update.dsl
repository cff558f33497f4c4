// An update is one function of the module: parameters, gradients and states in, parameters and states out.
// RUN: %cleave ir --stage model %s | %FileCheck %s
// RUN: %cleave ir --stage sched %s | %FileCheck %s --check-prefix=SCHED
import optim
axis N = 4

layer Line(x: f32[N]) -> f32[N] {
  param w: f32[N] = 1
  param b: f32[N] = 0
  let y = w * x + b
  return y
}
layer line = Line

entry train(x: f32[N]) -> (loss: f32, w: f32[N]) {
  let y = line(x)
  let loss = sum(n: N) y[n] * y[n]
  update line with optim.Sgd(grad(loss, line), lr: 0.1, momentum: 0.9)
  return loss, line.w
}

// CHECK-LABEL: func.func @train(
// CHECK: %[[G:.*]]:2 = model.gradient
// CHECK: %[[U:.*]]:4 = model.call @train_update(
// CHECK: return {{.*}}%[[U]]#{{.*}}%[[U]]#
// CHECK: func.func private @train_update(
// CHECK-SAME: model.update = "line"
// Both velocities and both parameters are results; the second entry output is the new w.
// SCHED-NOT: model.call
// SCHED: pipe.launch
