// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// RUN: cleave check %t/right.dsl --plan region | FileCheck %s --check-prefix=PROVEN
// RUN: cleave check --quiet %t/right.dsl --plan region --set Seq=12 --mesh sp=3
// RUN: not cleave check --quiet %t/right.dsl --plan region --set Seq=9 2>&1 | FileCheck %s --check-prefix=DIVIDE
// RUN: not cleave check --quiet %t/right.dsl --plan ranks 2>&1 | FileCheck %s --check-prefix=AXIS
// RUN: not cleave check --quiet %t/right.dsl --plan type 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not cleave check --quiet %t/right.dsl --plan gives 2>&1 | FileCheck %s --check-prefix=GIVES
// RUN: not cleave check --quiet %t/right.dsl --plan draws 2>&1 | FileCheck %s --check-prefix=DRAWS
// Manual regions: local functions in a composite's place.

//--- wrong.dsl
axis Seq = 8, Width = 4, Other = 8
composite function doubled(x: f32[Seq, Width]) -> f32[Seq, Width] { return x + x }
local function twice[S](x: f32[S, Width]) -> f32[S, Width] { return 2 * x } backward (dy) { return 2 * dy }
local function forgets[S](x: f32[S, Width]) -> f32[S, Width] { return 2 * x }
local function more[S](x: f32[S, Width], y: f32[S, Width]) -> f32[S, Width] { return x + y } backward (dz) { return dz, dz }
function plain(x: f32[Seq, Width]) -> f32[Seq, Width] { return x + x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:24: error[E927]: axes of ranks are generics of local functions, found one of ranked
function ranked[Ranks: mesh](x: f32[Ranks]) -> f32[Ranks] { return x }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:75: error[E927]: collectives stand in local functions, found permute in another place
function moved[Ranks](x: f32[Ranks, Width]) -> f32[Ranks, Width] { return permute(x, over: Ranks) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:65: error[E927]: a local function stands in a composite's place, by a plan, or is called by another, found twice called here
function called(x: f32[Seq, Width]) -> f32[Seq, Width] { return twice(x) }
local function odd[Ring: mesh, S, R: float](x: R[S, Width]) -> R[S, Width] {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:28: error[E927]: a collective is over an axis of ranks of its local function, found S
  let a = permute(x, over: S)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:38: error[E927]: a permute goes a constant number of ranks round, found another expression
  let b = permute(x, over: Ring, by: 0.5)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:41: error[E927]: ranks' tensors are combined by sum, max or min, found another expression
  let c = all_reduce(x, over: Ring, by: mean)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:26: error[E927]: reduce_scatter takes tensors with the axis of ranks in front, found R[S, Width]
  let d = reduce_scatter(x, over: Ring)
  let e = all_gather(x, over: Ring)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:22: error[E927]: all_gather stacks tensors along an axis of ranks that they do not have, found R[Ring, S, Width]
  let f = all_gather(e, over: Ring)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:22: error[E927]: a collective takes a tensor of numbers, found bool[S, Width]
  let g = all_reduce(x > 0, over: Ring)
  return x
} backward (dy) { return dy }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:25: error[E210]: an axis that is computed from others has that size, 4, found Other of size 8 for Half
function half[K, Half = K / 2](x: f32[K], y: f32[Half]) -> f32[Half] { return y }
function whole(x: f32[Seq], y: f32[Other]) -> f32[Other] { return half(x, y) }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:25: error[E402]: an axis has at least one element, found None of size 0
function rest[K, None = K - 4](x: f32[K]) -> f32[None] { return y[n: None] = x[n + 4] }
function nothing(x: f32[Width]) -> f32 { return sum(n) rest(x)[n] }
entry run(x: f32[Seq, Width]) -> (y: f32[Seq, Width]) { return doubled(x) }
plan regions on mesh(sp: 2, tp: 2) {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E911]: a manual region takes the place of a composite function, found plain, which is not kept whole
  manual plain(x: [Seq/sp, Width]) -> [Seq/sp, Width] = twice
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:59: error[E911]: what takes a composite's place is a local function, found plain, which is not declared as one
  manual doubled(x: [Seq/sp, Width]) -> [Seq/sp, Width] = plain
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:59: error[E911]: a local function in a composite's place has its arguments and results, found more with others
  manual doubled(x: [Seq/sp, Width]) -> [Seq/sp, Width] = more
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:59: error[E911]: a local function in a composite's place has a backward, found none of forgets
  manual doubled(x: [Seq/sp, Width]) -> [Seq/sp, Width] = forgets
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E101]: {{.*}}'trebled'
  manual trebled(x: [Seq/sp, Width]) -> [Seq/sp, Width] = twice
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E911]: a manual region has a layout for each argument and result of its composite, doubled(x) with 1, found other ones
  manual doubled(z: [Seq/sp, Width]) -> [Seq/sp, Width] = twice
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:21: error[E925]: a layout at the boundary names the axes of its parameter as declared, x[Seq, Width], found [Width, Seq/sp]
  manual doubled(x: [Width, Seq/sp]) -> [Seq/sp, Width] = twice
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:41: error[E925]: a layout at the boundary is closed, over whole mesh axes, with nothing pending, found [Seq/sp?, Width]
  manual doubled(x: [Seq/sp, Width]) -> [Seq/sp?, Width] = twice
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:26: error[E904]: a tactic is over axes of the plan's mesh {{.*}}, found 'cp'
  manual doubled(x: [Seq/cp, Width]) -> [Seq/sp, Width] = twice
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:36: error[E904]: a mesh axis is used once for one value, found a second sp
  manual doubled(x: [Seq/sp, Width/sp]) -> [Seq/sp, Width] = twice
}

//--- right.dsl
axis Seq = 8, Width = 4
composite function doubled(x: f32[Seq, Width]) -> f32[Seq, Width] { return x + x }
local function twice[Ring: mesh, Turns = Ring - 1, S](x: f32[S, Width]) -> f32[S, Width] {
  let all = scan turn over Turns carry (moved = x) {
    let next_one = permute(moved, over: Ring, by: -1)
    next moved = next_one
  }
  let home = permute(all, over: Ring, by: -1)
  let most = all_reduce(home, over: Ring, by: max)
  let parts = all_to_all(all_gather(x, over: Ring), over: Ring)
  residual kept = x + 0 * most
  let here = rank(Ring)
  return y[s, w] = 2 * home[s, w] + 0 * parts[here, s, w]
} backward (dy) {
  return 2 * reduce_scatter(all_gather(dy, over: Ring), over: Ring) / f32(Ring) + 0 * kept
}
local function wide[W](x: f32[Seq, W]) -> f32[Seq, W] { return x + x } backward (dy) { return dy + dy }
local function other(x: f32[Seq, Width]) -> f32[Seq, Width] { return x + x } backward (dy) { return dy + dy }
local function gathers[Ring: mesh, S](x: f32[S, Width]) -> f32[Ring, Width] {
  let sums[w] = sum(s) x[s, w]
  return all_gather(sums, over: Ring)
} backward (dy) { return y[s: S, w] = dy[0, w] }
function rest[K, None = K - 4](x: f32[K]) -> f32[None] { return y[n: None] = x[n + 4] }
function something(x: f32[Seq]) -> f32 { return sum(n) rest(x)[n] }
local function noisy[S](x: f32[S, Width]) -> f32[S, Width] { return x + x + 0 * uniform() } backward (dy) { return dy + dy }
entry run(x: f32[Seq, Width]) -> (y: f32[Seq, Width]) { return doubled(x) }
plan region on mesh(sp: 2) {
  manual doubled(x: [Seq/sp, Width]) -> [Seq/sp, Width] = twice over sp
}
// PROVEN: manual doubled = twice: not proven to be equal; cleave verify runs both
plan ranks on mesh(sp: 2) {
// AXIS: right.dsl:[[#@LINE+1]]:59: error[E925]: a manual region is over a mesh axis for each axis of ranks of its local function, 1 of twice, found 0
  manual doubled(x: [Seq/sp, Width]) -> [Seq/sp, Width] = twice
}
// DIVIDE: error[E926]: the manual axes of a region divide what they cut, found Seq = 9 over 2 ranks
// DIVIDE: hint: --set Seq=10
plan type on mesh(sp: 2) {
// TYPE: right.dsl:[[#@LINE+1]]:59: error[E929]: a local function takes the blocks of its composite's arguments, found x: f32[Seq, Width] for f32[Seq/sp, Width]
  manual doubled(x: [Seq/sp, Width]) -> [Seq/sp, Width] = other
}
plan gives on mesh(sp: 2) {
// GIVES: right.dsl:[[#@LINE+1]]:59: error[E929]: a local function gives the blocks of its composite's results, found f32[sp, Width] for f32[Seq/sp, Width]
  manual doubled(x: [Seq/sp, Width]) -> [Seq/sp, Width] = gathers over sp
}
plan draws on mesh(sp: 2) {
// DRAWS: right.dsl:[[#@LINE+1]]:59: error[E927]: a local function uses neither random numbers nor step and seed, which count in the whole, found that noisy does
  manual doubled(x: [Seq/sp, Width]) -> [Seq/sp, Width] = noisy
}
plan columns on mesh(sp: 2) {
  manual doubled(x: [Seq, Width/sp]) -> [Seq, Width/sp] = wide
}
