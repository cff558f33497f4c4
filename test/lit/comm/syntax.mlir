// RUN: %cleave-opt %s | %cleave-opt | %FileCheck %s

!local = tensor<4x8xf32, #model.axes<Batch, Embed>>
!whole = tensor<8x8xf32, #model.axes<Batch, Embed>>
func.func @f(%x: !local) -> !whole {
  // CHECK: comm.all_reduce sum %{{.*}} over @m [#dist.axis<"tp">]
  %a = comm.all_reduce sum %x over @m [#dist.axis<"tp">] : !local
  // CHECK: comm.all_gather %{{.*}} dim 0 over @m [#dist.axis<"dp">]
  %b = comm.all_gather %a dim 0 over @m [#dist.axis<"dp">] : !local -> !whole
  // CHECK: comm.slice %{{.*}} dim 0 over @m
  %c = comm.slice %b dim 0 over @m [#dist.axis<"dp">] : !whole -> !local
  // CHECK: comm.reduce_scatter sum %{{.*}} dim 0 over @m
  %d = comm.reduce_scatter sum %b dim 0 over @m [#dist.axis<"dp">] : !whole -> !local
  // CHECK: comm.offset 8 block 0 over @m [#dist.axis<"dp">] : tensor<i64>
  %o = comm.offset 8 block 0 over @m [#dist.axis<"dp">] : tensor<i64>
  return %b : !whole
}
