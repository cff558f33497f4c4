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
// -----
func.func @f(%x: tensor<4x8xf32>) {
  // CHECK: waits for a collective that is async
  %b = comm.wait %x : tensor<4x8xf32>
  return
}
// -----
func.func @f(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %a = comm.all_reduce sum %x over @m [#dist.axis<"dp">] {async} : tensor<4x8xf32>
  // CHECK: is the only reader of what it waits for
  %b = comm.wait %a : tensor<4x8xf32>
  return %a : tensor<4x8xf32>
}
// -----
// Accepted: its wait is the one reader.
// CHECK: comm.wait
func.func @f(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %a = comm.all_reduce sum %x over @m [#dist.axis<"dp">] {async} : tensor<4x8xf32>
  %b = comm.wait %a : tensor<4x8xf32>
  return %b : tensor<4x8xf32>
}
