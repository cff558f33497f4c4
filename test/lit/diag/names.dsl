// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Names: unknown ones with a suggestion, ones of another kind, ones bound twice.

//--- wrong.dsl
axis Batch = 4, Seq = 8
hyper rate: f32 = 0.1
data noise = synthetic(normal)
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:70: error[E101]: a name in an expression must be declared, found unknown name 'valeu'
// CHECK-DAG: hint: did you mean 'value'?
function unknown_value(value: f32[Batch]) -> f32[Batch] { return exp(valeu) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:65: error[E101]: a function or layer must be declared, found unknown name 'tahn'
// CHECK-DAG: hint: did you mean 'tanh'?
function unknown_function(x: f32[Batch]) -> f32[Batch] { return tahn(x) }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:45: error[E101]: an axis must be declared, found unknown name 'Bacth'
// CHECK-DAG: hint: did you mean 'Batch'?
function unknown_axis(x: f32[Batch]) -> f32[Bacth] { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:26: error[E303]: an element type is f32, f64, bf16, f16, i8, i32, i64, u8, bool or a generic such as T: float, found 'f23'
// CHECK-DAG: hint: did you mean 'f32'?
function unknown_type(x: f23[Batch]) -> f32 { return 0 }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:52: error[E101]: a name in an expression must be declared, found unknown name 'raet'
// CHECK-DAG: hint: did you mean 'rate'?
function unknown_hyper(x: f32) -> f32 { return x * raet }
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:52: error[E106]: a value is wanted here, found noise, a data source
// CHECK-DAG: note: it is declared here
// CHECK-DAG: hint: data reaches an entry through its inputs: entry train(x: u8[...] from noise)
function data_as_value(x: f32) -> f32 { return x * noise }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:29: error[E106]: an axis is named here, found rate, a hyper
// CHECK-DAG: note: it is declared here
function axis_wanted(x: f32[rate]) -> f32 { return 0 }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:48: error[E101]: only modules have names inside, found 'rate'
function module_wanted(x: f32) -> f32 { return rate.x }
function twice_bound(x: f32) -> f32 {
  let y = x
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:7: error[E102]: a name is bound once in a block, found a second 'y'
// CHECK-DAG: note: the first is here
  let y = x + 1
  return y
}
function twice_declared(x: f32) -> f32 { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:10: error[E102]: a name is declared once in a module, found a second 'twice_declared'
// CHECK-DAG: note: the first is a function
function twice_declared(x: f32) -> f32 { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:27: error[E102]: a generic is declared once, found a second 'K'
function twice_generic[K, K](x: f32[K]) -> f32 { return 0 }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:28: error[E101]: a pack of axes must be declared among the generics, found unknown name '...L'
function no_pack(x: f32[...L]) -> f32 { return 0 }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:28: error[E303]: an element type generic is a float, int or number, an axis of ranks is mesh, found 'flaot'
function bad_constraint[T: flaot](x: T) -> T { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:50: error[E101]: an axis parameter names one of the generic axes, found 'K'
function axis_parameter[L](x: f32[L], over: axis K) -> f32 { return 0 }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:39: error[E101]: a data source must be declared, found unknown name 'niose'
// CHECK-DAG: hint: did you mean 'noise'?
entry from_unknown(x: f32[Batch] from niose) -> (y: f32[Batch]) { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:37: error[E106]: an input comes from a data source, found rate, a hyper
entry from_hyper(x: f32[Batch] from rate) -> (y: f32[Batch]) { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:21: error[E101]: an axis must be declared, found unknown name 'Btach'
// CHECK-DAG: hint: did you mean 'Batch'?
entry rebinds with (Btach = 1) (x: f32[Batch]) -> (y: f32[Batch]) { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:27: error[E106]: with gives axes other sizes, found rate, a hyper
entry rebinds_hyper with (rate = 1) (x: f32[Batch]) -> (y: f32[Batch]) { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:82: error[E101]: an index variable stands in the term of its reduction, found 'b' behind the end of it
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:62: note: sum(b) ends before +, - and comparisons
// CHECK-DAG: hint: brackets make the term longer: sum(b) (...)
function ended(x: f32[Batch], y: f32[Batch]) -> f32 { return sum(b) x[b] * 2 + y[b] }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:33: error[E102]: an output has a name of its own, found a second 'y'
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:25: note: the first is here
entry twice_given() -> (y: f32, y: f32) { return 1.0, 2.0 }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:21: error[E402]: an axis has at least one element, found Batch of size 0
entry emptied with (Batch = 0) () -> (y: f32) { return 1.0 }

//--- right.dsl
axis Batch = 4, Seq = 8
hyper rate: f32 = 0.1
data noise = synthetic(normal)
function unknown_value(value: f32[Batch]) -> f32[Batch] { return exp(value) }
function unknown_function(x: f32[Batch]) -> f32[Batch] { return tanh(x) }
function unknown_axis(x: f32[Batch]) -> f32[Batch] { return x }
function unknown_type(x: f32[Batch]) -> f32 { return 0 }
function unknown_hyper(x: f32) -> f32 { return x * rate }
function axis_wanted(x: f32[Seq]) -> f32 { return rate }
function module_wanted(x: f32) -> f32 { return rate }
function twice_bound(x: f32) -> f32 {
  let y = x
  let z = y + 1
  return z
}
function twice_declared(x: f32) -> f32 { return x }
function twice_generic[K, L](x: f32[K, L]) -> f32 { return 0 }
function no_pack[...L](x: f32[...L]) -> f32 { return 0 }
function bad_constraint[T: float](x: T) -> T { return x }
function axis_parameter[K](x: f32[K], over: axis K) -> f32 { return 0 }
entry from_unknown(x: f32[Batch] from noise) -> (y: f32[Batch]) { return x }
entry from_hyper(x: f32[Batch]) -> (y: f32[Batch]) { return x }
entry rebinds with (Batch = 1) (x: f32[Batch]) -> (y: f32[Batch]) { return x }
function ended(x: f32[Batch], y: f32[Batch]) -> f32 { return sum(b) (x[b] * 2 + y[b]) }
entry twice_given() -> (y: f32, z: f32) { return 1.0, 2.0 }
entry emptied with (Batch = 1) () -> (y: f32) { return 1.0 }
