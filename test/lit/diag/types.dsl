// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Element types: no implicit conversion, literals that fit, conditions, subscripts.

//--- wrong.dsl
axis N = 4
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:59: error[E301]: both sides of + have one type, found f32 and f64
// CHECK-DAG: hint: no conversion is implicit: write f32(...) around the right side or f64(...) around the left
function mixed(x: f32[N], y: f64[N]) -> f32[N] { return x + y }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:53: error[E301]: the result is i32[N], found f32[N]
// CHECK-DAG: hint: no conversion is implicit: write i32(...)
function float_to_int(x: f32[N]) -> i32[N] { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:53: error[E302]: a constant with a fraction becomes a floating-point type only, found i32 wanted here
function fraction(x: i32[N]) -> i32[N] { return x + 0.5 }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:50: error[E302]: a constant fits its type, found 300 for u8
function too_big(x: u8[N]) -> u8[N] { return x + 300 }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:55: error[E301]: exp takes a floating-point value, found i32
function exp_of_int(x: i32[N]) -> f32[N] { return exp(x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:55: error[E301]: where(condition, a, b) takes a bool first, found f32
function not_bool(x: f32[N]) -> f32[N] { return where(x, x, 0) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:51: error[E301]: both sides of && have one type, found f32 and bool
// CHECK-DAG: hint: no conversion is implicit: write f32(...) around the right side or bool(...) around the left
function and_of_floats(x: f32) -> bool { return x && true }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:43: error[E301]: ! takes a bool, found f32
function negated(x: f32) -> bool { return !x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:44: error[E301]: + takes a number, found bool
function added(x: bool) -> bool { return x + x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:58: error[E301]: mean takes a floating-point value, found i32
function mean_of_ints(x: i32[N]) -> i32 { return mean(n) x[n] }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:63: error[E301]: a subscript is an integer, found f32
function float_subscript(x: f32[N], i: f32) -> f32 { return x[i] }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:61: error[E301]: sqrt takes a floating-point value, found T
function of_variable[T: int](x: T[N]) -> T[N] { return sqrt(x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:80: error[E302]: a constant with a fraction becomes a floating-point type only, found i32 wanted here
function outside_type(x: i32[N]) -> i32[N] { return y[n: N] = x[n - 1] outside 0.5 }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:47: error[E305]: a function returns what its signature says, found the end of no_return without return
function no_return(x: f32) -> f32 { let y = x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:46: error[E306]: as many values are returned as the signature says, found 1 for 2
function wrong_count(x: f32) -> (f32, f32) { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E305]: a function says what it returns, found no -> in the signature of no_result
function no_result(x: f32) { let y = x }
function after_return(x: f32) -> f32 {
  return x
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E306]: nothing follows return in a body, found another statement
  let y = x
}
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:47: error[E301]: a string stands in print, assert and data sources only, found one here
function a_string(x: f32) -> f32 { return x + "one" }
function holds(x: f32) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E307]: an assert known at compile time holds, found that this one does not: one is less than two
  assert(1 > 2, "one is less than two")
  return x
}
function asserts(x: f32) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E304]: assert takes one bool, found f32
  assert(x, "a number")
  return x
}
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:58: error[E302]: grad differentiates one floating-point number, found f32[N]
// CHECK-DAG: hint: reduce it first: sum(b) or mean(b) over its axes
entry not_scalar(x: f32[N]) -> (y: f32[N]) { return grad(x * x, x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:82: error[E302]: grad differentiates by a layer's parameters or by named floating-point tensors, found i32[N]
entry by_integer(x: f32[N], i: i32[N]) -> (y: i32[N]) { return grad(sum(n) x[n], i) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:74: error[E302]: grad differentiates by a layer's parameters or by named floating-point tensors, found an expression
// CHECK-DAG: hint: bind it first with let, then use the name both here and in the loss
entry by_expression(x: f32[N]) -> (y: f32[N]) { return grad(sum(n) x[n], x * 2) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:53: error[E108]: grad takes a loss and what to differentiate by, found 1 argument
entry of_nothing(x: f32[N]) -> (y: f32[N]) { return grad(sum(n) x[n]) }

//--- right.dsl
axis N = 4
function mixed(x: f32[N], y: f64[N]) -> f32[N] { return x + f32(y) }
function float_to_int(x: f32[N]) -> i32[N] { return i32(x) }
function fraction(x: i32[N]) -> i32[N] { return x + 1 }
function too_big(x: u8[N]) -> u8[N] { return x + 255 }
function exp_of_int(x: i32[N]) -> f32[N] { return exp(f32(x)) }
function not_bool(x: f32[N]) -> f32[N] { return where(x > 0, x, 0) }
function and_of_floats(x: f32) -> bool { return x > 0 && true }
function negated(x: bool) -> bool { return !x }
function added(x: bool) -> bool { return x || x }
function mean_of_ints(x: i32[N]) -> f32 { return mean(n) f32(x[n]) }
function float_subscript(x: f32[N], i: i32) -> f32 { return x[i] }
function of_variable[T: float](x: T[N]) -> T[N] { return sqrt(x) }
function outside_type(x: i32[N]) -> i32[N] { return y[n: N] = x[n - 1] outside 5 }
function no_return(x: f32) -> f32 { return x }
function wrong_count(x: f32) -> (f32, f32) { return x, x }
function no_result(x: f32) -> f32 { return x }
function after_return(x: f32) -> f32 {
  let y = x
  return y
}
function a_string(x: f32) -> f32 {
  print("one", x)
  return x
}
function holds(x: f32) -> f32 {
  assert(1 < 2, "one is less than two")
  return x
}
function asserts(x: f32) -> f32 {
  assert(x > 0, "a number")
  return x
}
entry not_scalar(x: f32[N]) -> (y: f32[N]) { return grad(sum(n) x[n] * x[n], x) }
entry by_integer(x: f32[N], i: i32[N]) -> (y: f32[N]) { return grad(sum(n) x[n], x) }
entry by_expression(x: f32[N]) -> (y: f32[N]) {
  let z = x * 2
  return grad(sum(n) z[n], z)
}
