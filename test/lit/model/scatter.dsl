// RUN: %cleave ir --stage model %s | %FileCheck %s
axis Items = 6, Buckets = 3

entry f(x: f32[Items], at: i32[Items]) -> (totals: f32[Buckets]) {
  let totals[v: Buckets] = scatter sum(i) x[i] at v = at[i]
  return totals
}

// CHECK-LABEL: func.func @f
// CHECK: %[[ZERO:.*]] = model.index (d0: Buckets = 3) ins()
// CHECK: model.scatter sum %arg0 into %[[ZERO]] at(%arg1)
