// RUN: %cleave ir --stage model %s | %FileCheck %s
// A gather by i32 is checked when run; bytes cannot leave a table of 256 rows.
axis Batch = 4, Vocab = 256, Few = 10, Embed = 2

entry f(ids: i32[Batch], text: u8[Batch], few: f32[Few, Embed], all: f32[Vocab, Embed])
    -> (a: f32[Batch, Embed], b: f32[Batch, Embed]) {
  let a[n, e] = few[ids[n], e]
  let b[n, e] = all[text[n], e]
  return a, b
}
