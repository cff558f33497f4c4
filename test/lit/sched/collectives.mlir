// RUN: %cleave-opt --convert-model-to-kernels --verify-sched-stage --split-input-file %s | %FileCheck %s

!half = tensor<4xf32, #model.axes<N>>
!whole = tensor<8xf32, #model.axes<N>>
dist.mesh @m ["x"] = [2]

// Collectives stay in program order, for it is the same on all ranks; a gather goes down to its first reader.
// CHECK-LABEL: func.func @order
// CHECK: comm.all_reduce sum %arg0
// CHECK: comm.all_reduce max %arg1
// CHECK: pipe.launch
// CHECK: comm.all_gather %arg2
// CHECK: pipe.launch
func.func @order(%a: !half {model.input = "a"}, %b: !half {model.input = "b"}, %c: !half {model.input = "c"})
    -> (!half {model.output = "y"}, !whole {model.output = "z"}) attributes {model.entry} {
  %all = comm.all_gather %c dim 0 over @m [#dist.axis<"x">] : !half -> !whole
  %sum = comm.all_reduce sum %a over @m [#dist.axis<"x">] : !half
  %most = comm.all_reduce max %b over @m [#dist.axis<"x">] : !half
  %y = model.index (n: N = 4) ins(%sum[n], %most[n] : !half, !half) {
  ^bb0(%s: f32, %t: f32):
    %0 = arith.mulf %s, %t : f32
    model.yield %0 : f32
  } : !half
  %z = model.index (n: N = 8) ins(%all[n] : !whole) {
  ^bb0(%s: f32):
    %0 = math.exp %s : f32
    model.yield %0 : f32
  } : !whole
  return %y, %z : !half, !whole
}

// -----

!half = tensor<4xf32, #model.axes<N>>
!whole = tensor<8xf32, #model.axes<N>>
dist.mesh @m ["x", "y"] = [2, 3]

// The value of one member alone is a choice that kernels make: it asks which member it is, of six.
// CHECK-LABEL: func.func @only
// CHECK: %[[MEMBER:.*]] = comm.offset 6 block 1 over @m
// CHECK-NEXT: %[[Y:.*]] = pipe.launch @rows_0(%arg0, %[[MEMBER]])
// CHECK-SAME: names = ["net.once"]
// CHECK-NEXT: comm.all_reduce max %[[Y]]
// CHECK-LABEL: func.func private @rows_0(%arg0: tensor<4xf32>, %arg1: tensor<i64>)
// CHECK: %[[NONE:.*]] = arith.constant 0xFF800000 : f32
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[NONE]] : f32
func.func @only(%a: !half {model.input = "a"}) -> (!half {model.output = "y"}) attributes {model.entry} {
  %once = comm.only max %a over @m [#dist.axis<"x">, #dist.axis<"y">] : !half
  %named = model.name %once "net.once" : !half
  %y = comm.all_reduce max %named over @m [#dist.axis<"x">, #dist.axis<"y">] : !half
  // What nothing reads is not sent either.
  %lost = comm.all_gather %a dim 0 over @m [#dist.axis<"x">] : !half -> !whole
  return %y : !half
}

// -----

dist.mesh @m ["x"] = [2]

// What booleans mean is kept where other ranks' are combined.
// CHECK-LABEL: func.func @any
// CHECK: comm.all_reduce max %{{.*}} {model.type = "bool"} : tensor<4xi8
func.func @any(%a: tensor<4xi1, #model.axes<N>> {model.input = "a"}) -> (tensor<4xi1, #model.axes<N>> {model.output = "y"}) attributes {model.entry} {
  %y = comm.all_reduce max %a over @m [#dist.axis<"x">] : tensor<4xi1, #model.axes<N>>
  return %y : tensor<4xi1, #model.axes<N>>
}
