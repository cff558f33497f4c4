// RUN: %cleave run %s --entry inside --quiet
// RUN: %not %cleave run %s --entry table --quiet 2>&1 | %FileCheck %s --check-prefix=TABLE
// RUN: %not %cleave run %s --entry classes --quiet 2>&1 | %FileCheck %s --check-prefix=CLASSES
// What cannot be shown at compile time is checked when run: the run stops, naming the line.
import nn

axis Batch = 4, Vocab = 6, Embed = 2
hyper most: i64 = 6

layer embedding = nn.Embedding[Vocab, Embed]

entry inside() -> (y: f32) {
  let ids[b: Batch] = i32(minimum(2 * b, most - 1))
  let logits[b: Batch, v: Vocab] = f32(v + b)
  return (mean(b, e) embedding(ids)[b, e]) + nn.cross_entropy(logits, ids)
}

entry table() -> (y: f32[Batch, Embed]) {
  let ids[b: Batch] = i32(2 * b + step)
  return embedding(ids)
}
// TABLE: linear.dsl:{{.*}} error[E711]: an assertion must hold, found it false in step 0: a position must be inside the table f32[Vocab, Embed]

entry classes() -> (y: f32) {
  let target[b: Batch] = i32(b - 1 - step)
  let logits[b: Batch, v: Vocab] = f32(v + b)
  return nn.cross_entropy(logits, target)
}
// CLASSES: loss.dsl:{{.*}} error[E711]: an assertion must hold, found it false in step 0: cross_entropy: a target is no class
