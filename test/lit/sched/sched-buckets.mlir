// RUN: %cleave-opt --convert-model-to-kernels --sched-buckets --verify-sched-stage %s | %FileCheck %s --check-prefix SCHED
// RUN: %cleave-opt --convert-model-to-kernels --sched-buckets --sched-overlap --plan-memory --verify-memory-stage %s | %FileCheck %s --check-prefix MEMORY

!a = tensor<16xf32, #model.axes<N>>
!b = tensor<4x8xf32, #model.axes<I, J>>
!long = tensor<1024x1024xf32, #model.axes<P, Q>>
dist.mesh @m ["dp"] = [2] links [#dist.link<"network", 1.0e9 : f64, 2.0e-5 : f64, "cluster">]

// Short sums of one group go as one; a long one goes alone, one that reads another's result comes later.
// SCHED-LABEL: func.func @short
// SCHED: %[[LONG:.*]] = comm.all_reduce sum %arg2
// SCHED: %[[P:.*]] = pipe.pack(%{{.*}}, %{{.*}}) : (tensor<16xf32, #model.axes<N>>, tensor<4x8xf32, #model.axes<I, J>>) -> tensor<48xf32, #model.axes<Bucket>>
// SCHED-NEXT: %[[S:.*]] = comm.all_reduce sum %[[P]]
// SCHED-NEXT: %[[U:.*]]:2 = pipe.unpack %[[S]]
// SCHED-NEXT: pipe.launch @{{.*}}(%[[U]]#0)
// SCHED: comm.all_reduce sum
// The parts are made where the whole lies, and summed in place.
// MEMORY-LABEL: func.func @short
// MEMORY: pipe.launch {{.*}}#pipe.place<scratch, [[AT:[0-9]+]]>
// MEMORY: pipe.pack{{.*}}#pipe.place<scratch, [[AT]]>
// MEMORY: comm.all_reduce {{.*}}tensor<48xf32{{.*}}
// MEMORY: pipe.unpack{{.*}}#pipe.place<scratch, [[AT]]>
func.func @short(%x: !a {model.input = "x"}, %y: !b {model.input = "y"}, %z: !long {model.input = "z"})
    -> (!a {model.output = "r"}, !b {model.output = "s"}, !long {model.output = "t"}) attributes {model.entry} {
  %u = model.index (n: N = 16) ins(%x[n] : !a) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : !a
  %v = model.index (i: I = 4, j: J = 8) ins(%y[i, j] : !b) {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    model.yield %0 : f32
  } : !b
  %su = comm.all_reduce sum %u over @m [#dist.axis<"dp">] : !a
  %long = comm.all_reduce sum %z over @m [#dist.axis<"dp">] : !long
  %w = model.index (n: N = 16) ins(%su[n] : !a) {
  ^bb0(%a: f32):
    %0 = math.sin %a : f32
    model.yield %0 : f32
  } : !a
  %sv = comm.all_reduce sum %v over @m [#dist.axis<"dp">] : !b
  %sw = comm.all_reduce sum %w over @m [#dist.axis<"dp">] : !a
  return %sw, %sv, %long : !a, !b, !long
}
