// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s
// RUN: %cleave-opt --dist-propagate --verify-dist-stage %s -o /dev/null

// Manual regions: layouts at the boundary, and what spreads across it.

dist.mesh @m ["cp", "tp"] = [2, 2]

// The local program has the blocks. Over the other axis it is cut as what it is given is; over the manual one nothing is.
// CHECK-LABEL: func.func private @local(
// CHECK-SAME: tensor<4x8xf32, #model.axes<Seq, Embed>> {dist.layout = #dist.layout<@m, [{?}, {"tp", ?}], replicated = {"cp"}>}
// CHECK-SAME: -> (tensor<4x8xf32, #model.axes<Seq, Embed>> {dist.layout = #dist.layout<@m, [{?}, {"tp", ?}], replicated = {"cp"}>})
func.func private @local(%x: tensor<4x8xf32, #model.axes<Seq, Embed>>) -> tensor<4x8xf32, #model.axes<Seq, Embed>> {
  // CHECK: dist.collective permute none
  // CHECK-SAME: dist.factors = [#dist.dim<{}>, #dist.dim<{"tp"}>], dist.layouts = [#dist.layout<@m, [{?}, {"tp", ?}], replicated = {"cp"}>]
  %y = dist.collective permute none %x by 1 over @m [#dist.axis<"cp">] : tensor<4x8xf32, #model.axes<Seq, Embed>> -> tensor<4x8xf32, #model.axes<Seq, Embed>>
  return %y : tensor<4x8xf32, #model.axes<Seq, Embed>>
}

// An operand becomes what the boundary wants, and takes its axes where it has none; what is cut behind the manual axes comes from outside.
// CHECK-LABEL: func.func @in(
// CHECK-SAME: {dist.layout = #dist.layout<@m, [{"cp", ?}, {"tp", ?}]>}
// CHECK-SAME: -> (tensor<8x8xf32, #model.axes<Seq, Embed>> {dist.layout = #dist.layout<@m, [{"cp", ?}, {"tp", ?}]>})
func.func @in(%x: tensor<8x8xf32, #model.axes<Seq, Embed>> {dist.layout = #dist.layout<@m, [{?}, {"tp", ?}]>}) -> tensor<8x8xf32, #model.axes<Seq, Embed>> {
  // CHECK: dist.constrain %arg0 to <@m, [{"cp", ?}, {?}]>
  // CHECK: dist.manual @local
  // CHECK-SAME: dist.layouts = [#dist.layout<@m, [{"cp", ?}, {"tp", ?}]>]
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp"}, {}]>] out [#dist.layout<@m, [{"cp"}, {}]>]
      : (tensor<8x8xf32, #model.axes<Seq, Embed>>) -> tensor<8x8xf32, #model.axes<Seq, Embed>>
  return %y : tensor<8x8xf32, #model.axes<Seq, Embed>>
}

// Free axes lie behind the manual ones of the same dim; what a body makes of what it is given goes out.
// CHECK-LABEL: func.func private @behind(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"tp", ?}], replicated = {"cp"}>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"tp", ?}], replicated = {"cp"}>}
func.func private @behind(%x: tensor<4xf32, #model.axes<Seq>>) -> tensor<4xf32, #model.axes<Seq>> {
  // CHECK: dist.rank over @m [#dist.axis<"cp">]
  %r = dist.rank over @m [#dist.axis<"cp">] : tensor<i64>
  return %x : tensor<4xf32, #model.axes<Seq>>
}
// CHECK-LABEL: func.func @out(
// CHECK-SAME: {dist.layout = #dist.layout<@m, [{"cp", "tp", ?}]>}
// CHECK-SAME: {dist.layout = #dist.layout<@m, [{"cp", "tp", ?}]>}
func.func @out(%x: tensor<8xf32, #model.axes<Seq>> {dist.layout = #dist.layout<@m, [{"cp", "tp", ?}]>}) -> tensor<8xf32, #model.axes<Seq>> {
  %y = dist.manual @behind(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp"}]>] out [#dist.layout<@m, [{"cp"}]>]
      : (tensor<8xf32, #model.axes<Seq>>) -> tensor<8xf32, #model.axes<Seq>>
  return %y : tensor<8xf32, #model.axes<Seq>>
}

// What wants a manual axis inside does not get it, and an operand without it at the boundary is whole there.
// CHECK-LABEL: func.func private @whole(
// CHECK-SAME: tensor<8xf32, #model.axes<Seq>> {dist.layout = #dist.layout<@m, [{?}], replicated = {"cp"}>}
func.func private @whole(%x: tensor<8xf32, #model.axes<Seq>>) -> tensor<8xf32, #model.axes<Seq>> {
  return %x : tensor<8xf32, #model.axes<Seq>>
}
// CHECK-LABEL: func.func @closed(
func.func @closed(%x: tensor<8xf32, #model.axes<Seq>> {dist.layout = #dist.layout<@m, [{"cp"}]>}) -> tensor<8xf32, #model.axes<Seq>> {
  // CHECK: dist.constrain %arg0 to <@m, [{?}], replicated = {"cp"}>
  // CHECK-SAME: dist.layouts = [#dist.layout<@m, [{?}], replicated = {"cp"}>]
  %y = dist.manual @whole(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{}]>] out [#dist.layout<@m, [{}]>]
      : (tensor<8xf32, #model.axes<Seq>>) -> tensor<8xf32, #model.axes<Seq>>
  return %y : tensor<8xf32, #model.axes<Seq>>
}
