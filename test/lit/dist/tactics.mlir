// RUN: %cleave-opt --dist-propagate=plan=stated --mlir-print-local-scope %s | %FileCheck %s
// RUN: %cleave-opt --dist-propagate=plan=twice --mlir-print-local-scope %s | %FileCheck %s --check-prefix=TWICE
// RUN: %cleave-opt --dist-propagate=plan=sequence --mlir-print-local-scope %s | %FileCheck %s --check-prefix=SEQ
// RUN: %cleave-opt "--dist-propagate=plan=sequence report" %s 2>&1 >/dev/null | %FileCheck %s --check-prefix=REPORT
// RUN: %cleave-opt --dist-propagate=plan=rest --mlir-print-local-scope %s | %FileCheck %s --check-prefix=REST

dist.mesh @m ["dp", "tp"] = [2, 4]

// What is stated about a named value holds against tactics before it, and spreads in its turn.
dist.plan @stated on @m hash "" {
  dist.shard ["Batch"] over [#dist.axis<"dp">]
  dist.layout_of "h" is #dist.layout<@m, [{}, {"tp"}]>
  dist.replicate "y" over [#dist.axis<"dp">]
}
// Two layouts of one value that agree hold together, each axis from where it is stated.
dist.plan @twice on @m hash "" {
  dist.layout_of "h" is #dist.layout<@m, [{"dp", ?}, {?}]>
  dist.layout_of "h" is #dist.layout<@m, [{?}, {"tp"}]>
}
// Sequence sharding: the earlier tactic has the axis where a value has both, and the later one is told.
dist.plan @sequence on @m hash "" {
  dist.shard ["Hidden"] over [#dist.axis<"tp">]
  dist.shard ["Batch"] over [#dist.axis<"tp">]
}
// 30 is no multiple of 4: cut in unequal parts, where the plan says so.
dist.plan @rest on @m hash "" {
  dist.remainder ["Out"] "uneven"
  dist.shard ["Out"] over [#dist.axis<"tp">]
}

// CHECK-LABEL: func.func @mlp
// CHECK-SAME: %arg0: {{[^{]*}}{dist.layout = #dist.layout<@m, [{"dp", ?}, {?}]>, dist.origin = [#dist.origin<<"dp">, 0, []>]
// CHECK-SAME: %arg1: {{[^{]*}}{dist.layout = #dist.layout<@m, [{?}, {"tp", ?}]>, dist.origin = [#dist.origin<<"tp">, 1, ["h"]>]
// CHECK-SAME: %arg2: {{[^{]*}}{dist.layout = #dist.layout<@m, [{"tp", ?}, {?}]>, dist.origin = [#dist.origin<<"tp">, 1, ["h"]>]
// TWICE-LABEL: func.func @mlp
// SEQ-LABEL: func.func @mlp
// REST-LABEL: func.func @mlp
func.func @mlp(%x: tensor<8x16xf32, #model.axes<Batch, In>> {model.input = "x"},
               %w: tensor<16x32xf32, #model.axes<In, Hidden>> {model.input = "w"},
               %v: tensor<32x30xf32, #model.axes<Hidden, Out>> {model.input = "v"})
    -> (tensor<8x30xf32, #model.axes<Batch, Out>> {model.output = "out"}) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{}, {"tp"}]>], dist.origins = {{\[\[}}#dist.origin<<"tp">, 1, []>]], names = ["h"]
  // TWICE: dist.layouts = [#dist.layout<@m, [{"dp", ?}, {"tp"}]>], dist.origins = {{\[\[}}#dist.origin<<"dp">, 0, []>, #dist.origin<<"tp">, 1, []>]], names = ["h"]
  // SEQ: dist.conflicts = {{\[\[}}#dist.conflict<<"tp">, dim 0 by 1, held 1 by 0>]]
  // SEQ-SAME: dist.layouts = [#dist.layout<@m, [{?}, {"tp", ?}]>]
  // REPORT: tactics.mlir:[[@LINE+3]]:8: remark: 'h': "tp" does not cut Batch: it cuts Hidden
  // REPORT: tactics.mlir:23:3: note: wanted here
  // REPORT: tactics.mlir:22:3: note: held from here
  %h = model.index (b: Batch = 8, h: Hidden = 32) sum (i: In = 16)
         ins(%x[b, i], %w[i, h] : tensor<8x16xf32, #model.axes<Batch, In>>, tensor<16x32xf32, #model.axes<In, Hidden>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } {names = ["h"]} : tensor<8x32xf32, #model.axes<Batch, Hidden>>
  // CHECK: dist.layouts = [#dist.layout<@m, [{?}, {?}], replicated = {"dp"}>], names = ["y"]
  // SEQ: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"tp"}>], dist.layouts = [#dist.layout<@m, [{"tp", ?}, {?}]>]
  // REST: dist.factors = [#dist.dim<{}>, #dist.dim<{"tp"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}, {"tp", ?}]>]
  %y = model.index (b: Batch = 8, o: Out = 30) sum (h: Hidden = 32)
         ins(%h[b, h], %v[h, o] : tensor<8x32xf32, #model.axes<Batch, Hidden>>, tensor<32x30xf32, #model.axes<Hidden, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } {names = ["y"]} : tensor<8x30xf32, #model.axes<Batch, Out>>
  return %y : tensor<8x30xf32, #model.axes<Batch, Out>>
}
