// RUN: %cleave-opt --comm-simplify %s | %FileCheck %s

!t = tensor<4xf32, #model.axes<I>>
!w = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// CHECK-LABEL: func.func @undone
// CHECK-NEXT: return %arg0, %arg1
func.func @undone(%x: !t, %y: !w) -> (!t, !w) {
  %0 = comm.all_gather %x dim 0 over @m [#dist.axis<"dp">] : !t -> !w
  %1 = comm.slice %0 dim 0 over @m [#dist.axis<"dp">] : !w -> !t
  %2 = comm.slice %y dim 0 over @m [#dist.axis<"dp">] : !w -> !t
  %3 = comm.all_gather %2 dim 0 over @m [#dist.axis<"dp">] : !t -> !w
  return %1, %3 : !t, !w
}
// CHECK-LABEL: func.func @joined
// CHECK: %[[A:.*]] = comm.reduce_scatter sum %arg0 dim 0
// CHECK: %[[B:.*]] = comm.all_reduce sum %arg1
// CHECK: return %[[A]], %[[B]]
func.func @joined(%x: !w, %y: !w) -> (!t, !w) {
  %0 = comm.all_reduce sum %x over @m [#dist.axis<"dp">] : !w
  %1 = comm.slice %0 dim 0 over @m [#dist.axis<"dp">] : !w -> !t
  %2 = comm.reduce_scatter sum %y dim 0 over @m [#dist.axis<"dp">] : !w -> !t
  %3 = comm.all_gather %2 dim 0 over @m [#dist.axis<"dp">] : !t -> !w
  return %1, %3 : !t, !w
}
// CHECK-LABEL: func.func @once
// CHECK: %[[C:.*]] = comm.slice %arg0 dim 0
// CHECK: return %arg0, %[[C]]
func.func @once(%x: !w) -> (!w, !t) {
  %0 = comm.only sum %x over @m [#dist.axis<"dp">] : !w
  %1 = comm.all_reduce sum %0 over @m [#dist.axis<"dp">] : !w
  %2 = comm.reduce_scatter sum %0 dim 0 over @m [#dist.axis<"dp">] : !w -> !t
  return %1, %2 : !w, !t
}
// Equal gathers are one.
// CHECK-LABEL: func.func @equal
// CHECK: %[[G:.*]] = comm.all_gather %arg0
// CHECK-NEXT: return %[[G]], %[[G]]
func.func @equal(%x: !t) -> (!w, !w) {
  %0 = comm.all_gather %x dim 0 over @m [#dist.axis<"dp">] : !t -> !w
  %1 = comm.all_gather %x dim 0 over @m [#dist.axis<"dp">] : !t -> !w
  return %0, %1 : !w, !w
}
// Along other axes nothing is undone; what somebody else reads is kept.
// CHECK-LABEL: func.func @kept
// CHECK: comm.all_gather
// CHECK-NEXT: comm.slice
// CHECK-NEXT: comm.all_reduce
// CHECK-NEXT: comm.slice
func.func @kept(%x: !t, %y: !w) -> (!t, !t, !w) {
  %0 = comm.all_gather %x dim 0 over @m [#dist.axis<"dp">] : !t -> !w
  %1 = comm.slice %0 dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %2 = comm.all_reduce sum %y over @m [#dist.axis<"dp">] : !w
  %3 = comm.slice %2 dim 0 over @m [#dist.axis<"dp">] : !w -> !t
  return %1, %3, %2 : !t, !t, !w
}
