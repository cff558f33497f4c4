// RUN: %cleave-opt --comm-merge-gathers %s | %FileCheck %s

!t = tensor<4xf32, #model.axes<I>>
!w = tensor<8xf32, #model.axes<I>>
!big = tensor<8x16xf32, #model.axes<I, J>>
!part = tensor<4x16xf32, #model.axes<I, J>>
dist.mesh @m ["dp", "tp"] = [2, 2]

// The maximum is wanted in parts and whole: one all_reduce, of which the parts are a slice.
// CHECK-LABEL: func.func @direct
// CHECK: %[[A:.*]] = comm.all_reduce max %arg0
// CHECK: %[[P:.*]] = comm.slice %[[A]] dim 0
// CHECK-NOT: all_gather
// CHECK: model.index {{.*}} ins(%arg1[d0, d1], %[[A]][d0]
// CHECK: return %{{.*}}, %[[P]]
func.func @direct(%x: !w, %logits: !big) -> (!big, !t) {
  %p = comm.reduce_scatter max %x dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %g = comm.all_gather %p dim 0 over @m [#dist.axis<"tp">] : !t -> !w
  %y = model.index (i: I = 8, j: J = 16) ins(%logits[i, j], %g[i] : !big, !w) {
  ^bb0(%a: f32, %b: f32):
    %d = arith.subf %a, %b : f32
    model.yield %d : f32
  } : !big
  return %y, %p : !big, !t
}

// Ops between are done for the whole; what they read is whole already.
// CHECK-LABEL: func.func @between
// CHECK-NOT: reduce_scatter
// CHECK: %[[A:.*]] = comm.all_reduce sum %arg0
// CHECK-NOT: all_gather
// CHECK: %[[W:.*]] = model.index (d0: I = 8) ins(%[[A]][d0], %arg1[d0]
// CHECK: model.index (d0: I = 8, d1: J = 16) ins(%arg2[d0, d1], %[[W]][d0]
func.func @between(%x: !w, %whole: !w, %logits: !big) -> !big {
  %p = comm.reduce_scatter sum %x dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %q = comm.slice %whole dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %r = model.index (i: I = 4) ins(%p[i], %q[i] : !t, !t) {
  ^bb0(%a: f32, %b: f32):
    %d = arith.divf %b, %a : f32
    model.yield %d : f32
  } : !t
  %g = comm.all_gather %r dim 0 over @m [#dist.axis<"tp">] : !t -> !w
  %y = model.index (i: I = 8, j: J = 16) ins(%logits[i, j], %g[i] : !big, !w) {
  ^bb0(%a: f32, %b: f32):
    %d = arith.mulf %a, %b : f32
    model.yield %d : f32
  } : !big
  return %y : !big
}

// What is as large as what reads it stays in parts; so does what two sums make up, and what is gathered over others.
// CHECK-LABEL: func.func @kept
// CHECK-COUNT-4: comm.reduce_scatter
// CHECK-COUNT-3: comm.all_gather
func.func @kept(%x: !big, %u: !w, %v: !w, %logits: !big) -> (!big, !big, !big) {
  %p = comm.reduce_scatter sum %x dim 0 over @m [#dist.axis<"tp">] : !big -> !part
  %0 = comm.reduce_scatter sum %u dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %1 = comm.reduce_scatter sum %v dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %2 = comm.reduce_scatter max %v dim 0 over @m [#dist.axis<"dp">] : !w -> !t
  %g = comm.all_gather %p dim 0 over @m [#dist.axis<"tp">] : !part -> !big
  %s = model.index (i: I = 4) ins(%0[i], %1[i] : !t, !t) {
  ^bb0(%a: f32, %b: f32):
    %d = arith.mulf %a, %b : f32
    model.yield %d : f32
  } : !t
  %h = comm.all_gather %s dim 0 over @m [#dist.axis<"tp">] : !t -> !w
  %k = comm.all_gather %2 dim 0 over @m [#dist.axis<"tp">] : !t -> !w
  %y = model.index (i: I = 8, j: J = 16) ins(%logits[i, j], %h[i] : !big, !w) {
  ^bb0(%a: f32, %b: f32):
    %d = arith.mulf %a, %b : f32
    model.yield %d : f32
  } : !big
  %z = model.index (i: I = 8, j: J = 16) ins(%logits[i, j], %k[i] : !big, !w) {
  ^bb0(%a: f32, %b: f32):
    %d = arith.mulf %a, %b : f32
    model.yield %d : f32
  } : !big
  return %y, %z, %g : !big, !big, !big
}

// What lies between reads a number that each rank has its own of: the other's part cannot be computed here.
// CHECK-LABEL: func.func @own
// CHECK: comm.reduce_scatter
// CHECK: comm.all_gather
// CHECK-LABEL: func.func @shared
// CHECK-NOT: comm.reduce_scatter
// CHECK-NOT: comm.all_gather
func.func @own(%x: !w, %logits: !big) -> !big {
  %p = comm.reduce_scatter sum %x dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %o = comm.offset 8 block 0 over @m [#dist.axis<"tp">] : tensor<i64>
  %r = model.index (i: I = 4) ins(%p[i], %o[] : !t, tensor<i64>) {
  ^bb0(%a: f32, %b: i64):
    %c = arith.sitofp %b : i64 to f32
    %d = arith.addf %a, %c : f32
    model.yield %d : f32
  } : !t
  %g = comm.all_gather %r dim 0 over @m [#dist.axis<"tp">] : !t -> !w
  %y = model.index (i: I = 8, j: J = 16) ins(%logits[i, j], %g[i] : !big, !w) {
  ^bb0(%a: f32, %b: f32):
    %d = arith.mulf %a, %b : f32
    model.yield %d : f32
  } : !big
  return %y : !big
}
// One that the two share is no hindrance.
func.func @shared(%x: !w, %logits: !big) -> !big {
  %p = comm.reduce_scatter sum %x dim 0 over @m [#dist.axis<"tp">] : !w -> !t
  %o = comm.offset 8 block 0 over @m [#dist.axis<"dp">] : tensor<i64>
  %r = model.index (i: I = 4) ins(%p[i], %o[] : !t, tensor<i64>) {
  ^bb0(%a: f32, %b: i64):
    %c = arith.sitofp %b : i64 to f32
    %d = arith.addf %a, %c : f32
    model.yield %d : f32
  } : !t
  %g = comm.all_gather %r dim 0 over @m [#dist.axis<"tp">] : !t -> !w
  %y = model.index (i: I = 8, j: J = 16) ins(%logits[i, j], %g[i] : !big, !w) {
  ^bb0(%a: f32, %b: f32):
    %d = arith.mulf %a, %b : f32
    model.yield %d : f32
  } : !big
  return %y : !big
}
