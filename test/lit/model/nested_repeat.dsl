// RUN: %cleave ir --stage model %s | %FileCheck %s
// A repeat in a repeat has parameters with two leading axes; a state that is set in it comes out as a stack.
axis Width = 4, Inner = 2, Outer = 3

layer Cell(x: f32[Width]) -> f32[Width] {
  param w: f32[Width] = uniform(low: 0.5, high: 1.5)
  state seen: f32 = 0
  set seen = seen + 1
  return x * w * uniform()
}

layer Row(x: f32[Width]) -> f32[Width] {
  repeat cells[Inner] = Cell
  return cells(x)
}

layer Net(x: f32[Width]) -> f32[Width] {
  repeat rows[Outer] = Row
  return rows(x)
}

layer net = Net

entry f(x: f32[Width]) -> (y: f32[Width]) {
  return net(x)
}

// CHECK: model.state @"net.rows[*].cells[*].w" path "net.rows[*].cells[*].w" kind "param" : tensor<3x2x4xf32, #model.axes<Outer, Inner, Width>>
// CHECK-LABEL: func.func @f
// CHECK: %[[ROWS:.*]]:2 = model.scan @"net.rows[*]" count 3 over "Outer"
// CHECK: return %[[ROWS]]#0, %[[ROWS]]#1,
// CHECK-LABEL: func.func private @"net.rows[*]"
// CHECK: model.scan @"net.rows[*].cells[*]" count 2 over "Inner" consts(%arg0,
// The counters of both repeats are mixed into the site of the random number.
// CHECK-LABEL: func.func private @"net.rows[*].cells[*]"
// CHECK-COUNT-2: arith.muli %{{.*}}, %c-2048144789_i32
// CHECK: model.random_bits
