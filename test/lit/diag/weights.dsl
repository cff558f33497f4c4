// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: not cleave check --quiet %t/incomplete.dsl 2>&1 | FileCheck %s --check-prefix=INCOMPLETE
// RUN: cleave check --quiet %t/right.dsl
// Where parameters lie in published files.

//--- wrong.dsl
axis Batch = 2, Embed = 6, Heads = 2, Head = 3, Layers = 2
hyper scale: f64 = 0.5
layer Block(x: f32[Batch, Embed]) -> f32[Batch, Embed] {
  param query, key: f32[Embed, Heads, Head] = 0
  param gain: f32[Embed] = 1
  state seen: f32[Embed] = 0
  let q[b, h, d] = sum(e) x[b, e] * (query[e, h, d] + key[e, h, d])
  set seen[e] = seen[e] + x[0, e]
  return y[b, e] = x[b, e] * gain[e] + (sum(h, d) q[b, h, d])
}
layer Net(x: f32[Batch, Embed]) -> f32[Batch, Embed] {
  repeat blocks[Layers] = Block
  return blocks(x)
}
layer net, unused = Net
entry run(x: f32[Batch, Embed]) -> (y: f32[Batch, Embed]) {
  return net(x)
}
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:22: error[E106]: weights are those of a layer instance, found Net, a layer
// CHECK-DAG: note: it is declared here
weights of_class for Net {}
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:22: error[E101]: a layer instance must be declared, found unknown name 'nets'
// CHECK-DAG: hint: did you mean 'net'?
weights misspelt for nets {}
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:28: error[E303]: a file's tensors are of an element type, found 'float'
weights typed for net from float {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:9: error[E101]: a row names a parameter of net, found unknown 'blocks[*].quary'
// CHECK-DAG: hint: did you mean 'blocks[*].query'?
  param blocks[i].quary[e, h, d] = "q.{i}"[(h, d), e]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:9: error[E101]: a row names a parameter of net, found unknown 'blocks.query'
  param blocks.query[e, h, d] = "q"[(h, d), e]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:9: error[E106]: the row of a param names one, found 'blocks[*].seen', a state
  param blocks[i].seen[e] = "seen.{i}"[e]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:9: error[E203]: a row has an index variable for each axis of its parameter, found 2 for net.blocks[*].query: f32[Layers, Embed, Heads, Head]
  param blocks[i].query[e] = "q.{i}"[e]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:25: error[E102]: an index variable is bound once, found a second 'i'
  param blocks[i].query[i, h, d] = "q.{i}"[(h, d), i]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:9: error[E203]: a repeat has one index, found 2
  param blocks[i, j].query[e, h, d] = "q.{i}"[(h, d), e]
}
weights placed for net {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:29: error[E212]: braces in the name of a tensor hold an index variable of the row, found '{j}'
  param blocks[i].gain[e] = "gain.{j}"[e]
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:9: error[E102]: a parameter has one row, found a second for net.blocks[*].gain
// CHECK-DAG: note: the first is here
  param blocks[i].gain[e] = "gain.{i}"[e]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:36: error[E212]: each index variable of net.blocks[*].query stands once, in the tensor's name or in its subscripts, found 'd' nowhere
  param blocks[i].query[e, h, d] = "q.{i}"[h, e]
}
weights counted for net {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:36: error[E212]: each index variable of net.blocks[*].query stands once, in the tensor's name or in its subscripts, found 'e' 2 times
  param blocks[i].query[e, h, d] = "q.{i}"[(h, d), e, e]
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:42: error[E212]: a position in a file is a sum of index variables times sizes, found another expression
// CHECK-DAG: hint: two axes that the file has merged are written (h, d)
  param blocks[i].key[e, h, d] = "k.{i}"[h / d, e]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:44: error[E101]: the merged axes of a file are index variables of the row, found 'Head'
  param blocks[i].gain[e] = "gain.{i}"[(e, Head)]
}
weights overlapping for net {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:44: error[E212]: different elements of net.blocks[*].query lie in different places, found axes that overlap
  param blocks[i].query[e, h, d] = "q.{i}"[h + d, e]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:50: error[E212]: positions in a file count up from the first element, found negative numbers
  param blocks[i].key[e, h, d] = "k.{i}"[(h, d), 5 - 1 * 6 + e]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:40: error[E405]: a size is made of integers, axes and integer hypers, found scale, a hyper
  param blocks[i].gain[e] = "gain.{i}"[scale + e]
}

//--- incomplete.dsl
axis Batch = 2, Embed = 6, Heads = 2, Head = 3
layer Net(x: f32[Batch, Embed]) -> f32[Batch, Embed] {
  param query, key: f32[Embed, Heads, Head] = 0
  param gain: f32[Embed] = 1
  return y[b, e] = x[b, e] * gain[e] + (sum(i: Embed, h, d) x[b, i] * (query[i, h, d] + key[i, h, d]))
}
layer net, unused = Net
entry run(x: f32[Batch, Embed]) -> (y: f32[Batch, Embed]) {
  return net(x)
}
// INCOMPLETE-DAG: incomplete.dsl:[[#@LINE+1]]:9: error[E114]: every parameter of net has a row in its weights, found none for query, key
weights missing for net {
  param gain[e] = "gain"[e]
}
weights halves for net {
  param gain[e] = "gain"[e]
  param query[e, h, d] = "qk"[(h, d), e]
// INCOMPLETE-DAG: incomplete.dsl:[[#@LINE+2]]:24: error[E213]: parameters that read one tensor read the same part of it, or parts that do not meet, found parts that overlap
// INCOMPLETE-DAG: note: it is read here too
  param key[e, h, d] = "qk"[(h, d) + 3, e]
}
weights holes for net {
  param gain[e] = "gain"[e]
// INCOMPLETE-DAG: incomplete.dsl:[[#@LINE+1]]:26: error[E213]: all of a tensor is read, found 72 of 108 elements
  param query[e, h, d] = "qkv"[(h, d), e]
  param key[e, h, d] = "qkv"[(h, d) + 12, e]
}
weights ranks for net {
  param gain[e] = "gain"[e]
  param query[e, h, d] = "qk"[(h, d), e]
// INCOMPLETE-DAG: incomplete.dsl:[[#@LINE+2]]:24: error[E212]: a tensor of a file has one number of axes, found 3 and 2 for one name
// INCOMPLETE-DAG: note: it is read here too
  param key[e, h, d] = "qk"[h, d, e]
}
// INCOMPLETE-DAG: incomplete.dsl:[[#@LINE+1]]:9: error[E102]: a name is declared once in a module, found a second 'ranks'
weights ranks for net {}

//--- right.dsl
axis Batch = 2, Embed = 6, Heads = 2, Head = 3, Layers = 2
layer Block(x: f32[Batch, Embed]) -> f32[Batch, Embed] {
  param query, key: f32[Embed, Heads, Head] = 0
  param gain, weights, for, under, ignore: f32[Embed] = 1
  state seen: f32[Embed] = 0
  let q[b, h, d] = sum(e) x[b, e] * (query[e, h, d] + key[e, h, d])
  set seen[e] = seen[e] + x[0, e] * (weights[e] + for[e] + under[e] + ignore[e])
  return y[b, e] = x[b, e] * gain[e] + (sum(h, d) q[b, h, d])
}
layer Net(x: f32[Batch, Embed]) -> f32[Batch, Embed] {
  repeat blocks[Layers] = Block
  return blocks(x)
}
layer net = Net
entry run(x: f32[Batch, Embed]) -> (y: f32[Batch, Embed]) {
  return net(x)
}
// Names with an index, fused and merged axes.
weights fused for net from bf16, f16 under "model.", "" {
  param blocks[i].query[e, h, d] = "{i}.qk"[e, (h, d)]
  param blocks[i].key[e, h, d] = "{i}.qk"[e, (h, d) + Heads * Head]
  param blocks[i].gain[e] = "{i}.gain"[e] else "{i}.g"[e]
  param blocks[i].weights[e] = "{i}.w"[e]
  param blocks[i].for[e] = "f"[i, e]
  param blocks[i].under[e] = "{i}.u"[e, 0]
  param blocks[i].ignore[e] = "{i}.w"[e]
  state blocks[i].seen[e] = "{i}.running"[e]
  ignore "*.mask", "*.bias"
}
// The parts of each head side by side; a name for each row of a parameter.
weights interleaved for net {
  param blocks[i].query[e, h, d] = "{i}.qk"[e, h * 2 * Head + d]
  param blocks[i].key[e, h, d] = "{i}.qk"[e, (2 * h + 1) * Head + d]
  param blocks[i].gain[e] = "{i}.gain.{e}"
  param blocks[i].weights[e] = "{i}.w"[e]
  param blocks[i].for[e] = "f"[(i, e)]
  param blocks[i].under[e] = "{i}.u"[e]
  param blocks[i].ignore[e] = "{i}.i"[e]
}
