// RUN: %cleave ir --stage model %s | %FileCheck %s
// A uniform number may stand among other arithmetic; a normal one is an exact op of its own.
axis N = 4

entry f(x: f32[N]) -> (y: f32[N]) {
  return y[n] = where(uniform() < 0.5, x[n], normal())
}
