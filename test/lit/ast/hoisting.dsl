// RUN: cleave ir --stage ast %s | FileCheck %s
// Reductions and gathers become comprehensions of their own, over the variables they use, in the order of the definition.
axis Batch = 2, Seq = 4, Keys = Seq, Embed = 3, Vocab = 8

// CHECK: axis Keys = 4 // alias of Seq
// CHECK-LABEL: entry scores
// CHECK: {b: Batch, s: Seq, t: Keys | where((t <= s), ({b: Batch, s: Seq, t: Keys sum(e: Embed) | (q[b, s, e] * k[b, t, e])}[b, s, t] / 1.7320508), -inf)}
entry scores(q: f32[Batch, Seq, Embed], k: f32[Batch, Keys, Embed]) -> (a: f32[Batch, Seq, Keys]) {
  return a[b, s, t] = where(t <= s, (sum(e) q[b, s, e] * k[b, t, e]) / sqrt(Embed), -inf)
}

// A definition that is one reduction is one comprehension.
// CHECK-LABEL: entry product
// CHECK: let y: f32[Batch, Embed] = {b: Batch, e: Embed sum(s: Seq) | (x[b, s, e] * w[s])}
entry product(x: f32[Batch, Seq, Embed], w: f32[Seq]) -> (y: f32[Batch, Embed]) {
  let y[b, e] = sum(s) x[b, s, e] * w[s]
  return y
}

// CHECK-LABEL: entry gathers
// CHECK: gather{b: Batch, s: Seq, e: Embed | table[#0, e] where #0 = ids[b, s]}
// CHECK: where(((i64((ids[b, s] - 1)) >= 0) && (i64((ids[b, s] - 1)) < 8)), gather{b: Batch, s: Seq, e: Embed | table[#0 + -1, e] where #0 = ids[b, s] clamped}[b, s, e], 0.0)
entry gathers(table: f32[Vocab, Embed], ids: i32[Batch, Seq]) -> (x: f32[Batch, Seq, Embed], y: f32[Batch, Seq, Embed]) {
  let x[b, s, e] = table[ids[b, s], e]
  return x, z[b, s, e] = table[ids[b, s] - 1, e] outside 0
}

// CHECK-LABEL: entry windows
// CHECK: {i: Seq sum(u: Embed) | x[i + u + -1] outside 0.0}
// CHECK: {i: Seq | x[((i) / 2)]}
// CHECK: {i: Seq | x[((i + 1) % 4)]}
// CHECK: {i: Seq | x[-1*i + 3]}
entry windows(x: f32[Seq]) -> (a: f32[Seq], b: f32[Seq], c: f32[Seq], d: f32[Seq]) {
  return a[i: Seq] = sum(u: Embed) (x[i + u - 1] outside 0), b[i: Seq] = x[i / 2], c[i: Seq] = x[(i + 1) % Seq],
         d[i: Seq] = x[Seq - 1 - i]
}

// Each random number of a reduced term differs per element of the definition.
// CHECK-LABEL: entry draws
// CHECK: {b: Batch, s: Seq sum(e: Embed) | (uniform@0() * w[e])}
entry draws(w: f32[Embed]) -> (y: f32[Batch, Seq]) {
  return y[b: Batch, s: Seq] = sum(e) uniform() * w[e]
}
