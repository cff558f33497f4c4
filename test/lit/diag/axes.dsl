// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Axes and ranks: index variables, types, reads, results.

//--- wrong.dsl
axis Batch = 4, Seq = 8, Keys = Seq, Other = 8, Embed = 3, Window = Seq + 2, Both = 2 * Seq
function wrong_axis(x: f32[Batch, Seq], w: f32[Other]) -> f32[Batch, Seq] {
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:32: error[E202]: an index variable reads an axis that is its own or an alias of it, found s over Seq where the axis is Other
// CHECK-DAG: note: s is bound here
// CHECK-DAG: hint: if the two are one axis by another name, declare it: axis Seq = Other
  return y[b, s] = x[b, s] * w[s]
}
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:71: error[E203]: a read has one subscript per axis, found 1 for f32[Batch, Seq]
function wrong_rank(x: f32[Batch, Seq]) -> f32[Batch] { return y[b] = x[b] }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:104: error[E209]: inside an indexed definition or reduction a tensor is read with subscripts, found f32[Seq] without
// CHECK-DAG: hint: write b[s]
function no_subscript(x: f32[Batch, Seq], b: f32[Seq]) -> f32[Batch, Seq] { return y[i, s] = x[i, s] + b }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:30: error[E201]: the axes of a type are distinct, found Batch twice in f32[Batch, Batch]
// CHECK-DAG: hint: declare an alias for the second: axis Batch2 = Batch
function twice(x: f32[Batch, Batch]) -> f32 { return 0 }
function twice_made(x: f32[Seq]) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:16: error[E201]: the axes of a tensor are distinct, found Seq twice
// CHECK-DAG: hint: declare an alias, axis Seq2 = Seq, and write j: Seq2
  let outer[i, j] = x[i] * x[j]
  return sum(i, j) outer[i, j]
}
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:71: error[E205]: a reduction runs over an axis of its term, found that 'k' is not used in it (the term has no axis Keys)
function not_reduced(x: f32[Batch]) -> f32[Batch] { return y[b] = sum(k: Keys) x[b] }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:69: error[E205]: a reduction runs over an axis of its term, found that 'k' is not used in it
function not_there(x: f32[Batch]) -> f32[Batch] { return y[b] = sum(k) x[b] }
function unused_left(x: f32[Batch]) -> f32[Batch] {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:12: error[E208]: an index variable on the left is used on the right or annotated, found 's' with neither
// CHECK-DAG: hint: say which axis it runs over: s: Axis
  let y[b, s] = x[b]
  return z[b] = sum(s) y[b, s]
}
function never_alone(x: f32[Batch]) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:9: error[E207]: an index variable gets its axis where it stands alone in a subscript, found no such use of 'b'
// CHECK-DAG: hint: say which axis it runs over: b: Axis
  let y[b] = x[b + 0]
  return sum(b) y[b]
}
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:85: error[E204]: tensors in a pointwise expression have the same axes in the same order, found f32[Seq] beside f32[Batch, Seq] wanted
// CHECK-DAG: note: the other one is here
// CHECK-DAG: hint: name the indices: let y[b, s] = x[b, s] + bias[s]
function pointwise(x: f32[Batch, Seq], y: f32[Seq]) -> f32[Batch, Seq] { return x + y }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:67: error[E102]: an index variable is bound once, found a second 's'
function bound_twice(x: f32[Seq]) -> f32[Seq] { return y[s] = sum(s) x[s] }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:58: error[E202]: the result is f32[Batch], found f32[Seq]
function result_axes(x: f32[Seq]) -> f32[Batch] { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:65: error[E203]: the result is f32[Batch], found f32[Seq, Batch]
function result_rank(x: f32[Seq, Batch]) -> f32[Batch] { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:68: error[E205]: argsort runs over an axis of its argument, found Batch for f32[Seq]
function sorted(x: f32[Seq]) -> i32[Seq] { return argsort(x, over: Batch) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:54: error[E204]: concat's result is as long as its parts together, found Window of size 10 for 16
function joined(x: f32[Seq]) -> f32[Window] { return concat(x, x, over: Window) }
function joined_untyped(x: f32[Seq]) -> f32[Both] {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:11: error[E108]: concat's result has a written type, found none
// CHECK-DAG: hint: let c: f32[Batch, Both] = concat(a, b, over: Both)
  let y = concat(x, x, over: Both)
  return y
}
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:88: error[E204]: what concat joins differs from its result f32[Both] in the axis Both only, found f32[Batch, Seq]
function joined_wrong(x: f32[Seq], y: f32[Batch, Seq]) -> f32[Both] { return concat(x, y, over: Both) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:56: error[E203]: argmax gives the position along one axis, found 2 index variables
function places(x: f32[Seq, Keys]) -> f32 { return f32(argmax(s, k) x[s, k]) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:77: error[E207]: a pack of index variables stands in subscripts only, found 'l' used as a value
function a_pack[...L](x: f32[...L]) -> f32 { return sum(...l) x[...l] * f32(l) }

//--- right.dsl
axis Batch = 4, Seq = 8, Keys = Seq, Other = 8, Embed = 3, Window = Seq + 2, Both = 2 * Seq
function wrong_axis(x: f32[Batch, Seq], w: f32[Keys]) -> f32[Batch, Seq] {
  return y[b, s] = x[b, s] * w[s]
}
function wrong_rank(x: f32[Batch, Seq]) -> f32[Batch] { return y[b] = x[b, 0] }
function no_subscript(x: f32[Batch, Seq], b: f32[Seq]) -> f32[Batch, Seq] { return y[i, s] = x[i, s] + b[s] }
function twice(x: f32[Batch, Seq]) -> f32 { return 0 }
function twice_made(x: f32[Seq]) -> f32 {
  let outer[i, j: Keys] = x[i] * x[j]
  return sum(i, j) outer[i, j]
}
function not_reduced(x: f32[Batch, Keys]) -> f32[Batch] { return y[b] = sum(k: Keys) x[b, k] }
function not_there(x: f32[Batch]) -> f32 { return sum(b) x[b] }
function unused_left(x: f32[Batch]) -> f32[Batch] {
  let y[b, s: Seq] = x[b]
  return z[b] = sum(s) y[b, s]
}
function never_alone(x: f32[Batch]) -> f32 {
  let y[b: Batch] = x[b + 0]
  return sum(b) y[b]
}
function pointwise(x: f32[Batch, Seq], y: f32[Seq]) -> f32[Batch, Seq] { return z[b, s] = x[b, s] + y[s] }
function bound_twice(x: f32[Seq]) -> f32[Seq] { return y[s] = sum(t) x[t] }
function result_axes(x: f32[Seq]) -> f32[Seq] { return x }
function result_rank(x: f32[Seq, Batch]) -> f32[Batch] { return y[b] = x[0, b] }
function sorted(x: f32[Seq]) -> i32[Seq] { return argsort(x, over: Seq) }
function joined(x: f32[Seq]) -> f32[Both] { return concat(x, x, over: Both) }
function joined_untyped(x: f32[Seq]) -> f32[Both] {
  let y: f32[Both] = concat(x, x, over: Both)
  return y
}
function joined_wrong(x: f32[Seq], y: f32[Keys]) -> f32[Both] { return concat(x, y, over: Both) }
function places(x: f32[Seq, Keys]) -> f32 { return f32(argmax(s) x[s, 0]) }
function a_pack[...L](x: f32[...L]) -> f32 { return sum(...l) x[...l] }
