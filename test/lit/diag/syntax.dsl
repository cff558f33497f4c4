// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: cleave check --quiet %t/right.dsl
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: not cleave check --quiet %t/open.dsl 2>&1 | FileCheck --check-prefix OPEN %s
// Syntax errors: each statement and item is judged by itself.

//--- wrong.dsl
// CHECK: wrong.dsl:[[#@LINE+1]]:15: error[E001]: expected a definition (axis, function, layer, entry, ...), found ';'
axis Batch = 4;
// CHECK: hint: leave the semicolon out: statements need none
function f(x: f32[Batch]) -> f32[Batch] {
// CHECK: wrong.dsl:[[#@LINE+1]]:3: error[E001]: expected a statement (let, return, ...) or '}', found 'y'
  y = x + 1
// CHECK: hint: statements begin with a keyword: let y = ..., set y = ... or return y
// CHECK: wrong.dsl:[[#@LINE+1]]:18: error[E001]: expected a name or '...', found '0'
  let z = max(x, 0)
// CHECK: hint: max(i) and its like reduce over index variables; write maximum(a, b) for the larger of two values
  let w = x
// CHECK: wrong.dsl:[[#@LINE+1]]:11: error[E001]: expected an expression, found '"'
  let s = "open
// CHECK: hint: a string ends with " on the line it began
  let t = x * 2
// CHECK: wrong.dsl:[[#@LINE+1]]:11: error[E001]: expected an expression, found '@'
  let u = @
  return y
}
// CHECK: wrong.dsl:[[#@LINE+1]]:1: error[E001]: expected a definition (axis, function, layer, entry, ...), found 'functio'
functio g(x: f32) -> f32 { return x }
// CHECK: wrong.dsl:[[#@LINE+1]]:14: error[E001]: expected ':', found 'f32'
function h(x f32) -> f32 { return x }
// CHECK: wrong.dsl:[[#@LINE+1]]:29: error[E001]: expected a statement (let, return, ...) or '}', found 'if'
function i(x: f32) -> f32 { if x > 0 { return x } }
// CHECK: wrong.dsl:[[#@LINE+1]]:40: error[E001]: expected ',' or ']', found '}'
function j(x: f32) -> f32 { return x[0 }
plan k on mesh(dp: 2) {
// CHECK: wrong.dsl:[[#@LINE+1]]:3: error[E001]: expected a tactic (shard, layout, store, ...) or '}', found 'shrad'
  shrad Batch over dp
// CHECK: hint: did you mean 'shard'?
  store params over dp
}

//--- right.dsl
axis Batch = 4
function f(x: f32[Batch]) -> f32[Batch] {
  let y = x + 1
  let z = maximum(y, 0)
  print("open \"quoted\"\n", z)
  let t = x * 2
  return y
}
function g(x: f32) -> f32 { return if x > 0 { yield x } else { yield -x } }
function j(x: f32[Batch]) -> f32 { return x[0] }
plan k on mesh(dp: 2) {
  shard Batch over dp
  store params over dp
}

//--- open.dsl
function f(x: f32) -> f32 {
  let y = x
// OPEN: open.dsl:[[#@LINE+1]]:1: error[E001]: expected a statement (let, return, ...){{.*}}, found 'function'
function g(x: f32) -> f32 { return x }
