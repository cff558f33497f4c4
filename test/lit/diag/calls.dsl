// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Calls: argument names and counts, axes, types, generics.

//--- wrong.dsl
axis Batch = 4, Seq = 8, Keys = Seq, Other = 8, Embed = 3, Window = Seq + 2, Both = 2 * Seq
function helper(left: f32, right: f32) -> f32 { return left + right }
function row(x: f32[Embed]) -> f32[Embed] { return x }
function over_axis[T: float, ...L, K, ...R](x: T[...L, K, ...R], over: axis K) -> T[...L, K, ...R] { return x }
function two_types[T: float](x: T[Seq], y: T[Seq]) -> T[Seq] { return x + y }
function make[Out, In](x: f32[In]) -> f32[Out] { return y[o] = sum(i) x[i] }
function pair(x: f32) -> (f32, f32) { return x, x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:62: error[E107]: pow has no parameter of that name, found 'power'
function unknown_builtin_name(x: f32) -> f32 { return pow(x, power: 2) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:55: error[E108]: exp takes 1 argument, found 2
function builtin_count(x: f32) -> f32 { return exp(x, x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:50: error[E108]: maximum takes 2 arguments, found no 'b'
function builtin_missing(x: f32) -> f32 { return maximum(x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:57: error[E107]: helper has no parameter of that name, found 'rigth'
// CHECK-DAG: note: helper is declared here
// CHECK-DAG: hint: did you mean 'right'?
function unknown_name(x: f32) -> f32 { return helper(x, rigth: x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:42: error[E108]: helper takes 2 arguments, found none for 'right'
// CHECK-DAG: note: helper is declared here
function too_few(x: f32) -> f32 { return helper(x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:56: error[E108]: helper takes 2 arguments, found 3
// CHECK-DAG: note: helper is declared here
function too_many(x: f32) -> f32 { return helper(x, x, x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:62: error[E108]: each parameter gets one argument, found a second for 'left' of helper
function given_twice(x: f32) -> f32 { return helper(x, left: x, right: x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:47: error[E106]: a function or layer is called, found x, a value
// CHECK-DAG: note: it is bound here
// CHECK-DAG: hint: write a product with *: x * (...)
function value_called(x: f32) -> f32 { return x(2) }
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:56: error[E106]: a value is wanted here, found helper, a function
// CHECK-DAG: note: it is declared here
// CHECK-DAG: hint: call it: helper(...)
function function_as_value(x: f32) -> f32 { return x * helper }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:61: error[E202]: argument 'x' of row is f32[Embed], found f32[Seq] (the axis there must be Embed)
// CHECK-DAG: note: the parameter is declared here
function wrong_axis(x: f32[Seq]) -> f32[Embed] { return row(x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:70: error[E203]: argument 'x' of row is f32[Embed], found f32[Batch, Embed] (the axis there must be Embed)
// CHECK-DAG: note: the parameter is declared here
function wrong_rank(x: f32[Batch, Embed]) -> f32[Embed] { return row(x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:81: error[E205]: argument 'x' of over_axis is T[...L, K, ...R] with K = Embed, found f32[Batch, Seq] (it has no axis Embed)
// CHECK-DAG: note: the parameter is declared here
function no_such_axis(x: f32[Batch, Seq]) -> f32[Batch, Seq] { return over_axis(x, over: Embed) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:80: error[E202]: argument 'y' of two_types is T[Seq] with T = f32, found f64[Seq] (T is already f32)
// CHECK-DAG: note: the parameter is declared here
function two_given(x: f32[Seq], y: f64[Seq]) -> f32[Seq] { return two_types(x, y) }
// CHECK-DAG: wrong.dsl:[[#@LINE+4]]:66: error[E202]: argument 'x' of two_types is T[Seq], found i32[Seq] (T must be a float type)
// CHECK-DAG: note: the parameter is declared here
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:69: error[E202]: argument 'y' of two_types is T[Seq], found i32[Seq] (T must be a float type)
// CHECK-DAG: note: the parameter is declared here
function constrained(x: i32[Seq]) -> i32[Seq] { return two_types(x, x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:65: error[E210]: the generics of make follow from its arguments or are given, found nothing for Out
// CHECK-DAG: note: make is declared here
// CHECK-DAG: hint: name them: make[Out: Axis](...)
function not_deduced(x: f32[Seq]) -> f32 { return sum(b: Batch) make(x)[b] }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:67: error[E107]: make has no generic of that name, found 'Outt'
// CHECK-DAG: hint: did you mean 'Out'?
function unknown_generic(x: f32[Seq]) -> f32[Batch] { return make[Outt: Batch](x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:77: error[E108]: make takes fewer explicit axes, found one too many
function extra_generic(x: f32[Seq]) -> f32[Batch] { return make[Batch, Seq, Seq](x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:50: error[E108]: a value is wanted here, found 2 results
// CHECK-DAG: hint: bind them: let (a, b) = ...
function two_results(x: f32) -> f32 { return 1 + pair(x) }
function wrong_names(x: f32) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E108]: as many names are bound as there are results, found 3 names for 2
  let (a, b, c) = pair(x)
  return a
}
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:84: error[E209]: inside an indexed definition or reduction a tensor is read with subscripts, found f32[Seq] without
// CHECK-DAG: hint: write y[s]
function per_element(x: f32[Seq], y: f32[Seq]) -> f32 { return sum(s) helper(x[s], y) }

//--- right.dsl
axis Batch = 4, Seq = 8, Keys = Seq, Other = 8, Embed = 3, Window = Seq + 2, Both = 2 * Seq
function helper(left: f32, right: f32) -> f32 { return left + right }
function row(x: f32[Embed]) -> f32[Embed] { return x }
function over_axis[T: float, ...L, K, ...R](x: T[...L, K, ...R], over: axis K) -> T[...L, K, ...R] { return x }
function two_types[T: float](x: T[Seq], y: T[Seq]) -> T[Seq] { return x + y }
function make[Out, In](x: f32[In]) -> f32[Out] { return y[o] = sum(i) x[i] }
function pair(x: f32) -> (f32, f32) { return x, x }
function unknown_builtin_name(x: f32) -> f32 { return pow(x, 2) }
function builtin_count(x: f32) -> f32 { return exp(x) }
function builtin_missing(x: f32) -> f32 { return maximum(x, 0) }
function unknown_name(x: f32) -> f32 { return helper(x, right: x) }
function too_few(x: f32) -> f32 { return helper(x, 1) }
function too_many(x: f32) -> f32 { return helper(x, x) }
function given_twice(x: f32) -> f32 { return helper(left: x, right: x) }
function value_called(x: f32) -> f32 { return x * (2) }
function function_as_value(x: f32) -> f32 { return x * helper(x, x) }
function wrong_axis(x: f32[Embed]) -> f32[Embed] { return row(x) }
function wrong_rank(x: f32[Batch, Embed]) -> f32[Embed] {
  let first[e] = x[0, e]
  return row(first)
}
function no_such_axis(x: f32[Batch, Seq]) -> f32[Batch, Seq] { return over_axis(x, over: Seq) }
function two_given(x: f32[Seq], y: f64[Seq]) -> f32[Seq] { return two_types(x, f32(y)) }
function constrained(x: f16[Seq]) -> f16[Seq] { return two_types(x, x) }
function not_deduced(x: f32[Seq]) -> f32 { return sum(b: Batch) make[Batch](x)[b] }
function unknown_generic(x: f32[Seq]) -> f32[Batch] { return make[Out: Batch](x) }
function extra_generic(x: f32[Seq]) -> f32[Batch] { return make[Batch, Seq](x) }
function two_results(x: f32) -> f32 {
  let (a, b) = pair(x)
  return a + b
}
function wrong_names(x: f32) -> f32 {
  let (a, b) = pair(x)
  return a
}
function per_element(x: f32[Seq], y: f32[Seq]) -> f32 { return sum(s) helper(x[s], y[s]) }
