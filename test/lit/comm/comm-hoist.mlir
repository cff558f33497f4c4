// RUN: %cleave-opt --split-input-file --comm-hoist %s | %FileCheck %s

!t = tensor<8xf32, #model.axes<I>>
!s = tensor<3x8xf32, #model.axes<L, I>>
dist.mesh @m ["dp"] = [2]
// A carry that adds up stays pending.
// CHECK-LABEL: func.func private @accumulate
// CHECK-NOT: comm.all_reduce
// CHECK-LABEL: func.func @carry
// CHECK: %[[INIT:.*]] = comm.only sum %arg0
// CHECK: %[[SUM:.*]] = model.scan @accumulate count 3 over "L" consts() carries(%[[INIT]])
// CHECK: %[[ALL:.*]] = comm.all_reduce sum %[[SUM]] over @m [#dist.axis<"dp">]
// CHECK: return %[[ALL]]
func.func private @accumulate(%i: tensor<i64>, %c: !t, %g: !t) -> !t {
  %a = comm.all_reduce sum %g over @m [#dist.axis<"dp">] : !t
  %n = model.index (i: I = 8) ins(%c[i], %a[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %n : !t
}
func.func @carry(%c: !t, %g: !s) -> !t {
  %y = model.scan @accumulate count 3 over "L" consts() carries(%c) slices(%g) : (), (!t), (!s) -> (!t)
  return %y : !t
}

// -----
!t = tensor<8xf32, #model.axes<I>>
!s = tensor<3x8xf32, #model.axes<L, I>>
dist.mesh @m ["dp"] = [2]
// A carry that something else reads is wanted whole in every turn.
// CHECK-LABEL: func.func private @read
// CHECK: comm.all_reduce
func.func private @read(%i: tensor<i64>, %c: !t, %g: !t) -> (!t, !t) {
  %a = comm.all_reduce sum %g over @m [#dist.axis<"dp">] : !t
  %n = model.index (i: I = 8) ins(%c[i], %a[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %n, %c : !t, !t
}
func.func @carry(%c: !t, %g: !s) -> (!t, !s) {
  %y:2 = model.scan @read count 3 over "L" consts() carries(%c) slices(%g) : (), (!t), (!s) -> (!t, !s)
  return %y#0, %y#1 : !t, !s
}

// -----
!t = tensor<8xf32, #model.axes<I>>
!s = tensor<3x8xf32, #model.axes<L, I>>
!b = tensor<4194304xf32, #model.axes<J>>
!c = tensor<3x4194304xf32, #model.axes<L, J>>
dist.mesh @m ["dp"] = [2]
// Short messages become one of all turns; a long one may run beside the next turn.
// CHECK-LABEL: func.func private @stacked
// CHECK: comm.all_reduce sum %arg2
// CHECK-NOT: comm.all_reduce
// CHECK-LABEL: func.func @stack
// CHECK: %[[Y:.*]]:2 = model.scan @stacked
// CHECK: comm.all_reduce sum %[[Y]]#0 over @m [#dist.axis<"dp">] : tensor<3x8xf32
func.func private @stacked(%i: tensor<i64>, %g: !t, %h: !b) -> (!t, !b) {
  %a = comm.all_reduce sum %g over @m [#dist.axis<"dp">] : !t
  %b = comm.all_reduce sum %h over @m [#dist.axis<"dp">] : !b
  return %a, %b : !t, !b
}
func.func @stack(%g: !s, %h: !c) -> (!s, !c) {
  %y:2 = model.scan @stacked count 3 over "L" consts() carries() slices(%g, %h) : (), (), (!s, !c) -> (!s, !c)
  return %y#0, %y#1 : !s, !c
}

// -----
!p = tensor<4xf32, #model.axes<I>>
!t = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp"] = [2]
// What does not change is gathered once.
// CHECK-LABEL: func.func private @uses(%arg0: tensor<i64>, %arg1: tensor<4xf32, {{.*}}>, %arg2: tensor<8xf32
// CHECK-NOT: comm.all_gather
// CHECK-LABEL: func.func @const
// CHECK: %[[W:.*]] = comm.all_gather %arg0
// CHECK: model.scan @uses count 3 over "L" consts(%arg0, %[[W]])
func.func private @uses(%i: tensor<i64>, %w: !p, %c: !t) -> !t {
  %a = comm.all_gather %w dim 0 over @m [#dist.axis<"dp">] : !p -> !t
  %n = model.index (i: I = 8) ins(%c[i], %a[i] : !t, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.mulf %u, %v : f32
    model.yield %0 : f32
  } : !t
  return %n : !t
}
func.func @const(%w: !p, %c: !t) -> !t {
  %y = model.scan @uses count 3 over "L" consts(%w) carries(%c) slices() : (!p), (!t), () -> (!t)
  return %y : !t
}

// -----
!t = tensor<8xf32, #model.axes<I>>
!w = tensor<8x4xf32, #model.axes<I, J>>
!s = tensor<3x8xf32, #model.axes<L, I>>
#cut = #dist.layout<@m, [{}, {"tp"}]>
#other = #dist.layout<@m, [{}, {"dp"}]>
dist.mesh @m ["dp", "tp"] = [2, 2]
// A factor that is not the same on all ranks of the sum: here each has other columns of it, and of the carry.
// CHECK-LABEL: func.func private @columns
// CHECK: %[[A:.*]] = comm.all_reduce sum %arg3 over @m [#dist.axis<"tp">]
// CHECK: model.index {{.*}} ins(%arg2[d0, d1], %[[A]][d0], %arg1[d0, d1]
// CHECK-LABEL: func.func @product
// CHECK-NOT: comm.
// CHECK: return
func.func private @columns(%i: tensor<i64>, %w: !w {dist.layout = #cut}, %c: !w {dist.layout = #cut}, %g: !t)
    -> (!w {dist.layout = #cut}) {
  %a = comm.all_reduce sum %g over @m [#dist.axis<"tp">] : !t
  %n = model.index (i: I = 8, j: J = 4) ins(%c[i, j], %a[i], %w[i, j] : !w, !t, !w) {
  ^bb0(%u: f32, %v: f32, %k: f32):
    %0 = arith.mulf %v, %k : f32
    %1 = arith.addf %u, %0 : f32
    model.yield %1 : f32
  } : !w
  return %n : !w
}
func.func @product(%w: !w {dist.layout = #cut}, %c: !w {dist.layout = #cut}, %g: !s)
    -> (!w {dist.layout = #cut}) {
  %y = model.scan @columns count 3 over "L" consts(%w) carries(%c) slices(%g) : (!w), (!w), (!s) -> (!w)
  return %y : !w
}
// What is cut over other axes is the same on all ranks of the sum.
// CHECK-LABEL: func.func private @others
// CHECK-NOT: comm.
// CHECK-LABEL: func.func @otherProduct
// CHECK: %[[INIT:.*]] = comm.only sum %arg1 over @m [#dist.axis<"tp">]
// CHECK: model.scan @others count 3 over "L" consts(%arg0) carries(%[[INIT]])
// CHECK-NEXT: comm.all_reduce sum
func.func private @others(%i: tensor<i64>, %w: !w {dist.layout = #other}, %c: !w {dist.layout = #other}, %g: !t)
    -> (!w {dist.layout = #other}) {
  %a = comm.all_reduce sum %g over @m [#dist.axis<"tp">] : !t
  %n = model.index (i: I = 8, j: J = 4) ins(%c[i, j], %a[i], %w[i, j] : !w, !t, !w) {
  ^bb0(%u: f32, %v: f32, %k: f32):
    %0 = arith.mulf %v, %k : f32
    %1 = arith.addf %u, %0 : f32
    model.yield %1 : f32
  } : !w
  return %n : !w
}
func.func @otherProduct(%w: !w {dist.layout = #other}, %c: !w {dist.layout = #other}, %g: !s)
    -> (!w {dist.layout = #other}) {
  %y = model.scan @others count 3 over "L" consts(%w) carries(%c) slices(%g) : (!w), (!w), (!s) -> (!w)
  return %y : !w
}

// -----
!t = tensor<8xf32, #model.axes<I>>
!w = tensor<8x4xf32, #model.axes<I, J>>
!s = tensor<3x8xf32, #model.axes<L, I>>
#cut = #dist.layout<@m, [{}, {"tp"}]>
dist.mesh @m ["tp"] = [2]
// A carry of which each rank has another block, although all add the same: begun once it would be one rank's.
// CHECK-LABEL: func.func private @blocks
// CHECK: comm.all_reduce sum %arg2
// CHECK-LABEL: func.func @carry
// CHECK-NOT: comm.
func.func private @blocks(%i: tensor<i64>, %c: !w {dist.layout = #cut}, %g: !t) -> (!w {dist.layout = #cut}) {
  %a = comm.all_reduce sum %g over @m [#dist.axis<"tp">] : !t
  %n = model.index (i: I = 8, j: J = 4) ins(%c[i, j], %a[i] : !w, !t) {
  ^bb0(%u: f32, %v: f32):
    %0 = arith.addf %u, %v : f32
    model.yield %0 : f32
  } : !w
  return %n : !w
}
func.func @carry(%c: !w {dist.layout = #cut}, %g: !s) -> (!w {dist.layout = #cut}) {
  %y = model.scan @blocks count 3 over "L" consts() carries(%c) slices(%g) : (), (!w), (!s) -> (!w)
  return %y : !w
}
