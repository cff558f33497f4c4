// RUN: %cleave-opt --comm-overlap %s | %FileCheck %s

!t = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// Begun behind its operand, waited for before its reader; collectives keep their order.
// CHECK-LABEL: func.func @f
// CHECK-NEXT: %[[A:.*]] = comm.all_reduce sum %arg0 over @m [#dist.axis<"dp">] {async}
// CHECK-NEXT: %[[B:.*]] = comm.all_reduce sum %arg1 over @m [#dist.axis<"dp">] {async}
// CHECK-NEXT: %[[P:.*]] = model.index
// CHECK: %[[W:.*]] = comm.wait %[[A]]
// CHECK-NEXT: %[[V:.*]] = comm.wait %[[B]]
// CHECK-NEXT: return %[[P]], %[[W]], %[[V]]
func.func @f(%x: !t, %y: !t) -> (!t, !t, !t) {
  %p = model.index (i: I = 8) ins(%x[i] : !t) {
  ^bb0(%u: f32):
    %0 = arith.addf %u, %u : f32
    model.yield %0 : f32
  } : !t
  %a = comm.all_reduce sum %x over @m [#dist.axis<"dp">] : !t
  %b = comm.all_reduce sum %y over @m [#dist.axis<"dp">] : !t
  return %p, %a, %b : !t, !t, !t
}
