// RUN: %cleave ir %s --stage dist --plan p --dump-after-tactic 0 | %FileCheck %s --check-prefix=ZERO
// RUN: %cleave ir %s --stage dist --plan p --dump-after-tactic 1 | %FileCheck %s --check-prefix=ONE
// RUN: %cleave ir %s --stage dist --plan p | %FileCheck %s --check-prefix=ALL
// RUN: not %cleave ir %s --stage dist --dump-after-tactic 1 2>&1 | %FileCheck %s --check-prefix=NO

axis Batch = 8, In = 4, Out = 6

entry f(x: f32[Batch, In], w: f32[In, Out]) -> (y: f32[Batch, Out]) {
  let y[b, o] = sum(i) x[b, i] * w[i, o]
  return y
}

plan p on mesh(dp: 2, tp: 3) {
  shard Batch over dp
  shard Out over tp
}

// ZERO: dist.layouts = [#dist.layout<@mesh, [{?}, {?}]>]
// ONE: dist.layouts = [#dist.layout<@mesh, [{"dp", ?}, {?}]>]
// ALL: dist.layouts = [#dist.layout<@mesh, [{"dp", ?}, {"tp", ?}]>]
// NO: --dump-after-tactic requires --plan
