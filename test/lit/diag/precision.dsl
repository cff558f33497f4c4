// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: not cleave check --quiet --set Compute=f23 --set rate=f32 %t/right.dsl 2>&1 | FileCheck --check-prefix SET %s
// RUN: cleave check --quiet %t/right.dsl
// RUN: cleave check --quiet --set Compute=bf16 %t/right.dsl
// RUN: cleave ir --stage ast --set Compute=bf16 %t/right.dsl | FileCheck --check-prefix AST %s
// Hypers that are types, and the wide type of a generic.
// SET-DAG: error[E407]: --set gives Compute an element type, found 'f23'
// SET-DAG: error[E407]: --set gives rate a value of type f64, found 'f32'

//--- wrong.dsl
axis N = 4
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:21: error[E303]: a hyper that is a type is f32, f64, bf16, f16, i8, i32, i64, u8 or bool, found another expression
hyper Wrong: type = 2 + 3
hyper Compute: type = bf16
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:62: error[E106]: a value is wanted here, found Compute, an element type
// CHECK-DAG: hint: it converts: Compute(x)
function a_value(x: f32[N]) -> f32[N] { return y[n] = x[n] * Compute }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E405]: a size is made of integers, axes and integer hypers, found Compute, a hyper
axis M = Compute + 1
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:63: error[E301]: both sides of + have one type, found f32 and bf16
function mixed(x: f32[N], y: Compute[N]) -> f32[N] { return x + y }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:86: error[E301]: both sides of * have one type, found T and T.wide
function mixed_wide[T: float, K](x: T[K], w: T.wide[K]) -> T[K] { return y[k] = x[k] * w[k] }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:37: error[E303]: wide belongs to a generic that is a float, found T.wide of one that is int
function of_int[T: int](x: T[N]) -> T.wide[N] { return T.wide(x) }
function scaled[T: float, K](x: T[K], w: T.wide[K]) -> T[K] { return y[k] = x[k] * T(w[k]) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:79: error[E202]: argument 'w' of scaled is T.wide[K] with T.wide = f32, K = N, found bf16[N]
function narrow_weights(x: bf16[N], w: bf16[N]) -> bf16[N] { return scaled(x, w) }
function only_wide[T: float, K](w: T.wide[K]) -> T.wide[K] { return w + w }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:58: error[E202]: argument 'w' of only_wide is T.wide[K], found f32[N] (T does not follow from T.wide)
function unknown(w: f32[N]) -> f32[N] { return only_wide(w) }

//--- right.dsl
axis N = 4
hyper Compute: type = f32, rate: f64 = 0.5
function converted(x: f32[N], y: Compute[N]) -> f32[N] { return x + f32(y + Compute(x)) }
function scaled[T: float, K](x: T[K], w: T.wide[K]) -> T[K] { return y[k] = x[k] * T(w[k]) }
function total[T: float, K](x: T[K]) -> T { return T(sum(k) T.wide(x[k])) }
function every(a: bf16[N], b: f16[N], c: f64[N], w: f32[N], v: f64[N]) -> (bf16[N], f16[N], f64[N], bf16) {
  return scaled(a, w), scaled(b, w), scaled(w: v, x: c), total(a)
}
layer Scale[T: float, K](x: T[K]) -> T[K] {
  param w: T.wide[K] = 1
  return scaled(x, w)
}
layer scale = Scale
// AST: hyper Compute: type = bf16
// AST: param scale.w: f32[N]
// AST: function scaled.{{.*}}(x: bf16[N], w: f32[N])
entry run(x: f32[N]) -> (y: f32[N]) {
  return f32(scale(Compute(x)))
}
