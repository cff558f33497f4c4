// RUN: %cleave-opt --comm-partition --mlir-print-local-scope %s | %FileCheck %s

// What lies in the padding may be zero: nothing is divided by it there.
!n = tensor<7xi64, #model.axes<N>>
dist.mesh @m ["dp"] = [2]
dist.plan @p on @m hash "" { dist.remainder [] "pad" }
// CHECK-LABEL: func.func @division
// CHECK: ^bb0(%[[A:[a-z0-9]*]]: i64, %[[OFFSET:[a-z0-9]*]]: i64):
// CHECK: %[[ONE:.*]] = arith.constant 1 : i64
// CHECK: %[[AT:.*]] = arith.addi %{{.*}}, %[[OFFSET]]
// CHECK: %[[IN:.*]] = arith.cmpi slt, %[[AT]], %{{.*}}
// CHECK: %[[BY:.*]] = arith.select %[[IN]], %[[A]], %[[ONE]]
// CHECK: arith.divsi %{{.*}}, %[[BY]]
func.func @division(%n: !n {dist.layout = #dist.layout<@m, [{"dp"}]>}) -> (!n {dist.layout = #dist.layout<@m, [{"dp"}]>}) {
  %y = model.index (i: N = 7) ins(%n[i] : !n) {
  ^bb0(%a: i64):
    %k = arith.constant 100 : i64
    %0 = arith.divsi %k, %a : i64
    model.yield %0 : i64
  } {dist.factors = [#dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@m, [{"dp"}]>]} : !n
  return %y : !n
}
