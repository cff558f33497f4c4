// RUN: %cleave ir --stage model %s | %FileCheck %s
// Division rounds down and the remainder has the divisor's sign.
entry f(a: i32, b: i32) -> (q: i32, r: i32) {
  return a / b, a % b
}

// CHECK-LABEL: func.func @f
// CHECK: arith.floordivsi
// CHECK: %[[REM:.*]] = arith.remsi %[[A:.*]], %[[B:.*]] : i32
// CHECK: %[[NEXT:.*]] = arith.addi %[[REM]], %[[B]]
// CHECK: arith.select %{{.*}}, %[[NEXT]], %[[REM]]
