// RUN: %cleave ir --stage model %s | %FileCheck %s
axis N = 4
data noise = synthetic(normal)

state seen: i64 = 0

entry f(x: f32[N] from noise) -> (y: f32) {
  set seen = seen + 1
  assert(seen < 100, "enough")
  print("seen", seen)
  return sum(n) x[n]
}
