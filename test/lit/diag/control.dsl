// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// if, scan, while, scatter, composites.

//--- wrong.dsl
axis N = 4, M = 3
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:62: error[E306]: both branches of an if yield the same types, found f32[N] and f32
function branch_types(c: bool, x: f32[N]) -> f32[N] { return if c { yield x } else { yield sum(n) x[n] } }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:56: error[E306]: both branches of an if yield the same types, found f32, f32 and f32
function branch_count(c: bool, x: f32) -> f32 { return if c { yield x, x } else { yield x } }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:69: error[E305]: each branch of an if yields a value, found the end of one without yield
function no_yield(c: bool, x: f32) -> f32 { return if c { let z = x } else { yield x } }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:65: error[E304]: the condition of if is one bool, found bool[N]
// CHECK-DAG: hint: choose per element with where(condition, a, b)
function condition(c: bool[N], x: f32[N]) -> f32[N] { return if c { yield x } else { yield -x } }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:62: error[E304]: the condition of if is one bool, found f32
function number_condition(c: f32, x: f32) -> f32 { return if c { yield x } else { yield x } }
function no_next(x: f32[N]) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:37: error[E305]: the body gives every carry its next value, found none for 'h'
// CHECK-DAG: hint: write next h = ... in the body
  let (h, y) = scan n over N carry (h = 0.0) { yield x[n] + h }
  return h
}
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:86: error[E301]: the next 'h' is i64, found f32
// CHECK-DAG: hint: no conversion is implicit: write i64(...)
function next_type(x: f32[N]) -> f32 { return scan n over N carry (h = 0) { next h = x[n] } }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:92: error[E101]: next names a carry of the scan or while around it, found 'hiden'
// CHECK-DAG: hint: did you mean 'hidden'?
function next_unknown(x: f32[N]) -> f32 { return scan n over N carry (hidden = 0.0) { next hiden = x[n] next hidden = 0 } }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:62: error[E101]: an axis must be declared, found unknown name 'Nn'
function over_unknown(x: f32[N]) -> f32 { return scan n over Nn carry (h = 0.0) { next h = x[n] } }
function stacked_twice(x: f32[N]) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:33: error[E201]: what a scan yields is stacked along its axis, found that f32[N] already has N
  let y = scan n over N { yield x }
  return 0
}
function nothing(x: f32[N]) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:11: error[E305]: a scan carries or yields something, found neither
  let y = scan n over N { print("x", x) }
  return 0
}
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:51: error[E304]: the condition of while is one bool, found f32
function while_type(x: f32) -> f32 { return while y bound 3 carry (y = x) { next y = y } }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:72: error[E405]: the bound of a while is a positive integer known at compile time, found 0
function while_bound(x: f32, n: i64) -> f32 { return while y < 5 bound 0 carry (y = x) { next y = y + 1 } }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:64: error[E306]: a body inside another gives its values by yield, found return
function return_inside(c: bool, x: f32) -> f32 { return if c { return x } else { yield x } }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:41: error[E306]: yield stands in the body of an if or scan, found it outside
function yield_outside(x: f32) -> f32 { yield x }
function scatter_target(x: f32[N]) -> f32[M] {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:40: error[E101]: at names an index variable of the left side, found 'k'
  let t[m: M] = scatter sum(n) x[n] at k = n
  return t
}
function scatter_float(x: f32[N]) -> f32[M] {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:44: error[E301]: a position is an integer, found f32
  let t[m: M] = scatter sum(n) x[n] at m = x[n]
  return t
}
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:56: error[E001]: a scatter stands alone on the right of a definition that names its axes, found one elsewhere
// CHECK-DAG: hint: let t[v: Vocab, e] = scatter sum(b) u[b, e] at v = ids[b]
function scatter_inside(x: f32[N]) -> f32 { return 1 + scatter sum(n) x[n] at m = n }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:79: error[E111]: a backward belongs to a composite or local function, found one without composite
function stray_backward(x: f32) -> f32 { return x } backward (dy) { return dy }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:97: error[E108]: backward names one cotangent per result, found 2 for 1
composite function cotangents(x: f32, n: i32) -> f32 { return x } backward (dy, dz) { return dy }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:88: error[E306]: as many values are returned as the signature says, found 2 for 1
composite function cotangent_count(x: f32, n: i32) -> f32 { return x } backward (dy) { return dy, dy }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:88: error[E305]: a backward returns a cotangent per floating-point parameter, found its end without return
composite function no_gradient(x: f32) -> f32 { return x } backward (dy) { let dx = dy }
function stray_residual(x: f32) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E111]: residuals stand at the top level of a composite or local function, found one elsewhere
  residual y = x
  return y
}

//--- right.dsl
axis N = 4, M = 3
function branch_types(c: bool, x: f32[N]) -> f32[N] { return if c { yield x } else { yield x + sum(n) x[n] } }
function branch_count(c: bool, x: f32) -> f32 { return if c { yield x } else { yield x } }
function no_yield(c: bool, x: f32) -> f32 { return if c { let z = x yield z } else { yield x } }
function condition(c: bool[N], x: f32[N]) -> f32[N] { return where(c, x, -x) }
function number_condition(c: f32, x: f32) -> f32 { return if c > 0 { yield x } else { yield x } }
function no_next(x: f32[N]) -> f32 {
  let (h, y) = scan n over N carry (h = 0.0) {
    next h = x[n]
    yield x[n] + h
  }
  return h
}
function next_type(x: f32[N]) -> f32 { return scan n over N carry (h = 0.0) { next h = x[n] } }
function next_unknown(x: f32[N]) -> f32 { return scan n over N carry (hidden = 0.0) { next hidden = x[n] } }
function over_unknown(x: f32[N]) -> f32 { return scan n over N carry (h = 0.0) { next h = x[n] } }
function stacked_twice(x: f32[N]) -> f32 {
  let y = scan m over M { yield x }
  return 0
}
function nothing(x: f32[N]) -> f32 {
  let y = scan n over N { yield x[n] }
  return 0
}
function while_type(x: f32) -> f32 { return while y < 5 bound 3 carry (y = x) { next y = y + 1 } }
function while_bound(x: f32, n: i64) -> f32 { return while y < 5 bound 1 carry (y = x) { next y = y + 1 } }
function return_inside(c: bool, x: f32) -> f32 { return if c { yield x } else { yield x } }
function yield_outside(x: f32) -> f32 { return x }
function scatter_target(x: f32[N]) -> f32[M] {
  let t[m: M] = scatter sum(n) x[n] at m = n % 3
  return t
}
function scatter_float(x: f32[N]) -> f32[M] {
  let t[m: M] = scatter sum(n) x[n] at m = i32(x[n])
  return t
}
composite function stray_backward(x: f32) -> f32 { return x } backward (dy) { return dy }
composite function cotangents(x: f32, n: i32) -> f32 { return x } backward (dy) { return dy }
composite function cotangent_count(x: f32, n: f32) -> f32 { return x } backward (dy) { return dy, dy }
composite function stray_residual(x: f32) -> f32 {
  residual y = x
  return y
} backward (dy) { return dy * y }
