// RUN: %cleave-opt --convert-model-to-kernels --plan-memory --verify-memory-stage %s | %FileCheck %s

// ZeRO: each of two ranks updates its block of a parameter that all have, and the blocks are gathered. A block lies in the whole,
// where it is read and where it is made; nothing is copied.

!whole = tensor<8x4xf32, #model.axes<I, O>>
!block = tensor<4x4xf32, #model.axes<I, O>>
dist.mesh @m ["dp"] = [2]
model.state @w path "w" kind "param" : !whole
model.state @v path "v" kind "param" : tensor<4x8xf32, #model.axes<I, O>>

// CHECK-LABEL: func.func @train
// CHECK: %[[OWN:.*]] = comm.slice %{{.*}} dim 0 over @m [#dist.axis<"dp">] {places = [#pipe.place<state, 0, over @m [#dist.axis<"dp">] * 64>]}
// CHECK: %[[NEW:.*]] = pipe.launch @{{.*}}(%[[OWN]]{{.*}} {places = [#pipe.place<state, 0, over @m [#dist.axis<"dp">] * 64>]}
// CHECK: comm.all_gather %[[NEW]] dim 0 over @m [#dist.axis<"dp">] {places = [#pipe.place<state, 0>]}
func.func @train(%w: !whole {model.state = @w}, %g: !block {model.input = "g"})
    -> (!whole {model.state = @w}) attributes {model.entry} {
  %own = comm.slice %w dim 0 over @m [#dist.axis<"dp">] : !whole -> !block
  %new = model.index (i: I = 4, o: O = 4) ins(%own[i, o], %g[i, o] : !block, !block) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.subf %a, %b : f32
    model.yield %0 : f32
  } : !block
  %all = comm.all_gather %new dim 0 over @m [#dist.axis<"dp">] : !block -> !whole
  return %all : !whole
}

// What reads the whole behind the update reads what was there before: the new block waits elsewhere.
// CHECK-LABEL: func.func @late
// CHECK: comm.slice {{.*}} {places = [#pipe.place<state, 0, over @m [#dist.axis<"dp">] * 64>]}
// CHECK: pipe.launch {{.*}} {places = [#pipe.place<scratch, 0>, #pipe.place<output 0, 0>]}
// CHECK: comm.all_gather {{.*}} {places = [#pipe.place<state, 0>]}
func.func @late(%w: !whole {model.state = @w}, %g: !block {model.input = "g"})
    -> (tensor<f32> {model.output = "norm"}, !whole {model.state = @w}) attributes {model.entry} {
  %own = comm.slice %w dim 0 over @m [#dist.axis<"dp">] : !whole -> !block
  %new = model.index (i: I = 4, o: O = 4) ins(%own[i, o], %g[i, o] : !block, !block) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.subf %a, %b : f32
    model.yield %0 : f32
  } : !block
  %one = model.index () sum (i: I = 4, o: O = 4) ins(%new[i, o] : !block) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  %norm = model.index () sum (i: I = 8, o: O = 4) ins(%w[i, o], %one[] : !whole, tensor<f32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<f32>
  %all = comm.all_gather %new dim 0 over @m [#dist.axis<"dp">] : !block -> !whole
  return %norm, %all : tensor<f32>, !whole
}

// A block of columns is no piece of memory.
// CHECK-LABEL: func.func @columns
// CHECK: comm.slice {{.*}} {places = [#pipe.place<scratch, [[PLACE:[0-9]+]]>]}
// CHECK: pipe.launch {{.*}} {places = [#pipe.place<scratch, [[PLACE]]>]}
// CHECK: comm.all_gather {{.*}} {places = [#pipe.place<state, 128>]}
func.func @columns(%v: tensor<4x8xf32, #model.axes<I, O>> {model.state = @v}, %g: !block {model.input = "g"})
    -> (tensor<4x8xf32, #model.axes<I, O>> {model.state = @v}) attributes {model.entry} {
  %own = comm.slice %v dim 1 over @m [#dist.axis<"dp">] : tensor<4x8xf32, #model.axes<I, O>> -> !block
  %new = model.index (i: I = 4, o: O = 4) ins(%own[i, o], %g[i, o] : !block, !block) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.subf %a, %b : f32
    model.yield %0 : f32
  } : !block
  %all = comm.all_gather %new dim 1 over @m [#dist.axis<"dp">] : !block -> tensor<4x8xf32, #model.axes<I, O>>
  return %all : tensor<4x8xf32, #model.axes<I, O>>
}
