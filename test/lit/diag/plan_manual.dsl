// RUN: %cleave check --quiet %s
// RUN: %cleave check --quiet %s --plan whole
// RUN: not %cleave check --quiet %s --plan regions 2>&1 | %FileCheck %s
// A manual region is checked with the file; a plan that has one is refused when it is selected.
axis Seq = 8
composite function doubled(x: f32[Seq]) -> f32[Seq] { return x + x }
function twice(x: f32[Seq]) -> f32[Seq] { return 2 * x }
entry run(x: f32[Seq]) -> (y: f32[Seq]) { return doubled(x) }
plan whole on mesh(sp: 2) { shard Seq over sp }
plan regions on mesh(sp: 2) {
  // CHECK: plan_manual.dsl:[[#@LINE+1]]:3: error[E911]: a manual region is checked, found one to compile, which is not supported yet
  manual doubled(x: [Seq/sp]) -> [Seq/sp] = twice
}
