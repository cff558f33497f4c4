// RUN: %cleave-opt --convert-model-to-kernels --sched-prefetch --sched-overlap --verify-sched-stage %s | %FileCheck %s --check-prefix SCHED
// RUN: %cleave-opt --convert-model-to-kernels --sched-prefetch --sched-overlap --plan-memory --verify-memory-stage %s | %FileCheck %s --check-prefix MEMORY
// RUN: %cleave-opt --convert-model-to-kernels --sched-prefetch --sched-overlap --plan-memory --print-exec %s -o /dev/null | %FileCheck %s --check-prefix EXEC

!act = tensor<256x256xf32, #model.axes<B, E>>
!part = tensor<128x256xf32, #model.axes<E, F>>
!weight = tensor<256x256xf32, #model.axes<E, F>>
!stack = tensor<5x128x256xf32, #model.axes<L, E, F>>
dist.mesh @m ["dp"] = [2] links [#dist.link<"network", 1.0e9 : f64, 2.0e-5 : f64, "cluster">]
model.state @w path "net[*].w" kind "param" : !stack

func.func private @layer(%i: tensor<i64>, %x: !act, %part: !part) -> !act {
  %w = comm.all_gather %part dim 0 over @m [#dist.axis<"dp">] : !part -> !weight
  %y = model.index (b: B = 256, f: E = 256) sum (e: E = 256) ins(%x[b, e], %w[e, f] : !act, !weight) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !act
  return %y : !act
}

// The gather of a turn is begun in the one before.
// SCHED-LABEL: func.func @up
// SCHED: pipe.loop count 5
// SCHED: comm.all_gather %{{.*}} {ahead, comm.hidden
// SCHED-NOT: comm.wait

// Its result has two places that take turns.
// MEMORY-LABEL: func.func @up
// MEMORY: comm.all_gather {{.*}}places = [#pipe.place<scratch, {{[0-9]+}}, [depth 0 mod 2 * 262144]>]
// MEMORY-LABEL: func.func @down
// MEMORY: comm.all_gather {{.*}}places = [#pipe.place<scratch, {{[0-9]+}}, [depth 0 mod 2 * 262144]>]

// Before the loop for its first turn, in each turn for the next: from the end where the loop runs down.
// EXEC-LABEL: entry up
// EXEC: start #0 all_gather{{.*}} (state+0 f32{{.*}}, scratch+[[AT:[0-9]+]] f32
// EXEC: loop 5 times
// EXEC: wait #0 all_gather{{.*}} (state+0 +131072*c0 f32{{.*}}, scratch+[[AT]] +262144*c0%2 f32
// EXEC: start #0 ahead all_gather{{.*}} (state+131072 +131072*c0 f32{{.*}}, scratch+{{[0-9]+}} +-262144*c0%2 f32
// EXEC: end
// EXEC-LABEL: entry down
// EXEC: start #0 all_gather{{.*}} (state+524288 f32
// EXEC: loop 5 times reverse
// EXEC: start #0 ahead all_gather{{.*}} (state+-131072 +131072*c0 f32
func.func @up(%w: !stack {model.state = @w}, %x: !act {model.input = "x"}) -> (!act {model.output = "y"}) attributes {model.entry} {
  %y = model.scan @layer count 5 over "L" consts() carries(%x) slices(%w) : (), (!act), (!stack) -> (!act)
  return %y : !act
}
func.func @down(%w: !stack {model.state = @w}, %x: !act {model.input = "x"}) -> (!act {model.output = "y"}) attributes {model.entry} {
  %y = model.scan @layer count 5 over "L" reverse consts() carries(%x) slices(%w) : (), (!act), (!stack) -> (!act)
  return %y : !act
}
