// RUN: %cleave-opt --comm-norms --comm-verify --split-input-file %s | %FileCheck %s

// The norm of a sum: half of the rows on each of two ranks, then gathered.
!t = tensor<512x256xf32, #model.axes<B, E>>
!row = tensor<512xf32, #model.axes<B>>
dist.mesh @m ["tp"] = [2] links [#dist.link<"network", 1.2e10 : f64, 2.0e-6 : f64, "cluster">]
// CHECK-LABEL: func.func @norm
// CHECK: %[[S:.*]] = comm.reduce_scatter sum %arg0 dim 0 over @m [#dist.axis<"tp">] {{.*}}-> tensor<256x256xf32
// CHECK: %[[N:.*]] = model.index (d0: B = 256) sum (d1: E = 256) ins(%[[S]][d0, d1]
// The other operand is cut, the scale is not.
// CHECK: %[[O:.*]] = comm.slice %arg1 dim 0 over @m [#dist.axis<"tp">]
// CHECK: %[[Y:.*]] = model.index (d0: B = 256, d1: E = 256) ins(%[[S]][d0, d1], %[[N]][d0], %[[O]][d0, d1], %arg2[d1]
// CHECK: %[[G:.*]] = comm.all_gather %[[Y]] dim 0
// CHECK: return %[[G]]
func.func @norm(%x: !t, %o: !t, %scale: tensor<256xf32, #model.axes<E>>) -> !t {
  %s = comm.all_reduce sum %x over @m [#dist.axis<"tp">] {reason = #comm.reason<"h", "forward", "why", "", loc(unknown)>} : !t
  %n = model.index (b: B = 512) sum (e: E = 256) ins(%s[b, e] : !t) {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    model.yield %0 : f32
  } : !row
  %y = model.index (b: B = 512, e: E = 256) ins(%s[b, e], %n[b], %o[b, e], %scale[e] : !t, !row, !t, tensor<256xf32, #model.axes<E>>) {
  ^bb0(%a: f32, %c: f32, %d: f32, %g: f32):
    %0 = math.rsqrt %c : f32
    %1 = arith.mulf %a, %0 : f32
    %2 = arith.addf %1, %d : f32
    %3 = arith.mulf %2, %g : f32
    model.yield %3 : f32
  } : !t
  return %y : !t
}

// -----

!t = tensor<512x256xf32, #model.axes<B, E>>
!row = tensor<512xf32, #model.axes<B>>
dist.mesh @m ["tp"] = [2] links [#dist.link<"network", 1.0e9 : f64, 2.0e-5 : f64, "cluster">]

// The sum is read elsewhere too: two gathers cost more than the work that is saved.
// CHECK-LABEL: func.func @both
// CHECK: comm.all_reduce
// CHECK-NOT: comm.all_gather
func.func @both(%x: !t) -> (!t, !t) {
  %s = comm.all_reduce sum %x over @m [#dist.axis<"tp">] : !t
  %n = model.index (b: B = 512) sum (e: E = 256) ins(%s[b, e] : !t) {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    model.yield %0 : f32
  } : !row
  %y = model.index (b: B = 512, e: E = 256) ins(%s[b, e], %n[b] : !t, !row) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !t
  return %y, %s : !t, !t
}

// What asks which row it is in the whole stays.
// CHECK-LABEL: func.func @asks
// CHECK: comm.all_reduce
// CHECK-NOT: comm.reduce_scatter
func.func @asks(%x: !t) -> !row {
  %s = comm.all_reduce sum %x over @m [#dist.axis<"tp">] : !t
  %n = model.index (b: B = 512) sum (e: E = 256) ins(%s[b, e] : !t) {
  ^bb0(%a: f32):
    %i = model.iter 0
    %f = arith.sitofp %i : i64 to f32
    %0 = arith.mulf %a, %f : f32
    model.yield %0 : f32
  } : !row
  return %n : !row
}

// -----

!t = tensor<512x256xf32, #model.axes<B, E>>
!part = tensor<512x16xf32, #model.axes<B, H>>
!w = tensor<256x16xf32, #model.axes<E, H>>
!row = tensor<512xf32, #model.axes<B>>
#cut = #dist.layout<@m, [{}, {"tp"}]>
#other = #dist.layout<@m, [{}, {"dp"}]>
dist.mesh @m ["dp", "tp"] = [2, 2] links [#dist.link<"network", 1.2e10 : f64, 2.0e-6 : f64, "cluster">, #dist.link<"network", 1.2e10 : f64, 2.0e-6 : f64, "cluster">]

// What reads its own rank's columns stays with all rows: rows of other ranks would come with other columns.
// CHECK-LABEL: func.func @columns
// CHECK: comm.all_reduce
// CHECK-NOT: comm.reduce_scatter
// CHECK-LABEL: func.func @otherColumns
func.func @columns(%x: !t, %w: !w {dist.layout = #cut}) -> (!part {dist.layout = #cut}) {
  %s = comm.all_reduce sum %x over @m [#dist.axis<"tp">] : !t
  %y = model.index (b: B = 512, h: H = 16) sum (e: E = 256) ins(%s[b, e], %w[e, h] : !t, !w) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !part
  return %y : !part
}
// Columns that are cut over other axes do not matter.
// CHECK: %[[S:.*]] = comm.reduce_scatter sum %arg0 dim 0
// CHECK: %[[Y:.*]] = model.index (d0: B = 256, d1: H = 16) sum (d2: E = 256) ins(%[[S]][d0, d2], %arg1[d2, d1]
// CHECK: comm.all_gather %[[Y]] dim 0
func.func @otherColumns(%x: !t, %w: !w {dist.layout = #other}) -> (!part {dist.layout = #other}) {
  %s = comm.all_reduce sum %x over @m [#dist.axis<"tp">] : !t
  %y = model.index (b: B = 512, h: H = 16) sum (e: E = 256) ins(%s[b, e], %w[e, h] : !t, !w) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !part
  return %y : !part
}
