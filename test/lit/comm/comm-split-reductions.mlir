// RUN: %cleave-opt --comm-split-reductions=least=32 %s | %FileCheck %s
// RUN: %cleave-opt --comm-split-reductions=least=32 --comm-simplify %s | %FileCheck %s --check-prefix=BACK

!w = tensor<8xf32, #model.axes<I>>
!s = tensor<2xf32, #model.axes<J>>
!o = tensor<9xf32, #model.axes<K>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// Large ones that the members divide.
// CHECK-LABEL: func.func @f
// CHECK: %[[S:.*]] = comm.reduce_scatter sum %arg0 dim 0 over @m [#dist.axis<"dp">] : tensor<8xf32, {{.*}}> -> tensor<4xf32
// CHECK: comm.all_gather %[[S]] dim 0 over @m [#dist.axis<"dp">]
// CHECK: comm.all_reduce sum %arg1
// CHECK: comm.all_reduce sum %arg2
// BACK-COUNT-3: comm.all_reduce
func.func @f(%x: !w, %y: !s, %z: !o) -> (!w, !s, !o) {
  %0 = comm.all_reduce sum %x over @m [#dist.axis<"dp">] : !w
  %1 = comm.all_reduce sum %y over @m [#dist.axis<"dp">] : !s
  %2 = comm.all_reduce sum %z over @m [#dist.axis<"dp">] : !o
  return %0, %1, %2 : !w, !s, !o
}
