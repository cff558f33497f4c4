// RUN: %cleave-opt %s | %cleave-opt | %FileCheck %s

// CHECK: dist.mesh @m ["dp", "tp"] = [2, 4]
dist.mesh @m ["dp", "tp"] = [2, 4]
// CHECK: dist.plan @p on @m hash "aa" {
dist.plan @p on @m hash "aa" {
  // CHECK-NEXT: dist.shard ["Batch"] over [#dist.axis<"dp">]
  dist.shard ["Batch"] over [#dist.axis<"dp">]
  // CHECK-NEXT: dist.store "optimizer" "" over [#dist.axis<"tp":(2)2>]
  dist.store "optimizer" "" over [#dist.axis<"tp":(2)2>]
  // CHECK-NEXT: <@m, [{"dp"}, {"tp":(1)2, ?}p1, {?}, {}], replicated = {"x"}, partial = [sum {"tp":(2)2}]>
  dist.layout_of "x" is #dist.layout<@m, [{"dp"}, {"tp":(1)2, ?}p1, {?}, {}], replicated = {"x"}, partial = [sum {"tp":(2)2}]>
  // CHECK-NEXT: dist.assert "count" "all_reduce" over [] in "gpt" most 4
  dist.assert "count" "all_reduce" over [] in "gpt" most 4
  // CHECK-NEXT: dist.overlap ["prefetch", "buckets"]
  dist.overlap ["prefetch", "buckets"]
  // CHECK-NEXT: dist.overlap never ["chunks"]
  dist.overlap never ["chunks"]
}
// CHECK: %arg0: tensor<4x8xf32, #model.axes<Batch, Embed>> {dist.layout = #dist.layout<@m, [{"dp"}, {}]>}
func.func @f(%x: tensor<4x8xf32, #model.axes<Batch, Embed>> {dist.layout = #dist.layout<@m, [{"dp"}, {}]>}) -> tensor<4x8xf32, #model.axes<Batch, Embed>> {
  return %x : tensor<4x8xf32, #model.axes<Batch, Embed>>
}
