// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Functions and layers that reach themselves.

//--- wrong.dsl
axis N = 4
function even(n: i64) -> bool { return odd(n - 1) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:39: error[E105]: a function does not reach itself, found even -> odd -> even
// CHECK-DAG: hint: loop with scan or while, stack layers with repeat
function odd(n: i64) -> bool { return even(n - 1) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:41: error[E105]: a function does not reach itself, found itself -> itself
// CHECK-DAG: hint: loop with scan or while, stack layers with repeat
function itself(x: f32) -> f32 { return itself(x) }
layer Nested(x: f32[N]) -> f32[N] {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:3: error[E105]: a layer does not reach itself, found Nested -> Nested
// CHECK-DAG: hint: loop with scan or while, stack layers with repeat
  layer inner = Nested
  return inner(x)
}
layer net = Nested
entry run(x: f32[N], n: i64) -> (y: f32[N], e: bool) { return net(x), even(n) }
function again(x: f32) -> f32 { return sum(n: N) each_one(x * f32(n)) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:43: error[E105]: a function does not reach itself, found again -> each_one -> again
// CHECK-DAG: hint: loop with scan or while, stack layers with repeat
function each_one(x: f32) -> f32 { return again(x) }

//--- right.dsl
axis N = 4
function even(n: i64) -> bool { return odd(n - 1) }
function odd(n: i64) -> bool { return n % 2 == 1 }
function itself(x: f32) -> f32 { return x }
layer Inner(x: f32[N]) -> f32[N] { return x }
layer Nested(x: f32[N]) -> f32[N] {
  layer inner = Inner
  return inner(x)
}
layer net = Nested
entry run(x: f32[N], n: i64) -> (y: f32[N], e: bool) { return net(x), even(n) }
