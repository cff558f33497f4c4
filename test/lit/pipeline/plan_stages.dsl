// The stages of a plan are those of a program under one; a stage keeps its number without them.
// RUN: not %cleave ir %s --stage dist 2>&1 | %FileCheck %s --check-prefix=NONE
// RUN: not %cleave ir %s --stage comm 2>&1 | %FileCheck %s --check-prefix=NONE2
// RUN: %cleave ir %s --stage sched | %FileCheck %s
// NONE: error[E912]: the stage 'dist' is that of a program under a plan, found no --plan
// NONE2: error[E912]: the stage 'comm' is that of a program under a plan, found no --plan
// CHECK: pipe.launch
axis N = 8

entry run(x: f32[N]) -> (y: f32[N]) {
  let y[n] = x[n] * 2.0
  return y
}
