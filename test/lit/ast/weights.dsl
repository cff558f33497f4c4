// RUN: cleave ir %s --stage ast | FileCheck %s
// What a declaration of weights comes to: per dim of a file's tensor an offset and a stride for each axis of the parameter.
axis Batch = 2, Embed = 8, Heads = 2, Head = 4, Layers = 3

layer Block(x: f32[Batch, Embed]) -> f32[Batch, Embed] {
  param query, key: f32[Embed, Heads, Head] = 0
  return y[b, e] = x[b, e] + (sum(i: Embed, h, d) x[b, i] * query[i, h, d] * key[i, h, d])
}

layer Net(x: f32[Batch, Embed]) -> f32[Batch, Embed] {
  param table: f32[Batch, Embed] = 0
  repeat blocks[Layers] = Block
  return blocks(x + table)
}

layer net = Net

entry run(x: f32[Batch, Embed]) -> (y: f32[Batch, Embed]) {
  return net(x)
}

// CHECK:      weights hf for net from bf16, f16 under "net.", "" {
// CHECK-NEXT:   net.table = "w"[#1 of 8, #0 of 2] else "table"[#0 of 2, #1 of 8]
// CHECK-NEXT:   net.blocks[*].query = "h.{0}.qk"[#1 of 8, 4 * #2 + #3 of 16]
// CHECK-NEXT:   net.blocks[*].key = "h.{0}.qk"[#1 of 8, 8 + 4 * #2 + #3 of 16]
// CHECK-NEXT:   ignore "*.mask"
weights hf for net from bf16, f16 under "net.", "" {
  param table[b, e] = "w"[e, b] else "table"[b, e]
  param blocks[i].query[e, h, d] = "h.{i}.qk"[e, (h, d)]
  param blocks[n].key[e, h, d] = "h.{n}.qk"[e, Embed + h * Head + d]
  ignore "*.mask"
}
