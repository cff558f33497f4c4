// RUN: %cleave ir --stage model %s | %FileCheck %s
axis N = 4
data noise = synthetic(normal)

state seen: i64 = 0

entry f(x: f32[N] from noise) -> (y: f32) {
  set seen = seen + 1
  assert(seen < 100, "enough")
  print("seen", seen)
  return sum(n) x[n]
}

// CHECK: model.state @seen path "seen" kind "buffer" : tensor<i64>
// CHECK: model.data @noise kind "synthetic" {distribution = "normal"}
// CHECK-LABEL: func.func @f
// CHECK-SAME: {model.input = "x", model.source = @noise}
// CHECK: %[[NEXT:.*]] = model.index () ins(%arg1[]
// CHECK: model.assert %{{.*}}, "enough"
// CHECK: model.print "seen"(%[[NEXT]])
// CHECK: return %{{.*}}, %[[NEXT]], %{{.*}}
