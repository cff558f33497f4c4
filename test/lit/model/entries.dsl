// RUN: %cleave ir --stage model %s | %FileCheck %s
// An entry may give axes other sizes; its inputs say where they come from.
axis Batch = 8, Seq = 4, Vocab = 256
data corpus = bytes("/usr/share/common-licenses/*")

layer Table(x: i32[Batch, Seq]) -> f32[Batch, Seq] {
  param w: f32[Vocab] = 0
  return y[b, s] = w[x[b, s]]
}

layer table = Table

entry all(text: u8[Batch, Seq] from corpus in order) -> (y: f32[Batch, Seq], greatest: u8) {
  return table(i32(text)), max(b, s) text[b, s]
}

entry one with (Batch = 1) (text: u8[Batch, Seq]) -> (y: f32[Batch, Seq]) {
  return table(i32(text))
}

// CHECK: model.data @corpus kind "bytes" {folder = "{{.*}}", paths = ["/usr/share/common-licenses/*"]}
// CHECK-LABEL: func.func @all
// CHECK-SAME: tensor<8x4xi8, #model.axes<Batch, Seq>> {model.input = "text", model.ordered, model.source = @corpus, model.type = "u8"}
// Bytes are compared as numbers from 0 to 255.
// CHECK: model.index () max (d0: Batch = 8, d1: Seq = 4)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.extui
// CHECK-LABEL: func.func @one
// CHECK-SAME: tensor<1x4xi8, #model.axes<Batch, Seq>> {model.input = "text", model.type = "u8"}
