// RUN: %cleave ir --stage model %s | %FileCheck %s
// A constant condition is decided here, another when run. Both branches take what either captures.
axis N = 3

entry f(x: f32[N], k: f32) -> (a: f32[N], b: f32[N], c: f32) {
  let a = if N > 2 { yield x } else { yield x * k }
  let b = if k > 0 { yield x * k } else { yield x }
  let c = while c < 10 bound 7 carry (c = k) { next c = c * c }
  return a, b, c
}
