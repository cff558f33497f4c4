// RUN: cleave ir --stage ast %s | FileCheck %s
// What bodies capture; slices of a scan; trees and updates.
axis Seq = 4, Width = 3, Same = Width

// A read at the bare counter is a slice, whatever axis it is; other positions read the whole.
// CHECK-LABEL: entry recurrent
// CHECK: scan over Seq carry (h0) slices (x, {i{{[0-9]+}}: Seq, i{{[0-9]+}}: Width | y[{{.*}}]}) (t: i64, h: f32[Width], x.1: f32[Width], y.1: f32[Width]) {
// CHECK-NEXT: captures {{.*}}w
// CHECK: gather{j: Width | x[#0 + 1, j] where #0 = t clamped}
entry recurrent(x: f32[Seq, Width], y: f32[Width, Seq], w: f32[Width, Same]) -> (last: f32[Width], all: f32[Seq, Width]) {
  let h0: f32[Width] = 0
  let (last, all) = scan t over Seq carry (h = h0) {
    let mixed[i: Width] = (sum(j: Width) h[j] * w[j, i]) + x[t, i] * y[i, t]
    let ahead[j: Width] = x[t + 1, j] outside 0
    next h = mixed + ahead
    yield mixed
  }
  return last, all
}

// CHECK-LABEL: entry root
// CHECK: while bound 50 carry ({{.*}}) (x: f64) {
// CHECK-NEXT: captures a
entry root(a: f64) -> (x: f64) {
  return while abs(x * x - a) > 1e-9 bound 50 carry (x = a) { next x = (x + a / x) / 2 }
}

layer Line(x: f32[Width]) -> f32 {
  param w: f32[Width] = 0
  return sum(i) x[i] * w[i]
}
layer Sgd[T: float, ...P](p: T[...P], g: T[...P], rate: T) -> T[...P] {
  state v: T[...P] = 0
  set v = 0.9 * v + g
  return p - rate * v
}
function double[T: float, ...P](x: T[...P]) -> T[...P] { return 2 * x }
layer line = Line

// CHECK-LABEL: entry train
// CHECK: let g: tree of line = grad(loss, line)
// CHECK: update line (each{double.0}(g)) {
// CHECK-NEXT: line.w with Sgd.0 of optimizer.line.w
entry train(x: f32[Width]) -> (loss: f32) {
  let loss = line(x)
  let g = grad(loss, line)
  update line with Sgd(each(double, g), rate: 0.1)
  return loss
}
