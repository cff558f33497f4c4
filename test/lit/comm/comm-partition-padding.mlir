// RUN: %cleave-opt --dist-propagate --comm-partition --mlir-print-local-scope %s | %FileCheck %s

// A dim of 8 that is cut in 3 parts somewhere is 12 wherever it is cut: in halves its blocks are of 6, and those of the 4
// pairs of 2. They do not begin together, so the pairs are read whole.

dist.mesh @m ["x", "z"] = [3, 2]
dist.plan @p on @m hash "" {
  dist.remainder [] "pad"
  dist.shard ["Features"] over [#dist.axis<"x">]
  dist.shard ["Columns", "Pairs"] over [#dist.axis<"z">]
}
// CHECK-LABEL: func.func @f
func.func @f(%a: tensor<8xf32, #model.axes<Columns>>, %b: tensor<4xf32, #model.axes<Pairs>>, %c: tensor<8xf32, #model.axes<Features>>)
    -> (tensor<8xf32, #model.axes<Columns>>, tensor<8xf32, #model.axes<Features>>) {
  // CHECK: %[[B:.*]] = comm.all_gather %arg1
  // CHECK: %[[B]][
  %0 = model.index (i: Columns = 8) ins(%a[i], %b[i floordiv 2] : tensor<8xf32, #model.axes<Columns>>, tensor<4xf32, #model.axes<Pairs>>) {
  ^bb0(%x: f32, %y: f32):
    %1 = arith.addf %x, %y : f32
    model.yield %1 : f32
  } : tensor<8xf32, #model.axes<Columns>>
  return %0, %c : tensor<8xf32, #model.axes<Columns>>, tensor<8xf32, #model.axes<Features>>
}
