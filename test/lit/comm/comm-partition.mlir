// RUN: %cleave-opt --split-input-file --comm-partition=rank=1,0 %s | %FileCheck %s

!x = tensor<8x32xf32, #model.axes<Batch, In>>
!w = tensor<32x16xf32, #model.axes<In, Out>>
!y = tensor<8x16xf32, #model.axes<Batch, Out>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// A state is stored in its layout; what an entry takes keeps the type of the whole.
// CHECK: model.state @w {{.*}} : tensor<16x16xf32, {{.*}}> {comm.global = tensor<32x16xf32, {{.*}}>, dist.layout = #dist.layout<@m, [{"tp"}, {}]>}
model.state @w path "w" kind "param" : !w
// CHECK-LABEL: func.func @f(%arg0: tensor<4x32xf32, {{.*}}> {comm.global = tensor<8x32xf32
func.func @f(%x: !x {dist.layout = #dist.layout<@m, [{"dp"}, {}]>, model.input = "x"}, %w: !w {dist.layout = #dist.layout<@m, [{"tp"}, {}]>, model.state = @w}) -> (!y {model.output = "y"}) attributes {model.entry} {
  // What every member has is cut without a message; the sum over the blocks is pending, and discharged at once.
  // CHECK: %[[X:.*]] = comm.slice %arg0 dim 1 over @m [#dist.axis<"tp">]
  // CHECK: %[[P:.*]] = model.index (d0: Batch = 4, d1: Out = 16) sum (d2: In = 16) ins(%[[X]][d0, d2], %arg1[d2, d1]
  // CHECK: %[[S:.*]] = comm.all_reduce sum %[[P]] over @m [#dist.axis<"tp">]
  // CHECK: comm.all_gather %[[S]] dim 0 over @m [#dist.axis<"dp">]
  %y = model.index (b: Batch = 8, o: Out = 16) sum (i: In = 32) ins(%x[b, i], %w[i, o] : !x, !w) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } {dist.factors = [#dist.dim<{"dp"}>, #dist.dim<{}>, #dist.dim<{"tp"}>], dist.layouts = [#dist.layout<@m, [{"dp"}, {}]>]} : !y
  return %y : !y
}

// -----
// The layout has the axis that the sum is pending over: a reduce_scatter.
!x = tensor<8x32xf32, #model.axes<Batch, In>>
!y = tensor<8xf32, #model.axes<Batch>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// CHECK-LABEL: func.func @scatter
// CHECK: comm.reduce_scatter sum %{{.*}} dim 0 over @m [#dist.axis<"tp">]
// CHECK-SAME: #comm.reason<"scatter", "forward", "the sum over In is computed over tp: each rank has a part of it, and f32[Batch/tp] is wanted", ""
// CHECK-SAME: : tensor<8xf32, {{.*}}> -> tensor<4xf32
func.func @scatter(%x: !x {dist.layout = #dist.layout<@m, [{}, {"tp"}]>}) -> (!y {dist.layout = #dist.layout<@m, [{"tp"}]>}) {
  %y = model.index (b: Batch = 8) sum (i: In = 32) ins(%x[b, i] : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } {dist.factors = [#dist.dim<{}>, #dist.dim<{"tp"}>], dist.layouts = [#dist.layout<@m, [{"tp"}]>]} : !y
  return %y : !y
}

// -----
// A window: the neighbours' edges. Positions count in the whole.
!x = tensor<8xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// CHECK-LABEL: func.func @window
// CHECK: %[[AT:.*]] = comm.offset 8 block 4 over @m [#dist.axis<"dp">]
// CHECK: %[[H:.*]] = comm.halo %arg0 dim 0 low 1 high 1 extent 8 over @m [#dist.axis<"dp">] {fill = 0.000000e+00 : f32, reason = {{.*}}} : tensor<4xf32, {{.*}}> -> tensor<6xf32
// CHECK: model.index (d0: I = 4) sum (d1: D = 3) ins(%[[H]][d0 + d1], %[[AT]][]
// CHECK: %[[LOCAL:.*]] = model.iter 0
// CHECK: arith.addi %[[LOCAL]]
func.func @window(%x: !x {dist.layout = #dist.layout<@m, [{"dp"}]>}) -> (!x {dist.layout = #dist.layout<@m, [{"dp"}]>}) {
  %y = model.index (i: I = 8) sum (d: D = 3) ins(%x[i + d - 1] outside 0.0 : f32 : !x) {
  ^bb0(%a: f32):
    %0 = model.iter 0
    %1 = arith.sitofp %0 : i64 to f32
    %2 = arith.mulf %a, %1 : f32
    model.yield %2 : f32
  } {dist.factors = [#dist.dim<{"dp"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"dp"}]>]} : !x
  return %y : !x
}

// -----
// What is whole already is read by position, without a message.
!x = tensor<9xf32, #model.axes<Window>>
!y = tensor<8xf32, #model.axes<Seq>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// CHECK-LABEL: func.func @shifted
// CHECK-NOT: comm.halo
// CHECK: %[[START:.*]] = model.index () ins(%{{.*}}[]
// CHECK: %[[PART:.*]] = model.gather %arg0 at(%[[START]]) {{.*}} -> tensor<4xf32
// CHECK: model.index (d0: Seq = 4) ins(%[[PART]][d0]
func.func @shifted(%x: !x) -> (!y {dist.layout = #dist.layout<@m, [{"dp"}]>}) {
  %y = model.index (i: Seq = 8) ins(%x[i + 1] : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } {dist.factors = [#dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@m, [{"dp"}]>]} : !y
  return %y : !y
}

// -----
// Padding takes no part in sums: a selection, for it may hold anything.
!x = tensor<7xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
dist.plan @p on @m hash "" {
  dist.remainder ["I"] "pad"
}
// CHECK-LABEL: func.func @padded(%arg0: tensor<4xf32
// CHECK: model.index () sum (d0: I = 4)
// CHECK: %[[END:.*]] = arith.constant 7 : i64
// CHECK: %[[IN:.*]] = arith.cmpi slt, %{{.*}}, %[[END]]
// CHECK: arith.select %[[IN]]
// CHECK: comm.all_reduce sum
func.func @padded(%x: !x {dist.layout = #dist.layout<@m, [{"dp"}]>}) -> tensor<f32> {
  %y = model.index () sum (i: I = 7) ins(%x[i] : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } {dist.factors = [#dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@m, []>]} : tensor<f32>
  return %y : tensor<f32>
}

// -----
// Uneven: the second rank along dp has the smaller block.
!x = tensor<7xf32, #model.axes<I>>
dist.mesh @m ["dp", "tp"] = [2, 2]
dist.plan @p on @m hash "" {
  dist.remainder [] "uneven"
}
// CHECK-LABEL: func.func @uneven(%arg0: tensor<3xf32
// CHECK: model.index () sum (d0: I = 3)
func.func @uneven(%x: !x {dist.layout = #dist.layout<@m, [{"dp"}]>}) -> tensor<f32> {
  %y = model.index () sum (i: I = 7) ins(%x[i] : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } {dist.factors = [#dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@m, []>]} : tensor<f32>
  return %y : tensor<f32>
}

// -----
// A table cut along what is looked up: each rank gives what it has, 0 for the rest.
!t = tensor<8x4xf32, #model.axes<Vocab, Embed>>
!i = tensor<6xi32, #model.axes<Batch>>
!y = tensor<6x4xf32, #model.axes<Batch, Embed>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// CHECK-LABEL: func.func @embedding
// CHECK: %[[AT:.*]] = comm.offset 8 block 4 over @m [#dist.axis<"tp">]
// CHECK: %[[I:.*]] = model.index (d0: Batch = 6) ins(%arg1[d0], %[[AT]][]
// CHECK: arith.subi
// CHECK: %[[G:.*]] = model.gather %arg0 at(%[[I]])
// CHECK: %[[P:.*]] = model.index (d0: Batch = 6, d1: Embed = 4) ins(%[[G]][d0, d1], %[[I]][d0]
// CHECK: comm.all_reduce sum %[[P]] over @m [#dist.axis<"tp">]
func.func @embedding(%t: !t {dist.layout = #dist.layout<@m, [{"tp"}, {}]>}, %i: !i) -> !y {
  %y = model.gather %t at(%i) affine_map<(b, e)[i] -> (i, e)> [affine_map<(b, e) -> (b)>] {dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"tp"}>], dist.layouts = [#dist.layout<@m, [{}, {}]>]} : !t, (!i) -> !y
  return %y : !y
}

// -----
// A scan's body is rewritten with it; slices that are stored apart are gathered inside, one at a time.
!x = tensor<8xf32, #model.axes<E>>
!w = tensor<3x8xf32, #model.axes<L, E>>
dist.mesh @m ["dp", "tp"] = [2, 2]
// CHECK-LABEL: func.func private @body(%arg0: tensor<i64>, %arg1: tensor<8xf32, {{.*}}> {{.*}}, %arg2: tensor<4xf32
// CHECK: comm.all_gather %arg2 dim 0
func.func private @body(%i: tensor<i64>, %x: !x {dist.layout = #dist.layout<@m, [{}]>}, %w: !x {dist.layout = #dist.layout<@m, [{"dp"}]>}) -> !x {
  %y = model.index (i: E = 8) ins(%x[i], %w[i] : !x, !x) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    model.yield %0 : f32
  } {dist.factors = [#dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{}]>]} : !x
  return %y : !x
}
// CHECK-LABEL: func.func @layers
// CHECK: model.scan @body count 3 over "L" consts() carries(%arg0) slices(%arg1) : (), (tensor<8xf32, {{.*}}>), (tensor<3x4xf32
func.func @layers(%x: !x, %w: !w {dist.layout = #dist.layout<@m, [{}, {"dp"}]>}) -> !x {
  %y = model.scan @body count 3 over "L" consts() carries(%x) slices(%w) {dist.layouts = [#dist.layout<@m, [{}]>]} : (), (!x), (!w) -> (!x)
  return %y : !x
}

// -----
// Reasons: the user's names, the phase, the plan's line and the edit that removes the collective.
!t = tensor<8x4xf32, #model.axes<Vocab, Embed>>
dist.mesh @m ["dp", "tp"] = [2, 2]
dist.plan @p on @m hash "" {
  dist.shard ["Batch"] over [#dist.axis<"tp">]
  dist.store "params" "" over [#dist.axis<"dp">] loc("plan":3:5)
}
model.state @table path "table" kind "param" : !t
// CHECK: #[[PLAN:.*]] = loc("plan":3:5)
// CHECK-LABEL: func.func @reasons
// CHECK: comm.all_gather %arg0 {{.*}}#comm.reason<"table", "state", "it lies as f32[Vocab/dp, Embed]; double is computed from f32[Vocab, Embed]", "leave out `store params over dp`", #[[PLAN]] path = ["table"] edits = [#comm.edit<1, "">]>
func.func @reasons(%t: !t {dist.layout = #dist.layout<@m, [{"dp"}, {}]>, dist.origin = [#dist.origin<<"dp">, 1, []>], model.state = @table}) -> (!t {model.output = "y"}) attributes {model.entry} {
  %y = model.index (v: Vocab = 8, e: Embed = 4) ins(%t[v, e] : !t) {
  ^bb0(%a: f32):
    %0 = arith.addf %a, %a : f32
    model.yield %0 : f32
  } {names = ["double"], dist.factors = [#dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{}, {}]>]} : !t
  return %y : !t
}

// -----
// Parts of what every rank reads are wanted whole: they are computed again, not gathered; what a sum went into is sent.
!t = tensor<8xf32, #model.axes<I>>
!m = tensor<8x4xf32, #model.axes<I, J>>
dist.mesh @m ["dp"] = [2]
// CHECK-LABEL: func.func @again
// CHECK-NOT: all_gather
// CHECK: model.index (d0: I = 4)
// CHECK-NOT: all_gather
// CHECK: %[[W:.*]] = model.index (d0: I = 8) ins(%arg0[d0]
// CHECK: model.index (d0: I = 8, d1: J = 4) ins(%arg1[d0, d1], %[[W]][d0]
// CHECK: comm.all_gather %{{.*}} dim 0
func.func @again(%x: !t {dist.layout = #dist.layout<@m, [{}]>}, %y: !m {dist.layout = #dist.layout<@m, [{}, {}]>}) -> (!m, !t) {
  %part = model.index (i: I = 8) ins(%x[i] : !t) {
  ^bb0(%a: f32):
    %0 = arith.addf %a, %a : f32
    model.yield %0 : f32
  } {dist.factors = [#dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@m, [{"dp"}]>]} : !t
  %row = model.index (i: I = 8) sum (j: J = 4) ins(%y[i, j] : !m) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } {dist.factors = [#dist.dim<{"dp"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"dp"}]>]} : !t
  %z = model.index (i: I = 8, j: J = 4) ins(%y[i, j], %part[i] : !m, !t) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } {dist.factors = [#dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{}, {}]>]} : !m
  return %z, %row : !m, !t
}

// -----
// Blocks of what is read begin elsewhere than those of what is made: as much of the neighbours as any rank needs, then
// the part that is read.
!x = tensor<2x12xf32, #model.axes<B, H>>
!y = tensor<2x10xf32, #model.axes<B, I>>
!w = tensor<3xf32, #model.axes<D>>
dist.mesh @m ["a"] = [2]
// CHECK-LABEL: func.func @wideHalo
// CHECK: %[[H:.*]] = comm.halo %arg0 dim 1 low 1 high 1 extent 12 over @m [#dist.axis<"a">]
// CHECK: %[[P:.*]] = model.gather %[[H]] {{.*}} -> tensor<2x7xf32
// CHECK: model.index (d0: B = 2, d1: I = 5) sum (d2: D = 3) ins(%[[P]][d0, d1 + d2]
// CHECK-NOT: all_gather
func.func @wideHalo(%x: !x {dist.layout = #dist.layout<@m, [{}, {"a"}]>}, %w: !w {dist.layout = #dist.layout<@m, [{}]>}) -> (!y {dist.layout = #dist.layout<@m, [{}, {"a"}]>}) {
  %y = model.index (b: B = 2, i: I = 10) sum (d: D = 3) ins(%x[b, i + d], %w[d] : !x, !w) {
  ^bb0(%a: f32, %k: f32):
    %0 = arith.mulf %a, %k : f32
    model.yield %0 : f32
  } {dist.factors = [#dist.dim<{}>, #dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{}, {"a"}]>]} : !y
  return %y : !y
}

// -----
// A halo as wide as the rest is no gain: the whole is gathered.
!x = tensor<2x12xf32, #model.axes<B, H>>
!y = tensor<2x6xf32, #model.axes<B, I>>
!w = tensor<7xf32, #model.axes<D>>
dist.mesh @m ["a"] = [2]
// CHECK-LABEL: func.func @whole
// CHECK-NOT: comm.halo
// CHECK: comm.all_gather %arg0 dim 1
func.func @whole(%x: !x {dist.layout = #dist.layout<@m, [{}, {"a"}]>}, %w: !w {dist.layout = #dist.layout<@m, [{}]>}) -> (!y {dist.layout = #dist.layout<@m, [{}, {"a"}]>}) {
  %y = model.index (b: B = 2, i: I = 6) sum (d: D = 7) ins(%x[b, i + d], %w[d] : !x, !w) {
  ^bb0(%a: f32, %k: f32):
    %0 = arith.mulf %a, %k : f32
    model.yield %0 : f32
  } {dist.factors = [#dist.dim<{}>, #dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{}, {"a"}]>]} : !y
  return %y : !y
}

// -----
// Two windows of one width over one value exchange once; one that puts another value outside does for itself.
!x = tensor<8xf32, #model.axes<H>>
dist.mesh @m ["a"] = [2]
// CHECK-LABEL: func.func @sharedHalo
// CHECK-COUNT-2: comm.halo
// CHECK-NOT: comm.halo
func.func @sharedHalo(%x: !x {dist.layout = #dist.layout<@m, [{"a"}]>}) -> (!x {dist.layout = #dist.layout<@m, [{"a"}]>}, !x {dist.layout = #dist.layout<@m, [{"a"}]>}, !x {dist.layout = #dist.layout<@m, [{"a"}]>}) {
  %y = model.index (i: H = 8) sum (d: D = 3) ins(%x[i + d - 1] outside 0.0 : f32 : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } {dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a"}]>]} : !x
  %z = model.index (i: H = 8) max (d: D = 3) ins(%x[i + d - 1] outside 0.0 : f32 : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } {dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a"}]>]} : !x
  %u = model.index (i: H = 8) max (d: D = 3) ins(%x[i + d - 1] outside 1.0 : f32 : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } {dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a"}]>]} : !x
  return %y, %z, %u : !x, !x, !x
}
