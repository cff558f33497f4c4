// RUN: %cleave-opt --convert-model-to-kernels --sched-reductions --sched-overlap --verify-sched-stage %s | %FileCheck %s --check-prefix SCHED
// RUN: %cleave-opt --convert-model-to-kernels --sched-reductions --sched-overlap --plan-memory --verify-memory-stage %s | %FileCheck %s --check-prefix MEMORY
// RUN: %cleave-opt --convert-model-to-kernels --sched-reductions --sched-overlap --plan-memory --print-exec %s -o /dev/null | %FileCheck %s --check-prefix EXEC

!act = tensor<256x256xf32, #model.axes<B, E>>
!grad = tensor<256x256xf32, #model.axes<E, F>>
!part = tensor<128x256xf32, #model.axes<E, F>>
dist.mesh @m ["dp"] = [2] links [#dist.link<"network", 1.0e9 : f64, 2.0e-5 : f64, "cluster">]

// A turn's sum is begun where its operand is made, and waited for behind the loop.
// SCHED-LABEL: func.func @whole
// SCHED: %[[G:[0-9]+]]:2 = pipe.loop
// SCHED: %[[D:.*]]{{(:2)?}} = pipe.launch
// SCHED: comm.all_reduce sum %{{.*}} {async, comm.hidden
// SCHED: pipe.yield
// SCHED: comm.wait %[[G]]#1
// The operand is made where its sum is stacked.
// MEMORY-LABEL: func.func @whole
// MEMORY: comm.all_reduce {{.*}}places = [#pipe.place<scratch, [[AT:[0-9]+]], [depth 0 * 262144]>]
// What is reduced elsewhere is made in two places that take turns.
// MEMORY-LABEL: func.func @parts
// MEMORY: pipe.launch {{.*}}#pipe.place<scratch, {{[0-9]+}}, [depth 0 mod 2 * 262144]>
// MEMORY: comm.reduce_scatter {{.*}}places = [#pipe.place<scratch, {{[0-9]+}}, [depth 0 * 131072]>]
// EXEC-LABEL: entry whole
// EXEC: loop 4 times
// EXEC: start #0 all_reduce
// EXEC-NOT: wait
// EXEC: end
// EXEC-NEXT: wait #0 all_reduce
func.func private @each(%i: tensor<i64>, %x: !act, %s: !act) -> (!act, !grad) {
  %g = model.index (e: E = 256, f: F = 256) sum (b: B = 256) ins(%x[b, e], %s[b, f] : !act, !act) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !grad
  %n = model.index (b: B = 256, f: E = 256) sum (e: E = 256) ins(%x[b, e], %s[f, e] : !act, !act) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !act
  %sum = comm.all_reduce sum %g over @m [#dist.axis<"dp">] : !grad
  return %n, %sum : !act, !grad
}
func.func private @cut(%i: tensor<i64>, %x: !act, %s: !act) -> (!act, !part) {
  %g = model.index (e: E = 256, f: F = 256) sum (b: B = 256) ins(%x[b, e], %s[b, f] : !act, !act) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !grad
  %n = model.index (b: B = 256, f: E = 256) sum (e: E = 256) ins(%x[b, e], %s[f, e] : !act, !act) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !act
  %sum = comm.reduce_scatter sum %g dim 0 over @m [#dist.axis<"dp">] : !grad -> !part
  return %n, %sum : !act, !part
}
func.func @whole(%x: !act {model.input = "x"}, %s: tensor<4x256x256xf32, #model.axes<L, B, E>> {model.input = "s"})
    -> (!act {model.output = "y"}, tensor<4x256x256xf32, #model.axes<L, E, F>> {model.output = "g"}) attributes {model.entry} {
  %y, %g = model.scan @each count 4 over "L" reverse consts() carries(%x) slices(%s) : (), (!act), (tensor<4x256x256xf32, #model.axes<L, B, E>>) -> (!act, tensor<4x256x256xf32, #model.axes<L, E, F>>)
  %h = model.index (l: L = 4, e: E = 256, f: F = 256) ins(%g[l, e, f] : tensor<4x256x256xf32, #model.axes<L, E, F>>) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : tensor<4x256x256xf32, #model.axes<L, E, F>>
  return %y, %h : !act, tensor<4x256x256xf32, #model.axes<L, E, F>>
}
func.func @parts(%x: !act {model.input = "x"}, %s: tensor<4x256x256xf32, #model.axes<L, B, E>> {model.input = "s"})
    -> (!act {model.output = "y"}, tensor<4x128x256xf32, #model.axes<L, E, F>> {model.output = "g"}) attributes {model.entry} {
  %y, %g = model.scan @cut count 4 over "L" reverse consts() carries(%x) slices(%s) : (), (!act), (tensor<4x256x256xf32, #model.axes<L, B, E>>) -> (!act, tensor<4x128x256xf32, #model.axes<L, E, F>>)
  %h = model.index (l: L = 4, e: E = 128, f: F = 256) ins(%g[l, e, f] : tensor<4x128x256xf32, #model.axes<L, E, F>>) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : tensor<4x128x256xf32, #model.axes<L, E, F>>
  return %y, %h : !act, tensor<4x128x256xf32, #model.axes<L, E, F>>
}
