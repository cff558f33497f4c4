// RUN: %cleave-opt --split-input-file --dist-propagate --comm-partition=rank=1,0 --comm-verify %s | %FileCheck %s

// A region is a call on this rank's blocks until actions are made; the body is cut over the free axes as well.
!x = tensor<8x8xf32, #model.axes<Seq, Embed>>
!b = tensor<4x8xf32, #model.axes<Seq, Embed>>
dist.mesh @m ["cp", "tp"] = [2, 2]
// CHECK-LABEL: func.func private @local(
// CHECK-SAME: %arg0: tensor<4x4xf32,
// CHECK-SAME: comm.manual = #comm.reason<"f", "forward", "the local program of a manual region asks for it"
func.func private @local(%x: !b) -> !b {
  // CHECK: %[[RANK:.*]] = comm.offset 2 block 1 over @m [#dist.axis<"cp">] : tensor<i64>
  // CHECK: %[[MOVED:.*]] = comm.permute %arg0 from [1, 0] over @m [#dist.axis<"cp">] {reason = #comm.reason
  // CHECK: model.index (d0: Seq = 4, d1: Embed = 4) ins(%[[MOVED]][d0, d1], %[[RANK]][]
  %r = dist.rank over @m [#dist.axis<"cp">] : tensor<i64>
  %y = dist.collective permute none %x by 1 over @m [#dist.axis<"cp">] : !b -> !b
  %z = model.index (s: Seq = 4, e: Embed = 8) ins(%y[s, e], %r[] : !b, tensor<i64>) {
  ^bb0(%a: f32, %n: i64):
    %0 = arith.sitofp %n : i64 to f32
    %1 = arith.addf %a, %0 : f32
    model.yield %1 : f32
  } : !b
  return %z : !b
}
// CHECK-LABEL: func.func @f(%arg0: tensor<4x4xf32
func.func @f(%x: !x {dist.layout = #dist.layout<@m, [{"cp"}, {"tp"}]>}) -> (!x {dist.layout = #dist.layout<@m, [{"cp"}, {"tp"}]>}) {
  // CHECK-NEXT: %[[Y:.*]] = model.call @local(%arg0)
  // CHECK-SAME: comm.manual = {in = [#dist.layout<@m, [{"cp"}, {"tp"}]>], out = [#dist.layout<@m, [{"cp"}, {"tp"}]>], over = [#dist.axis<"cp">], types = [tensor<8x8xf32
  // CHECK-NEXT: return %[[Y]]
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp"}, {}]>] out [#dist.layout<@m, [{"cp"}, {}]>] : (!x) -> !x
  return %y : !x
}

// -----
// What a local program may ask for. A dim of one stands for this rank along the leading dim.
!x = tensor<4xf32, #model.axes<Seq>>
!s = tensor<3x4xf32, #model.axes<ranks, Seq>>
!g = tensor<12xf32, #model.axes<Seq>>
dist.mesh @m ["dp", "cp"] = [2, 3]
// CHECK-LABEL: func.func private @asks(
func.func private @asks(%x: !x) -> (!x, !x, !x) {
  // CHECK: comm.all_reduce max %arg0 over @m [#dist.axis<"cp">]
  %a = dist.collective all_reduce max %x by 0 over @m [#dist.axis<"cp">] : !x -> !x
  // CHECK: %[[ONE:.*]] = model.index (d0: ranks = 1, d1: Seq = 4)
  // CHECK: %[[ALL:.*]] = comm.all_gather %[[ONE]] dim 0 over @m [#dist.axis<"cp">] {{.*}} -> tensor<3x4xf32
  %b = dist.collective all_gather none %x by 0 over @m [#dist.axis<"cp">] : !x -> !s
  // CHECK: comm.all_to_all %{{.*}} split 0 concat 1 over @m [#dist.axis<"cp">] {{.*}} : tensor<3x1x4xf32, {{.*}}> -> tensor<1x3x4xf32
  %c = dist.collective all_to_all none %b by 0 over @m [#dist.axis<"cp">] : !s -> !s
  // CHECK: comm.reduce_scatter sum %{{.*}} dim 0 over @m [#dist.axis<"cp">] {{.*}} : tensor<3x4xf32, {{.*}}> -> tensor<1x4xf32
  %d = dist.collective reduce_scatter sum %c by 0 over @m [#dist.axis<"cp">] : !s -> !x
  // CHECK: comm.permute %arg0 from [1, 2, 0] over @m [#dist.axis<"cp">]
  %e = dist.collective permute none %x by -1 over @m [#dist.axis<"cp">] : !x -> !x
  return %a, %d, %e : !x, !x, !x
}
func.func @g(%x: !g) -> (!g, !g, !g) {
  %y:3 = dist.manual @asks(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp"}]>]
      out [#dist.layout<@m, [{"cp"}]>, #dist.layout<@m, [{"cp"}]>, #dist.layout<@m, [{"cp"}]>] : (!g) -> (!g, !g, !g)
  return %y#0, %y#1, %y#2 : !g, !g, !g
}
