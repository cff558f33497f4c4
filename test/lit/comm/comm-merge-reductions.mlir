// RUN: %cleave-opt --split-input-file --comm-merge-reductions %s | %FileCheck %s

!t = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// One all_reduce for both; what is added to them is counted once.
// CHECK-LABEL: func.func @sum
// CHECK-NEXT: %[[O:.*]] = comm.only sum %arg2
// CHECK-NEXT: %[[S:.*]] = model.index (d0: I = 8) ins(%arg0[d0], %arg1[d0], %[[O]][d0]
// CHECK: %[[Y:.*]] = comm.all_reduce sum %[[S]] over @m [#dist.axis<"tp">]
// CHECK-NEXT: return %[[Y]]
func.func @sum(%p: !t, %q: !t, %x: !t) -> !t {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"tp">] : !t
  %b = comm.all_reduce sum %q over @m [#dist.axis<"tp">] : !t
  %y = model.index (i: I = 8) ins(%a[i], %b[i], %x[i] : !t, !t, !t) {
  ^bb0(%u: f32, %v: f32, %w: f32):
    %0 = arith.addf %u, %v : f32
    %1 = arith.addf %0, %w : f32
    model.yield %1 : f32
  } : !t
  return %y : !t
}

// -----
!t = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// Through casts and scalings to where they meet: a scalar for two tensors.
// CHECK-LABEL: func.func @norm
// CHECK-COUNT-1: comm.all_reduce
// CHECK-NOT: comm.all_reduce
func.func @norm(%p: !t, %q: !t) -> tensor<f64> {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"tp">] : !t
  %b = comm.all_reduce sum %q over @m [#dist.axis<"tp">] : !t
  %s = model.index () sum (i: I = 8) ins(%a[i] : !t) {
  ^bb0(%u: f32):
    model.yield %u : f32
  } : tensor<f32>
  %t = model.index () ins(%s[] : tensor<f32>) {
  ^bb0(%u: f32):
    %0 = arith.extf %u : f32 to f64
    model.yield %0 : f64
  } : tensor<f64>
  %r = model.index () sum (i: I = 8) ins(%b[i] : !t) {
  ^bb0(%u: f32):
    %0 = arith.extf %u : f32 to f64
    model.yield %0 : f64
  } : tensor<f64>
  %y = model.index () ins(%t[], %r[] : tensor<f64>, tensor<f64>) {
  ^bb0(%u: f64, %v: f64):
    %0 = arith.addf %u, %v : f64
    model.yield %0 : f64
  } : tensor<f64>
  return %y : tensor<f64>
}

// -----
!w = tensor<8xf32, #model.axes<I>>
!t = tensor<4xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// reduce_scatters meet in element-wise ops, which then work on the whole.
// CHECK-LABEL: func.func @scattered
// CHECK: %[[S:.*]] = model.index (d0: I = 8) ins(%arg0[d0], %arg1[d0]
// CHECK: comm.reduce_scatter sum %[[S]] dim 0
// CHECK-NOT: comm.reduce_scatter
func.func @scattered(%p: !w, %q: !w) -> !t {
  %a = comm.reduce_scatter sum %p dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %b = comm.reduce_scatter sum %q dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %y = model.index (i: I = 4) ins(%a[i], %b[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %y : !t
}

// -----
!t = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// What is not linear stays; so does what somebody else reads, and what is pending over other axes.
// CHECK-LABEL: func.func @kept
// CHECK-COUNT-4: comm.all_reduce
// CHECK-NOT: comm.only
func.func @kept(%p: !t, %q: !t, %r: !t, %s: !t) -> (!t, !t, !t) {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"tp">] : !t
  %b = comm.all_reduce sum %q over @m [#dist.axis<"tp">] : !t
  %y = model.index (i: I = 8) ins(%a[i], %b[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.mulf %u, %v : f32
    model.yield %0 : f32
  } : !t
  %c = comm.all_reduce sum %r over @m [#dist.axis<"tp">] : !t
  %d = comm.all_reduce sum %s over @m [#dist.axis<"dp">] : !t
  %z = model.index (i: I = 8) ins(%c[i], %d[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %y, %z, %d : !t, !t, !t
}

// -----
!t = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// Over different axes: what is complete over tp is counted once there.
// CHECK-LABEL: func.func @differentAxes
// CHECK: %[[O:.*]] = comm.only sum %arg0 over @m [#dist.axis<"tp">]
// CHECK: %[[S:.*]] = model.index {{.*}} ins(%[[O]][{{.*}}], %arg1
// CHECK: comm.all_reduce sum %[[S]] over @m [#dist.axis<"dp">, #dist.axis<"tp">]
// CHECK-NOT: comm.all_reduce
func.func @differentAxes(%p: !t, %q: !t) -> !t {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"dp">] : !t
  %b = comm.all_reduce sum %q over @m [#dist.axis<"dp">, #dist.axis<"tp">] : !t
  %y = model.index (i: I = 8) ins(%a[i], %b[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %y : !t
}

// -----
!t = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [4, 2]
// Parts of one axis stay apart.
// CHECK-LABEL: func.func @partsOfAxes
// CHECK-COUNT-2: comm.all_reduce
func.func @partsOfAxes(%p: !t, %q: !t) -> !t {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"dp":(1)2>] : !t
  %b = comm.all_reduce sum %q over @m [#dist.axis<"dp">] : !t
  %y = model.index (i: I = 8) ins(%a[i], %b[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %y : !t
}

// -----
!t = tensor<8xf32, #model.axes<I>>
!w = tensor<8x4xf32, #model.axes<I, J>>
!y = tensor<4xf32, #model.axes<J>>
#cut = #dist.layout<@m, [{}, {"tp"}]>
#same = #dist.layout<@m, [{}, {}]>
dist.mesh @m ["dp", "tp"] = [2, 2]
// A factor that is not the same on all ranks is multiplied with the sum: here each has other columns.
// CHECK-LABEL: func.func @columns
// CHECK-NEXT: %[[A:.*]] = comm.all_reduce sum %arg0
// CHECK-NEXT: model.index {{.*}} ins(%[[A]][d1], %arg1
// CHECK-NOT: comm.all_reduce
func.func @columns(%p: !t, %w: !w {dist.layout = #cut}) -> !y {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"tp">] : !t
  %y = model.index (j: J = 4) sum (i: I = 8) ins(%a[i], %w[i, j] : !t, !w) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.mulf %u, %v : f32
    model.yield %0 : f32
  } : !y
  return %y : !y
}
// One that is the same lets it pass, for what comes out is less.
// CHECK-LABEL: func.func @same
// CHECK-NEXT: %[[Y:.*]] = model.index
// CHECK: comm.all_reduce sum %[[Y]]
func.func @same(%p: !t, %w: !w {dist.layout = #same}) -> !y {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"tp">] : !t
  %y = model.index (j: J = 4) sum (i: I = 8) ins(%a[i], %w[i, j] : !t, !w) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.mulf %u, %v : f32
    model.yield %0 : f32
  } : !y
  return %y : !y
}

// -----
!t = tensor<8xf32, #model.axes<I>>
#cut = #dist.layout<@m, [{"dp"}]>
dist.mesh @m ["dp", "tp"] = [2, 2]
// Sums over different axes do not meet where one of them has other rows along the other's axis.
// CHECK-LABEL: func.func @rows
// CHECK: comm.all_reduce sum {{.*}} over @m [#dist.axis<"tp">]
// CHECK: comm.all_reduce sum {{.*}} over @m [#dist.axis<"dp">, #dist.axis<"tp">]
// CHECK-NOT: comm.all_reduce
func.func @rows(%p: !t {dist.layout = #cut}, %q: !t) -> !t {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"tp">] : !t
  %b = comm.all_reduce sum %q over @m [#dist.axis<"dp">, #dist.axis<"tp">] : !t
  %y = model.index (i: I = 8) ins(%a[i], %b[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %y : !t
}
// Nor where a factor behind one of them has: over its own axis it was the same.
// CHECK-LABEL: func.func @factors
// CHECK: comm.all_reduce sum {{.*}} over @m [#dist.axis<"tp">]
// CHECK: comm.all_reduce sum {{.*}} over @m [#dist.axis<"dp">, #dist.axis<"tp">]
// CHECK-NOT: comm.all_reduce
func.func @factors(%p: !t, %q: !t, %w: !t {dist.layout = #cut}) -> !t {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"tp">] : !t
  %b = comm.all_reduce sum %q over @m [#dist.axis<"dp">, #dist.axis<"tp">] : !t
  %c = model.index (i: I = 8) ins(%a[i], %w[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.mulf %u, %v : f32
    model.yield %0 : f32
  } : !t
  %y = model.index (i: I = 8) ins(%c[i], %b[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %y : !t
}
// What is the same along both meets.
// CHECK-LABEL: func.func @meet
// CHECK: comm.all_reduce sum {{.*}} over @m [#dist.axis<"dp">, #dist.axis<"tp">]
// CHECK-NOT: comm.all_reduce
func.func @meet(%p: !t, %q: !t, %w: !t) -> !t {
  %a = comm.all_reduce sum %p over @m [#dist.axis<"tp">] : !t
  %b = comm.all_reduce sum %q over @m [#dist.axis<"dp">, #dist.axis<"tp">] : !t
  %c = model.index (i: I = 8) ins(%a[i], %w[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.mulf %u, %v : f32
    model.yield %0 : f32
  } : !t
  %y = model.index (i: I = 8) ins(%c[i], %b[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %y : !t
}
