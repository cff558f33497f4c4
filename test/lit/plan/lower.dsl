// RUN: %cleave ir %s --stage model --plan all --mesh tp=4 | %FileCheck %s
// RUN: %cleave ir %s --stage model --plan all --mesh tp=4 | %cleave-opt | %FileCheck %s
// RUN: %cleave ir %s --stage ast --plan all --mesh tp=4 | %FileCheck %s --check-prefix=AST
// RUN: %cleave ir %s --stage model | %FileCheck %s --check-prefix=NONE
// The selected plan becomes ops of the dist dialect, in order, what it extends first.
import nn

axis Batch = 4, Seq = 8, Embed = 8, Hidden = 12, Layers = 2

layer Block(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  layer up = nn.Linear[Embed, Hidden]
  layer down = nn.Linear[Hidden, Embed]
  let h = up(x)
  return x + down(nn.gelu(h))
}
layer Net(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  repeat blocks[Layers] = Block
  return blocks(x)
}
layer net = Net
entry run(x: f32[Batch, Seq, Embed]) -> (y: f32[Batch, Seq, Embed]) {
  return net(x)
}

link slow(bandwidth: 1e9, latency: 1e-4, domain: "rack")
// CHECK:      dist.mesh @pod ["dp", "tp"] = [2, 4] links [#dist.link<"slow", 1.000000e+09 : f64, 1.000000e-04 : f64, "rack">, #dist.link<"nvlink", {{.*}}>]
mesh pod(dp: 2 over slow, tp: 2 over nvlink)

// AST:      plan all for net on pod(dp: 2 over slow, tp: 4 over nvlink) {
// AST-NEXT:   shard Batch over dp
// AST:        layout net.blocks[*].up.w: [Embed, Hidden/tp]
// CHECK-NEXT: dist.plan @all on @pod hash "{{[0-9a-f]+}}" {
plan base on pod {
  // CHECK-NEXT: dist.shard ["Batch"] over [#dist.axis<"dp">]
  shard Batch over dp
}
plan all for net extends base {
  // CHECK-NEXT: dist.shard ["Hidden", "Seq"] over [#dist.axis<"tp":(1)2>, #dist.axis<"tp":(2)2>]
  shard Hidden, Seq over tp[1:2], tp[2:2]
  // CHECK-NEXT: dist.layout_of "net.blocks[*].up.w" is <@pod, [{}, {"tp"}]>
  layout blocks[*].up.w: [Embed, Hidden/tp]
  // CHECK-NEXT: dist.layout_of "y" is <@pod, [{"dp", ?}, {?}, {}], partial = [sum {"tp"}]> {dist.entry = "run"}
  layout run.y: [Batch/dp?, Seq?, Embed] partial sum over tp
  // CHECK-NEXT: dist.replicate "net.blocks[*].down" over [#dist.axis<"dp">, #dist.axis<"tp">]
  replicate blocks[*].down
  // CHECK-NEXT: dist.store "params" "net.blocks[*].up" over [#dist.axis<"dp">]
  // CHECK-NEXT: dist.store "optimizer" "net.blocks[*].up" over [#dist.axis<"dp">]
  store params, optimizer of blocks[*].up over dp
  // CHECK-NEXT: dist.store "gradients" "" over [#dist.axis<"dp">]
  store gradients over dp
  // CHECK-NEXT: dist.accumulate 2 of "Batch"
  accumulate 2 of Batch
  // CHECK-NEXT: dist.residual "net.blocks[*].h" "save"
  save blocks[*].h
  // CHECK-NEXT: dist.residual "net.blocks[*].up" "recompute"
  recompute blocks[*].up
  // CHECK-NEXT: dist.remainder ["Seq"] "uneven"
  remainder uneven for Seq
  // CHECK-NEXT: dist.remainder [] "pad"
  remainder pad
  // CHECK-NEXT: dist.allow reshard 1572864
  allow reshard <= 1.5 MiB
  // CHECK-NEXT: dist.assert "peak_memory" "" over [] in "" most 70000000000
  assert peak_memory <= 70 GB
  // CHECK-NEXT: dist.assert "count" "all_gather" over [] in "net.blocks[*].up, net.blocks[*].down" most 0
  assert no all_gather in nn.Linear
  // CHECK-NEXT: dist.assert "bytes" "all_reduce" over [#dist.axis<"tp">] in "net" most 1024
  assert bytes(all_reduce over tp in net) <= 1 KiB
  // CHECK-NEXT: dist.assert_equivalent "base" on ["dp", "tp"] = [1, 4]
  assert equivalent to base(dp: 1)
}
// CHECK-NEXT: }
// NONE-NOT: dist.
