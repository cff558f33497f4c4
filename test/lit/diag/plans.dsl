// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Plans: names are checked in every plan of the program's file.

//--- wrong.dsl
axis Batch = 4, Seq = 8, Embed = 6, Hidden = 12, Layers = 2
hyper rate: f64 = 0.5

layer Block(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  param up: f32[Embed, Hidden] = 0
  param down: f32[Hidden, Embed] = 0
  let h[b, s, i] = sum(e) x[b, s, e] * up[e, i]
  let y[b, s, e] = x[b, s, e] + (sum(i) h[b, s, i] * down[i, e])
  return y
}
layer Net(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  param scale: f32[Embed] = 1
  repeat blocks[Layers] = Block
  let y = blocks(x)
  return z[b, s, e] = y[b, s, e] * scale[e]
}
layer net = Net
layer other = Block
function plain(x: f32[Embed]) -> f32[Embed] { return x }
composite function kept(x: f32[Embed]) -> f32[Embed] { return x }
local function blocks[E](x: f32[E]) -> f32[E] { return x } backward (dy) { return dy }
entry run(x: f32[Batch, Seq, Embed]) -> (y: f32[Batch, Seq, Embed]) {
  let y = net(x) + other(x)
  return y
}
entry total(x: f32[Batch, Seq, Embed]) -> (loss: f32) {
  let scale = net(x)
  return mean(b, s, e) scale[b, s, e]
}

// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:34: error[E903]: a link has a bandwidth in bytes per second, a latency in seconds and a domain that fails as one, found 'speed'
link slow(bandwidth: 1e9, speed: 3, domain: "node")
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:6: error[E903]: a link has a bandwidth in bytes per second, a latency in seconds and a domain that fails as one, found no latency
link short(bandwidth: 1e9, domain: "node")
mesh pod(dp: 2 over slow, tp: 2 over short)
mesh sized(dp: 2, tp: 2)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:15: error[E902]: a plan is on a mesh, found Seq, an axis
plan mesh1 on Seq { shard Batch over dp }
plan mesh2 on pod { shard Batch over dp }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:27: error[E902]: the axes of a mesh have names of their own, found a second 'dp'
plan mesh3 on mesh(dp: 2, dp: 2) { shard Batch over dp }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:24: error[E902]: a mesh axis has at least one rank, found dp of size 0
plan mesh4 on mesh(dp: 0) { shard Batch over dp }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:21: error[E902]: sizes are given to axes of the mesh (dp: 2, tp: 2), found 'Dp'
// CHECK-DAG: hint: did you mean 'dp'?
plan mesh5 on sized(Dp: 2) { shard Batch over dp }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:6: error[E902]: a plan says which mesh it is on, found none
// CHECK-DAG: hint: plan mesh6 on mesh(dp: 2) { ... }
plan mesh6 { shard Batch over dp }
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:31: error[E903]: a mesh axis runs over a link that is declared, found unknown 'nvlnk'
// CHECK-DAG: hint: did you mean 'nvlink'?
plan mesh7 on mesh(dp: 2 over nvlnk) { shard Batch over dp }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:33: error[E902]: a mesh has at most 2^30 ranks, found more in
plan mesh8 on mesh(dp: 1000000, tp: 1000000) { shard Batch over dp }

// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:17: error[E101]: a plan must be declared, found unknown name 'bsae'
// CHECK-DAG: hint: did you mean 'base'?
plan x1 extends bsae {}
plan base on mesh(dp: 2, tp: 2) { shard Batch over dp }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:20: error[E901]: plans do not extend each other in a circle, found round -> back -> round
plan round extends back {}
plan back extends round {}
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:17: error[E901]: a plan extends a plan, found Seq, an axis
plan x2 extends Seq {}
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:13: error[E901]: a plan is for a layer instance, an entry or any program, found Net, a layer
// CHECK-DAG: hint: name what owns the parameters: layer x = Net
plan x3 for Net on mesh(dp: 2) { shard Batch over dp }
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:23: error[E902]: sizes are given to axes of the mesh (dp: 2, tp: 2), found 'pp'
plan x4 = base(dp: 2, pp: 2)

plan tactics on mesh(dp: 2, tp: 4) {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:9: error[E905]: a tactic is about axes of the program, found unknown 'Bacth'
// CHECK-DAG: hint: did you mean 'Batch'?
  shard Bacth over dp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:9: error[E905]: a tactic is about axes of the program, found rate, a hyper
  shard rate over dp
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:20: error[E904]: a tactic is over axes of the plan's mesh (dp: 2 over memory, tp: 4 over memory), found 'dpp'
// CHECK-DAG: hint: did you mean 'dp'?
  shard Batch over dpp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:24: error[E904]: a mesh axis is used once for one value, found a second dp
  shard Batch over dp, dp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:30: error[E904]: a mesh axis is used once for one value, found a second tp
  shard Hidden over tp[1:2], tp[1:4]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:18: error[E904]: a part axis[BEFORE:SIZE] of a mesh axis has a BEFORE * SIZE that divides the axis, found tp[0:4] of 4
  shard Seq over tp[0:4]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:16: error[E907]: a tactic names an axis once, found a second Embed
  shard Embed, Embed over dp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E907]: an axis is sharded once over a mesh axis, found a second tactic for Embed over dp
  shard Embed over dp
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:9: error[E907]: store takes params, gradients and optimizer, found 'gradient'
// CHECK-DAG: hint: did you mean 'gradients'?
  store gradient over dp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:17: error[E907]: store names a kind once, found a second params
  store params, params over dp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E907]: what is stored has one layout, found a second tactic for params
  store params over tp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:19: error[E908]: what is stored belongs to parameters or layers, found run.x, which is neither
  store params of run.x over dp
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:13: error[E907]: a remainder is pad, uneven or error, found 'unevn'
// CHECK-DAG: hint: did you mean 'uneven'?
  remainder unevn for Seq
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E907]: an axis has one remainder policy, found a second for Seq
  remainder pad for Seq
  remainder pad
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E907]: an axis has one remainder policy, found a second for every axis
  remainder uneven
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:14: error[E906]: there is at least one micro-batch, found 0
  accumulate 0 of Batch
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E907]: a plan accumulates once, found a second tactic
  accumulate 2 of Batch
}

plan selectors for net on mesh(dp: 2, tp: 2) {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:10: error[E908]: a selector names a layer, a state or a value of the program, found nothing at 'net.blocks.up'
// CHECK-DAG: hint: did you mean 'net.blocks[*].up'?
  layout net.blocks.up: [Embed, Hidden/tp]
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:10: error[E908]: a selector names a layer, a state or a value of the program, found nothing at 'blocks[*].weights'
// CHECK-DAG: hint: blocks[*] has down, h, up, y
  layout blocks[*].weights: [Embed, Hidden/tp]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E908]: a selector means one thing, found that 'scale' is net.scale and scale
  layout scale: [Embed/tp]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E908]: a layout is that of one value, found net, which has
  layout net: [Embed/tp]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:20: error[E908]: layers are named from a first, counted from 0, up to before a last, found 1 and 1
  recompute blocks[1..1].h
  save blocks[*].h
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:13: error[E907]: a value is saved or recomputed, as one tactic says, found a second for net.blocks[*].h
  recompute blocks[*].h
}

plan layouts on mesh(dp: 2, tp: 2) {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:28: error[E909]: a layout names the axes of its value in order, found [Hidden, Embed] for net.blocks[*].up: f32[Embed, Hidden]
// CHECK-DAG: hint: [Embed, Hidden], each with what it is cut over: Embed/dp
  layout net.blocks[*].up: [Hidden/tp, Embed]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:46: error[E904]: a mesh axis is used once for one value, found a second tp
  layout net.blocks[*].up: [Embed/tp, Hidden/tp]
  layout net.blocks[*].down: [Hidden/tp, Embed]
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:3: error[E909]: layouts of one value agree, found net.blocks[*].down both layout net.blocks[*].down: [Hidden/dp, Embed] and layout net.blocks[*].down: [Hidden/tp, Embed]
// CHECK-DAG: note: the other is here
// CHECK-DAG: hint: leave one of them out, or open Hidden in both: Hidden?
  layout net.blocks[*].down: [Hidden/dp, Embed]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E909]: layouts of one value agree, found net.blocks[*].down both replicate net.blocks[*] over tp and layout
  replicate net.blocks[*] over tp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:45: error[E909]: a value is partial in a sum, max or min, found 'mean'
  layout run.y: [Batch, Seq, Embed] partial mean over tp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E907]: a tactic stands once, found a second for net.blocks[*].down
  layout net.blocks[*].down: [Hidden/tp, Embed]
}

plan bounds on mesh(dp: 2) {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:10: error[E910]: a plan asserts peak_memory, count(collective) or bytes(collective), found 'peak_memry'
// CHECK-DAG: hint: did you mean 'peak_memory'?
  assert peak_memry <= 3 GiB
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E910]: a plan asserts peak_memory, count(collective) or bytes(collective), found 'count'
  assert count <= 3
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:16: error[E910]: an assertion is about all_reduce, reduce_scatter, all_gather, all_to_all, permute, broadcast, halo, send, recv, found 'all_redcue'
// CHECK-DAG: hint: did you mean 'all_reduce'?
  assert count(all_redcue) <= 3
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:33: error[E910]: a number of collectives has no unit, found 'MiB'
  assert count(all_reduce) <= 3 MiB
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:31: error[E910]: collectives are counted in whole numbers, found 1.5
  assert count(all_reduce) <= 1.5
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:28: error[E910]: bytes are given in B, KiB, MiB, GiB, TiB, KB, MB, GB or TB, found 'Gib'
// CHECK-DAG: hint: did you mean 'GiB'?
  assert peak_memory <= 70 Gib
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:25: error[E910]: a limit is a number below 2^62, found 7e30
  assert peak_memory <= 7e30 TiB
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:27: error[E908]: a selector names a layer, a state or a value of the program, found nothing at 'Attention'
  assert no all_gather in Attention
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:9: error[E910]: a plan allows reshard, found 'gather'
  allow gather <= 1 MiB
  allow reshard <= 1 MiB
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E907]: a plan allows resharding once, found a second tactic
  allow reshard <= 2 MiB
}

plan equals on mesh(dp: 2) {
  shard Batch over dp
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:24: error[E966]: a plan is equivalent to another plan, found Seq, an axis
  assert equivalent to Seq
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:24: error[E966]: a plan is equivalent to another plan, found itself
  assert equivalent to equals
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:40: error[E966]: an assertion gives sizes to the mesh of a plan, found a link for dp
  assert equivalent to base(dp: 2 over slow)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:29: error[E902]: sizes are given to axes of the mesh (dp: 2 over memory, tp: 2 over memory), found 'sp'
  assert equivalent to base(sp: 2)
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:24: error[E101]: a plan must be declared, found unknown name 'bsae'
// CHECK-DAG: hint: did you mean 'base'?
  assert equivalent to bsae
}

plan manual on mesh(dp: 2) {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E911]: a manual region takes the place of a composite function, found plain, which is not kept whole
  manual plain(x: [Embed/dp]) -> [Embed/dp] = blocks
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E911]: a manual region has a layout for each argument and result of its composite, kept(x) with 1, found other ones
  manual kept(y: [Embed/dp]) -> [Embed/dp] = blocks
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E911]: a composite function is named here, found Batch, an axis
  manual Batch(x: [Embed/dp]) -> [Embed/dp] = blocks
}

// What is wrong in a plan that another extends says who asked.
plan inherited on mesh(dp: 2) { shard Batch over dp }
// CHECK-DAG: error[E904]: a tactic is over axes of the plan's mesh (pp: 2 over memory), found 'dp'
// CHECK-DAG: note: in plan heir, which extends it
mesh pp(pp: 2)
plan heir extends inherited on pp {}

//--- right.dsl
import nn

axis Batch = 4, Seq = 8, Embed = 6, Hidden = 12, Layers = 2
hyper ranks: i64 = 2

layer Block(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  param up: f32[Embed, Hidden] = 0
  param down: f32[Hidden, Embed] = 0
  let h[b, s, i] = sum(e) x[b, s, e] * up[e, i]
  let y[b, s, e] = x[b, s, e] + (sum(i) h[b, s, i] * down[i, e])
  return y
}
layer Net(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  param scale: f32[Embed] = 1
  repeat blocks[Layers] = Block
  let y = blocks(x)
  return z[b, s, e] = y[b, s, e] * scale[e]
}
layer net = Net
layer other = Block
function plain(x: f32[Embed]) -> f32[Embed] { return x }
composite function kept(x: f32[Embed]) -> f32[Embed] { return x }
local function blocks[E](x: f32[E]) -> f32[E] { return x } backward (dy) { return dy }
entry run(x: f32[Batch, Seq, Embed]) -> (y: f32[Batch, Seq, Embed]) {
  let y = net(x) + other(x)
  return y
}

link slow(bandwidth: 1e9, latency: 1e-4, domain: "node")
mesh pod(dp: 2 over slow, tp: 2 over nvlink)
plan mesh2 on pod { shard Batch over dp }
plan mesh3 on mesh(dp: ranks, tp: 2) { shard Batch over dp }
plan mesh5 on pod(dp: 2) { shard Batch over dp }
plan base on mesh(dp: 2, tp: 2) { shard Batch over dp }
plan x1 extends base {}
plan x3 for net on mesh(dp: 2) { shard Batch over dp }
plan x4 = base(dp: 2)
plan x5 extends base on mesh(dp: 1, sp: 2) { shard Seq over sp }
plan tactics on mesh(dp: 2, tp: 4) {
  shard Batch over dp
  shard Hidden over tp[1:2], tp[2:2]
  shard Seq over tp
  store params, gradients over dp
  store optimizer of net.blocks[*] over dp
  remainder uneven for Seq
  remainder pad
  accumulate ranks of Batch
}
plan selectors for net on mesh(dp: 2, tp: 2) {
  layout blocks[*].up: [Embed, Hidden/tp]
  layout net.scale: [Embed/tp]
  layout run.x: [Batch/dp, Seq, Embed?]
  save blocks[*].h, Block
  recompute net
}
plan layouts on mesh(dp: 2, tp: 2) {
  layout net.blocks[*].up: [Embed?, Hidden/tp?]
  layout net.blocks[*].up: [Embed, Hidden/tp/dp]
  layout net.blocks[*].down: [Hidden/tp, Embed]
  replicate net.blocks[*].down over dp
  replicate net.scale
  layout run.y: [Batch, Seq, Embed] partial sum over tp
}
plan bounds on mesh(dp: 2) {
  assert peak_memory <= 70.5 GiB
  assert count(all_reduce) <= 26
  assert bytes(all_reduce over dp in net.blocks[*]) <= 3 MB
  assert no all_gather in Block
  allow reshard <= 1 MiB
}
plan equals on mesh(dp: 2) {
  shard Batch over dp
  assert equivalent to equals(dp: 1)
  assert equivalent to base(tp: 1 + 1)
}
plan manual on mesh(dp: 2) {
  manual kept(x: [Embed/dp]) -> [Embed/dp] = blocks
}
