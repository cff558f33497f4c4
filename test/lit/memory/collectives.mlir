// RUN: %cleave-opt --convert-model-to-kernels --verify-sched-stage %s | %FileCheck %s --check-prefix SCHED
// RUN: %cleave-opt --convert-model-to-kernels --plan-memory --verify-memory-stage %s | %FileCheck %s

// Two ranks, each with half the rows of every weight: a product of which each has a part is summed in each turn. Collectives are
// actions among others, in program order; where what they read dies they work in place.

!act = tensor<8xf32, #model.axes<H>>
!part = tensor<4xf32, #model.axes<H>>
!weight = tensor<4x8xf32, #model.axes<H, K>>
dist.mesh @m ["tp"] = [2]
model.state @w path "net[*].w" kind "param" : tensor<3x4x8xf32, #model.axes<Layers, H, K>>

func.func private @layer(%i: tensor<i64>, %x: !act, %w: !weight) -> !act {
  %own = comm.slice %x dim 0 over @m [#dist.axis<"tp">] : !act -> !part
  %u = model.index (k: K = 8) sum (h: H = 4) ins(%own[h], %w[h, k] : !part, !weight) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<8xf32, #model.axes<K>>
  %sum = comm.all_reduce sum %u over @m [#dist.axis<"tp">] : tensor<8xf32, #model.axes<K>>
  %y = model.index (h: H = 8) ins(%sum[h] : tensor<8xf32, #model.axes<K>>) {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    model.yield %0 : f32
  } : !act
  return %y : !act
}

// SCHED-LABEL: func.func @run
// SCHED: pipe.loop count 3 over "Layers"
// SCHED: comm.slice
// SCHED-NEXT: pipe.launch
// SCHED-NEXT: comm.all_reduce sum
// SCHED-NEXT: pipe.launch
// SCHED: pipe.yield

// CHECK-LABEL: func.func @run
// CHECK: pipe.loop
// CHECK: comm.slice %{{.*}} dim 0 over @m [#dist.axis<"tp">] {places = [#pipe.place<scratch, [[OWN:[0-9]+]]>]}
// CHECK: pipe.launch {{.*}} {places = [#pipe.place<scratch, [[U:[0-9]+]]>]}
// The sum lies where its operand lay.
// CHECK: comm.all_reduce sum {{.*}} {places = [#pipe.place<scratch, [[U]]>]}
func.func @run(%w: tensor<3x4x8xf32, #model.axes<Layers, H, K>> {model.state = @w}, %x: !act {model.input = "x"})
    -> (!act {model.output = "y"}) attributes {model.entry} {
  %y = model.scan @layer count 3 over "Layers" consts() carries(%x) slices(%w) : (), (!act), (tensor<3x4x8xf32, #model.axes<Layers, H, K>>) -> (!act)
  return %y : !act
}

// What a collective makes in an output, or an element of a stack, is computed there and summed in place.
// CHECK-LABEL: func.func @stack
// CHECK: pipe.launch {{.*}} {places = [#pipe.place<output 0, 0, [depth 0 * 32]>]}
// CHECK: comm.all_reduce max {{.*}} {places = [#pipe.place<output 0, 0, [depth 0 * 32]>]}
func.func private @each(%i: tensor<i64>, %x: !act) -> !act {
  %u = model.index (h: H = 8) ins(%x[h] : !act) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : !act
  %most = comm.all_reduce max %u over @m [#dist.axis<"tp">] : !act
  return %most : !act
}
func.func @stack(%x: tensor<5x8xf32, #model.axes<T, H>> {model.input = "x"})
    -> (tensor<5x8xf32, #model.axes<T, H>> {model.output = "y"}) attributes {model.entry} {
  %y = model.scan @each count 5 over "T" consts() carries() slices(%x) : (), (), (tensor<5x8xf32, #model.axes<T, H>>) -> (tensor<5x8xf32, #model.axes<T, H>>)
  return %y : tensor<5x8xf32, #model.axes<T, H>>
}

// What is read later is not overwritten.
// CHECK-LABEL: func.func @keep
// CHECK: pipe.launch {{.*}} {places = [#pipe.place<scratch, 64>]}
// CHECK: comm.all_reduce sum {{.*}} {places = [#pipe.place<scratch, 0>]}
// CHECK: pipe.launch @{{.*}}(%{{.*}}, %{{.*}})
func.func @keep(%x: !act {model.input = "x"}) -> (!act {model.output = "y"}) attributes {model.entry} {
  %u = model.index (h: H = 8) ins(%x[h] : !act) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : !act
  %sum = comm.all_reduce sum %u over @m [#dist.axis<"tp">] : !act
  %y = model.index (h: H = 8) ins(%u[h], %sum[h] : !act, !act) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.divf %a, %b : f32
    model.yield %0 : f32
  } : !act
  return %y : !act
}
