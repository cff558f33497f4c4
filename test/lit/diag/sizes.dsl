// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Sizes: unknown, zero, negative, overflowing, circular, not constant.

//--- wrong.dsl
axis Fine = 4, Big = 4000000000, Wide = Big
hyper rate: f32 = 0.1, count: i64 = 3
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:6: error[E401]: every axis has a size, found none for Unset
// CHECK-DAG: hint: write axis Unset = 16, or give it on the command line: --set Unset=16
axis Unset
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:6: error[E402]: an axis has at least one element, found Zero of size 0
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:16: error[E402]: an axis has at least one element, found Negative of size -3
axis Zero = 0, Negative = 2 - 5
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:17: error[E403]: a size fits in 63 bits, found 4000000000 * 4000000000
axis Huge = Big * Big * Big
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:13: error[E403]: a size fits in 63 bits, found 99999999999999999999
axis Over = 99999999999999999999
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:6: error[E404]: an axis's size may not depend on itself, found that Round does
axis Round = Trip, Trip = Round + 1
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:6: error[E404]: an axis's size may not depend on itself, found that Selfish does
axis Selfish = Selfish
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:17: error[E402]: a size is not divided by zero, found 4000000000 / 0
axis Half = Big / (Fine - Fine)
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:13: error[E101]: an axis or hyper in a size must be declared, found unknown name 'Bgi'
// CHECK-DAG: hint: did you mean 'Big'?
axis Typo = Bgi
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:18: error[E405]: a size is made of integers, axes and integer hypers, found rate, a hyper
axis Rated = 2 * rate
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:17: error[E405]: a size is an integer expression of axes and hypers (+ - * / %), found another kind of expression
axis Made = 3 * exp(2)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:7: error[E404]: a hyper may not depend on itself, found that loop does
hyper loop: i64 = pool, pool: i64 = loop
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:18: error[E302]: a constant fits its type, found 300 for u8
hyper wide: u8 = 300
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:20: error[E405]: a hyper is known at compile time, found an expression that is not constant
hyper drawn: f32 = uniform()
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:15: error[E203]: a hyper is one number or bool, found f32[Fine]
hyper listed: f32[Fine] = 1
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:69: error[E403]: integer constants fit in 63 bits, found that this one overflows
function multiplied(x: i64) -> i64 { return x + 9223372036854775807 * 2 }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:21: error[E403]: the bytes of a tensor are counted in 63 bits, found that f32[Big, Wide, Fine] has more
function counted(x: f32[Big, Wide, Fine]) -> f32 { return 0 }
function made(x: f32[Big], y: f32[Wide]) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:17: error[E403]: the bytes of a tensor are counted in 63 bits, found that f32[Big, Wide] has more
  let z[i, j] = x[i] * y[j]
  return z[0, 0]
}
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:46: error[E402]: an integer constant is not divided by zero, found one that is
function divided(x: i64) -> i64 { return x + 1 / 0 }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:46: error[E403]: an integer fits in 63 bits, found 9223372036854775808
function longest(x: i64) -> i64 { return x + 9223372036854775808 }

//--- right.dsl
axis Fine = 4, Big = 4000000000, Wide = Big
hyper rate: f32 = 0.1, count: i64 = 3
axis Unset = 2
axis Zero = 1, Negative = 5 - 2
axis Huge = Big * (Big / Big)
axis Over = 9_999
axis Trip = 3, Round = Trip + 1
axis Selfish = Fine
axis Half = Big / Fine
axis Typo = Big
axis Rated = 2 * count
axis Made = 3 * 2
hyper pool: i64 = 3, loop: i64 = pool
hyper wide: u8 = 255
hyper drawn: f32 = sqrt(Fine) / 2
hyper listed: f32 = 1
function multiplied(x: i64) -> i64 { return x + 9223372036854775807 }
function counted(x: f32[Big, Fine]) -> f32 { return 0 }
function made(x: f32[Big], y: f32[Wide]) -> f32 {
  let z[i] = x[i] * y[0]
  return z[0]
}
function divided(x: i64) -> i64 { return x + 1 / 2 }
function longest(x: i64) -> i64 { return x + 9223372036854775807 }
