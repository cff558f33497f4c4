// What is not element-wise is applied to each layer's tensor of a repeat, as it is to layers written out: an optimiser
// with a state per tensor, each, and total. Nested repeats too.
// RUN: cleave run --quiet --entry train --steps 4 %s
// RUN: cleave ir --stage model %s | FileCheck %s
axis N = 3, M = N, Two = 2, Pair = 2

layer Dense(x: f64[N]) -> f64[N] {
  param w: f64[M, N] = 0.25
  param b: f64[N] = 0.5
  let z[i] = (sum(j: M) w[j, i] * x[j]) + b[i]
  return y[i] = z[i] / (1 + z[i] * z[i]) + f64(i) * x[i]
}
layer Both(x: f64[N]) -> f64[N] {
  repeat inner[Two] = Dense
  return inner(x)
}
layer Stack(x: f64[N]) -> f64[N] {
  repeat outer[Pair] = Both
  return outer(x)
}
layer List(x: f64[N]) -> f64[N] {
  layer a, b, c, d = Dense
  return d(c(b(a(x))))
}
layer stack = Stack
layer list = List

// The step is as long as the parameter is, per tensor.
// Source: You et al., "Large batch optimization for deep learning", ICLR 2020, algorithm 2.
layer Trust[...P](p: f64[...P], g: f64[...P], rate: f64) -> f64[...P] {
  state m: f64[...P] = 0
  state longest: f64 = 0
  let new = 0.5 * m + g
  set m = new
  let length = sqrt(sum(...p) p[...p] * p[...p])
  let slope = sqrt(sum(...p) new[...p] * new[...p])
  set longest = maximum(longest, slope)
  return p - rate * length / longest * new
}
function norm[...P](g: f64[...P]) -> f64 { return sqrt(sum(...p) g[...p] * g[...p]) }
function normal_of[...P](g: f64[...P]) -> f64[...P] {
  let n = norm(g)
  return g / n
}
function squares[...P](g: f64[...P]) -> f64 { return sum(...p) g[...p] * g[...p] }

function apart(a: f64, b: f64) -> bool { return abs(a - b) > 1e-13 * (1 + abs(a)) }

entry train() -> (loss: f64) {
  let x[i: N] = f64(i) - 0.7
  let y = stack(x)
  let z = list(x)
  let loss = sum(i) y[i] * y[i]
  let other = sum(i) z[i] * z[i]
  let g = grad(loss, stack)
  let h = grad(other, list)
  assert(!apart(loss, other), "losses")
  assert(!apart(total(norm, g), total(norm, h)), "total, per tensor")
  assert(!apart(total(squares, g), total(squares, h)), "total, of squares")
  assert(apart(total(norm, g), sqrt(total(squares, g))), "they are two things")
  assert(!apart(total(norm, each(normal_of, g)), 8), "each: eight tensors of length 1")
  update stack with Trust(each(normal_of, g), rate: 0.1)
  update list with Trust(each(normal_of, h), rate: 0.1)
  return loss
}

// Norms are taken in loops: three times, of two parameters. Sums of squares are taken of the stack as one tensor.
// CHECK-LABEL: func.func @train(
// CHECK-COUNT-6: model.scan @train.total
// CHECK-NOT: model.scan @train.total
// CHECK-LABEL: func.func private
