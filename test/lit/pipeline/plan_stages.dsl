// The stages of a plan are those of a program under one; a stage keeps its number without them.
// RUN: not %cleave ir %s --stage dist 2>&1 | %FileCheck %s --check-prefix=NONE
// RUN: not %cleave ir %s --stage comm 2>&1 | %FileCheck %s --check-prefix=NONE2
// RUN: %cleave ir %s --stage sched | %FileCheck %s
// NONE: error[E912]: the stage 'dist' is that of a program under a plan, found no --plan
// NONE2: error[E912]: the stage 'comm' is that of a program under a plan, found no --plan
// CHECK: pipe.launch
// RUN: %cleave ir %s --stage dist --plan two | %FileCheck %s --check-prefix=DIST
// RUN: %cleave ir %s --stage comm --plan two | %FileCheck %s --check-prefix=COMM
// RUN: %cleave ir %s --stage comm --plan two --mesh dp=3 | %FileCheck %s --check-prefix=CLASSES
// DIST: dist.factors = [#dist.dim<{"dp"}>]
// COMM: tensor<4xf32, #model.axes<N>>
// CLASSES: // class 0: 2 ranks
// CLASSES: tensor<3xf32, #model.axes<N>>
// CLASSES: // class 1: 1 ranks
// CLASSES: tensor<2xf32, #model.axes<N>>
axis N = 8

entry run(x: f32[N]) -> (y: f32[N]) {
  let y[n] = x[n] * 2.0
  return y
}

plan two on mesh(dp: 2) {
  shard N over dp
  remainder uneven
}
