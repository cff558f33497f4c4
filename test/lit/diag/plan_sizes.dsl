// RUN: not %cleave check --quiet %s --plan halves --set Batch=6 2>&1 | %FileCheck %s --check-prefix=DIVIDE
// RUN: %cleave check --quiet %s --plan halves
// RUN: %cleave check --quiet %s --set Batch=6
// RUN: not %cleave check --quiet %s --plan halves --mesh tp=8 2>&1 | %FileCheck %s --check-prefix=FEW
// RUN: %cleave check --quiet %s --plan halves --mesh tp=3
// RUN: not %cleave check --quiet %s --plan steps --set Batch=12 2>&1 | %FileCheck %s --check-prefix=STEPS
// RUN: not %cleave check --quiet %s --plan steps --set Batch=7 2>&1 | %FileCheck %s --check-prefix=MICRO
// RUN: %cleave check --quiet %s --plan steps
// RUN: not %cleave check --quiet %s --plan placed --set In=3 2>&1 | %FileCheck %s --check-prefix=LAYOUT
// RUN: %cleave check --quiet %s --plan placed
// RUN: not %cleave check --quiet %s --plan parts 2>&1 | %FileCheck %s --check-prefix=PART
// RUN: %cleave check --quiet %s --plan parts --mesh tp=4
// RUN: not %cleave check --quiet %s --plan halvs 2>&1 | %FileCheck %s --check-prefix=UNKNOWN
// RUN: not %cleave check --quiet %s --plan halves --mesh Dp=2 2>&1 | %FileCheck %s --check-prefix=MESH
// RUN: not %cleave check --quiet %s --plan halves --mesh dp=0 2>&1 | %FileCheck %s --check-prefix=ZERO
// RUN: not %cleave check --quiet %s --plan data 2>&1 | %FileCheck %s --check-prefix=OPEN
// RUN: not %cleave check --quiet %s --plan halves --mesh tp=100000,dp=100000 2>&1 | %FileCheck %s --check-prefix=RANKS
// RUN: not %cleave check --quiet %s --plan tensor --mesh tp=2 2>&1 | %FileCheck %s --check-prefix=LACKS
// RUN: %cleave check --quiet %s --plan tensor --mesh dp=4,tp=1
// RUN: %cleave check --quiet %s --plan data --mesh dp=4
// RUN: not %cleave check --quiet %s --plan nowhere.dsl:halves 2>&1 | %FileCheck %s --check-prefix=FILE
// RUN: not %cleave check --quiet %s --plan %s:halvs 2>&1 | %FileCheck %s --check-prefix=INFILE
// RUN: %cleave check --quiet %s --plan %s:halves
// Sizes are checked in the selected plan alone, and what the command line says of it.
axis Batch = 8, In = 4

layer Line(x: f32[Batch, In]) -> f32[Batch, In] {
  param w: f32[In] = 0
  return y[b, i] = x[b, i] * w[i]
}
layer line = Line
entry run(x: f32[Batch, In]) -> (y: f32[Batch, In]) {
  return line(x)
}

// DIVIDE: plan_sizes.dsl:[[#@LINE+12]]:3: error[E906]: the ranks that an axis is cut over divide it, found Batch = 6 over dp = 4
// DIVIDE: plan_sizes.dsl:25:6: note: Batch is declared here
// DIVIDE: hint: remainder uneven for Batch, or --set Batch=8
// FEW: error[E906]: under remainder uneven every rank has an element, found In = 4 over tp = 8
// FEW: hint: remainder pad for In, or --set In=8
// UNKNOWN: error[E901]: --plan names a plan of the program or of the library, found 'halvs'; the program has halves, parts, placed and steps, the library data,
// UNKNOWN: hint: did you mean 'halves'?
// MESH: error[E902]: --mesh gives sizes to axes of the plan's mesh (dp: 4, tp: 2), found 'Dp'
// MESH: hint: did you mean 'dp'?
// ZERO: error[E902]: --mesh gives dp a size of at least one rank, found '0'
// RANKS: error[E902]: a mesh has at most 2^30 ranks, found more in
plan halves on mesh(dp: 4, tp: 2) {
  shard Batch over dp
  shard In over tp
  remainder uneven for In
}
// OPEN: error[E902]: every axis of the selected plan's mesh has a size, found none for dp of (dp
// OPEN: plans.dsl:{{[0-9]+}}:{{[0-9]+}}: note: it is declared here
// OPEN: hint: --mesh dp=2
// LACKS: plans.dsl:{{[0-9]+}}:3: error[E905]: a plan for any program finds an axis to shard over each mesh axis, found none for tp
// LACKS: hint: the program's axes are Batch, In: write a plan for it, or --mesh tp=1

// STEPS: plan_sizes.dsl:[[#@LINE+4]]:3: error[E906]: the ranks that an axis is cut over divide it, found Batch = 12 in 2 micro-batches over dp = 4
// STEPS: hint: remainder uneven for Batch, or --set Batch=16
// MICRO: plan_sizes.dsl:[[#@LINE+3]]:3: error[E906]: micro-batches are of one size, found Batch = 7 in 2
plan steps on mesh(dp: 4) {
  shard Batch over dp
  accumulate 2 of Batch
}
// LAYOUT: plan_sizes.dsl:[[#@LINE+2]]:3: error[E906]: the ranks that an axis is cut over divide it, found In = 3 over tp = 2
plan placed on mesh(tp: 2) {
  layout line.w: [In/tp]
}
// FILE: error[E901]: --plan names a plan of a file that can be read, found no 'nowhere.dsl'
// INFILE: error[E901]: --plan names a plan of {{.*}}plan_sizes.dsl, found 'halvs' and there halves, parts, placed and steps
// PART: plan_sizes.dsl:[[#@LINE+2]]:17: error[E904]: a part axis[BEFORE:SIZE] of a mesh axis has a BEFORE * SIZE that divides the axis, found tp[2:2] of 2
plan parts on mesh(tp: 2) {
  shard In over tp[2:2]
}
