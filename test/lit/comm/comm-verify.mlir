// RUN: not %cleave-opt --split-input-file --comm-verify %s 2>&1 | %FileCheck %s

!t = tensor<4xf32, #model.axes<I>>
!w = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 4]
func.func @axis(%x: !t) {
  // CHECK: a collective is over axes of its mesh, got: "pp"
  %y = comm.all_reduce sum %x over @m [#dist.axis<"pp">] : !t
  return
}
// -----
!t = tensor<4xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 4]
func.func @twice(%x: !t) {
  // CHECK: a collective is over a mesh axis once, got twice: "tp"
  %y = comm.all_reduce sum %x over @m [#dist.axis<"tp">, #dist.axis<"tp":(2)2>] : !t
  return
}
// -----
!t = tensor<4xf32, #model.axes<I>>
!w = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 4]
func.func @block(%x: !t) {
  // CHECK: the parts of a dim are blocks of it, got: 4 of 8 over [#dist.axis<"tp">]
  %y = comm.all_gather %x dim 0 over @m [#dist.axis<"tp">] : !t -> !w
  return
}
// -----
!t = tensor<4xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 4]
func.func @permute(%x: !t) {
  // CHECK: a member gives once, and is one of the group, got source: 1
  %y = comm.permute %x from [1, 1] over @m [#dist.axis<"dp">] : !t -> !t
  return
}
// -----
dist.mesh @m ["dp", "tp"] = [2, 4]
// CHECK: what goes in and out of an entry is a block of its whole, got: 'tensor<4xf32>' of 'tensor<9xf32>'
func.func @port(%x: tensor<4xf32> {model.input = "x", comm.global = tensor<9xf32>}) attributes {model.entry} {
  return
}
// -----
!t = tensor<4xf32, #model.axes<I>>
!w = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 4]
// All of this is accepted.
// CHECK: func.func @good
func.func @good(%x: !t {model.input = "x", comm.global = !w, dist.layout = #dist.layout<@m, [{"dp"}]>}) -> (!w {model.output = "y", comm.global = !w}) attributes {model.entry} {
  %0 = comm.permute %x from [1, 0] over @m [#dist.axis<"dp">] : !t -> !t
  %1 = comm.all_reduce sum %0 over @m [#dist.axis<"tp":(1)2>, #dist.axis<"tp":(2)2>] : !t
  %2 = comm.all_gather %1 dim 0 over @m [#dist.axis<"dp">] : !t -> !w
  return %2 : !w
}
