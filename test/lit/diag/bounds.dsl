// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Positions outside an axis; windows with and without `outside`.

//--- wrong.dsl
axis Batch = 4, Seq = 8, Keys = Seq, Other = 8, Embed = 3, Window = Seq + 2, Both = 2 * Seq
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:67: error[E206]: a position stays inside its axis, found 3 to 10 in Window of size 10
// CHECK-DAG: hint: give the value to read outside: x[s + 3] outside 0
function after(x: f32[Window]) -> f32[Seq] { return y[s: Seq] = x[s + 3] }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:65: error[E206]: a position stays inside its axis, found -1 to 6 in Seq of size 8
// CHECK-DAG: hint: give the value to read outside: x[s - 1] outside 0
function before(x: f32[Seq]) -> f32[Seq] { return y[s: Seq] = x[s - 1] }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:47: error[E206]: a position stays inside its axis, found 8 in Seq of size 8
// CHECK-DAG: hint: give the value to read outside: x[8] outside 0
function fixed(x: f32[Seq]) -> f32 { return x[8] }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:50: error[E206]: a position stays inside its axis, found -1 in Seq of size 8
// CHECK-DAG: hint: give the value to read outside: x[-1] outside 0
function negative(x: f32[Seq]) -> f32 { return x[-1] }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:65: error[E206]: a position stays inside its axis, found 0 to 14 in Seq of size 8
// CHECK-DAG: hint: give the value to read outside: x[2 * s] outside 0
function scaled(x: f32[Seq]) -> f32[Seq] { return y[s: Seq] = x[2 * s] }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:70: error[E206]: a position stays inside its axis, found 0 to 7 in Batch of size 4
// CHECK-DAG: hint: give the value to read outside: x[s / 2] outside 0
function divided(x: f32[Batch]) -> f32[Both] { return y[s: Both] = x[s / 2] }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:70: error[E206]: a position stays inside its axis, found 0 to 4 in Batch of size 4
// CHECK-DAG: hint: give the value to read outside: x[s % 5] outside 0
function remainder(x: f32[Batch]) -> f32[Seq] { return y[s: Seq] = x[s % 5] }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:94: error[E301]: the value outside is a constant of the tensor's type, found one that is not known at compile time
function not_constant(x: f32[Seq], o: f32) -> f32[Seq] { return y[s: Seq] = x[s - 1] outside o }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:60: error[E403]: positions fit in 62 bits, found one that does not
function far(x: f32[Seq]) -> f32[Seq] { return y[s: Seq] = x[s + 9223372036854775807] outside 0 }
// CHECK-DAG: wrong.dsl:[[#@LINE+4]]:72: error[E206]: a position stays inside its axis, found 0 to 14 in Seq of size 8
// CHECK-DAG: note: in this call of pool
// CHECK-DAG: note: in this call of pools
// CHECK-DAG: hint: give the value to read outside: x[2 * o] outside 0
function pool[T: float, Out, In](x: T[In]) -> T[Out] { return y[o] = x[2 * o] }
function pools(x: f32[Seq]) -> f32[Other] { return pool[Other](x) }
entry use(x: f32[Seq]) -> (y: f32[Other]) { return pools(x) }
function stepped(x: f32[Seq]) -> f32[Seq] {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:37: error[E206]: a position stays inside its axis, found 8 to 15 in Seq of size 8
// CHECK-DAG: hint: give the value to read outside: x[s + 8] outside 0
  let y = scan s over Seq { yield x[s + 8] }
  return y
}

//--- right.dsl
axis Batch = 4, Seq = 8, Keys = Seq, Other = 8, Embed = 3, Window = Seq + 2, Both = 2 * Seq
function after(x: f32[Window]) -> f32[Seq] { return y[s: Seq] = x[s + 2] }
function before(x: f32[Seq]) -> f32[Seq] { return y[s: Seq] = x[s - 1] outside 0 }
function fixed(x: f32[Seq]) -> f32 { return x[7] }
function negative(x: f32[Seq]) -> f32 { return x[Seq - 1] }
function scaled(x: f32[Both]) -> f32[Seq] { return y[s: Seq] = x[2 * s] }
function divided(x: f32[Seq]) -> f32[Both] { return y[s: Both] = x[s / 2] }
function remainder(x: f32[Batch]) -> f32[Seq] { return y[s: Seq] = x[s % 4] }
function not_constant(x: f32[Seq]) -> f32[Seq] { return y[s: Seq] = x[s - 1] outside -inf }
function far(x: f32[Seq]) -> f32[Seq] { return y[s: Seq] = x[s + 4611686018427387] outside 0 }
function pool[T: float, Out, In](x: T[In]) -> T[Out] { return y[o] = x[2 * o] }
function pools(x: f32[Seq]) -> f32[Batch] { return pool[Batch](x) }
entry use(x: f32[Seq]) -> (y: f32[Batch]) { return pools(x) }
function stepped(x: f32[Seq]) -> f32[Seq] {
  let y = scan s over Seq { yield x[s] }
  return y
}
