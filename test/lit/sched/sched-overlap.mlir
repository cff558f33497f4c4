// RUN: %cleave-opt --convert-model-to-kernels --sched-overlap --verify-sched-stage --split-input-file %s | %FileCheck %s
// RUN: %cleave-opt --convert-model-to-kernels --sched-overlap --plan-memory --verify-memory-stage --split-input-file %s -o /dev/null

// Over links that carry by themselves: begun behind its operand, waited for before its reader.
!t = tensor<512x512xf32, #model.axes<I, J>>
dist.mesh @m ["dp"] = [2] links [#dist.link<"network", 1.2e10 : f64, 2.0e-5 : f64, "cluster">]
// CHECK-LABEL: func.func @f
// CHECK: %[[X:.*]] = pipe.launch
// CHECK-NEXT: %[[A:.*]] = comm.all_reduce sum %[[X]] over @m [#dist.axis<"dp">] {async, comm.hidden = {{[0-9.E-]+}} : f64
// CHECK: pipe.launch
// CHECK-NEXT: %[[W:.*]] = comm.wait %[[A]]
// CHECK-NEXT: pipe.launch @{{.*}}(%[[W]]
func.func @f(%x: !t {model.input = "x"}, %y: !t {model.input = "y"}) -> (!t {model.output = "r"}) attributes {model.entry} {
  %u = model.index (i: I = 512, j: J = 512) ins(%x[i, j] : !t) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : !t
  %p = model.index (i: I = 512, j: J = 512) sum (k: J = 512) ins(%x[i, k], %y[k, j] : !t, !t) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : !t
  %s = comm.all_reduce sum %u over @m [#dist.axis<"dp">] : !t
  %r = model.index (i: I = 512, j: J = 512) sum (k: J = 512) ins(%s[i, k], %p[k, j] : !t, !t) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : !t
  return %r : !t
}

// -----

// Through the memory of one process the processor itself moves the bytes: nothing is gained.
!t = tensor<512x512xf32, #model.axes<I, J>>
dist.mesh @m ["dp"] = [2] links [#dist.link<"memory", 8.0e9 : f64, 5.0e-6 : f64, "process">]
// CHECK-LABEL: func.func @process
// CHECK-NOT: async
func.func @process(%x: !t {model.input = "x"}, %y: !t {model.input = "y"}) -> (!t {model.output = "s"}, !t {model.output = "p"}) attributes {model.entry} {
  %s = comm.all_reduce sum %y over @m [#dist.axis<"dp">] : !t
  %p = model.index (i: I = 512, j: J = 512) sum (k: J = 512) ins(%x[i, k], %y[k, j] : !t, !t) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : !t
  return %s, %p : !t, !t
}

// -----

// A plan can have it anyhow, or never; the last word holds.
!t = tensor<512x512xf32, #model.axes<I, J>>
dist.mesh @m ["dp"] = [2] links [#dist.link<"memory", 8.0e9 : f64, 5.0e-6 : f64, "process">]
dist.plan @p on @m hash "" {
  dist.overlap never ["all"]
  dist.overlap ["early"]
}
// CHECK-LABEL: func.func @forced
// CHECK: comm.all_reduce {{.*}} {async
// CHECK: pipe.launch
// CHECK: comm.wait
func.func @forced(%x: !t {model.input = "x"}, %y: !t {model.input = "y"}) -> (!t {model.output = "s"}, !t {model.output = "p"}) attributes {model.entry} {
  %s = comm.all_reduce sum %y over @m [#dist.axis<"dp">] : !t
  %p = model.index (i: I = 512, j: J = 512) sum (k: J = 512) ins(%x[i, k], %y[k, j] : !t, !t) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : !t
  return %s, %p : !t, !t
}

// -----

// A gather makes more than it reads: it begins no earlier than the work that covers it.
!part = tensor<256x512xf32, #model.axes<J, K>>
!t = tensor<512x512xf32, #model.axes<I, J>>
!w = tensor<512x512xf32, #model.axes<J, K>>
!v = tensor<8192x512xf32, #model.axes<H, J>>
dist.mesh @m ["dp"] = [2] links [#dist.link<"network", 1.2e10 : f64, 2.0e-6 : f64, "cluster">]
// CHECK-LABEL: func.func @gather
// CHECK: pipe.launch
// CHECK: %[[A:.*]] = comm.all_gather %{{.*}} {async
// CHECK: pipe.launch
// CHECK: comm.wait %[[A]]
// CHECK: pipe.launch
func.func @gather(%x: !t {model.input = "x"}, %part: !part {model.input = "w"}, %h: !v {model.input = "h"}) -> (!t {model.output = "z"}) attributes {model.entry} {
  %p = model.index (i: I = 512, j: J = 512) sum (h: H = 8192) ins(%h[h, i], %h[h, j] : !v, !v) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : !t
  %q = model.index (i: I = 512, j: J = 512) sum (k: J = 512) ins(%p[i, k], %x[k, j] : !t, !t) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : !t
  %w = comm.all_gather %part dim 0 over @m [#dist.axis<"dp">] : !part -> !w
  %z = model.index (i: I = 512, k: K = 512) sum (j: J = 512) ins(%q[i, j], %w[j, k] : !t, !w) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<512x512xf32, #model.axes<I, K>>
  %r = model.index (i: I = 512, j: J = 512) ins(%z[i, j] : tensor<512x512xf32, #model.axes<I, K>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : !t
  return %r : !t
}
