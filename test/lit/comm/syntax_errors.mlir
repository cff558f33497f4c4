// RUN: not %cleave-opt --split-input-file %s 2>&1 | %FileCheck %s

func.func @f(%x: tensor<4x8xf32>) {
  // CHECK: has dim 2 of a tensor of rank 2
  %b = comm.all_gather %x dim 2 over @m [#dist.axis<"dp">] : tensor<4x8xf32> -> tensor<8x8xf32>
  return
}
// -----
func.func @f(%x: tensor<4x8xf32>) {
  // CHECK: changes the size of dim 0
  %b = comm.all_gather %x dim 1 over @m [#dist.axis<"dp">] : tensor<4x8xf32> -> tensor<8x8xf32>
  return
}
// -----
func.func @f(%x: tensor<4x8xf32>) {
  // CHECK: splits and joins dim 1
  %b = comm.all_to_all %x split 1 concat 1 over @m [#dist.axis<"dp">] : tensor<4x8xf32> -> tensor<4x8xf32>
  return
}
