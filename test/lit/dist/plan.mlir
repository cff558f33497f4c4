// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s
// RUN: %cleave-opt --dist-propagate=stop-after=1 --mlir-print-local-scope %s | %FileCheck %s --check-prefix=ONE

// Data and tensor parallel, tactic by tactic: what has an axis of that name is cut.

dist.mesh @m ["dp", "tp"] = [2, 4]
dist.plan @p on @m hash "" {
  dist.shard ["Batch"] over [#dist.axis<"dp">]
  dist.shard ["Hidden"] over [#dist.axis<"tp">]
}

// CHECK-LABEL: func.func @mlp
// CHECK-SAME: %arg0: tensor<8x16xf32, #model.axes<Batch, In>> {dist.layout = #dist.layout<@m, [{"dp", ?}, {?}]>, dist.origin = [#dist.origin<<"dp">, 0, []>]}
// CHECK-SAME: %arg1: tensor<16x32xf32, #model.axes<In, Hidden>> {dist.layout = #dist.layout<@m, [{?}, {"tp", ?}]>, dist.origin = [#dist.origin<<"tp">, 1, []>]}
// CHECK-SAME: %arg2: tensor<32x16xf32, #model.axes<Hidden, Out>> {dist.layout = #dist.layout<@m, [{"tp", ?}, {?}]>, dist.origin = [#dist.origin<<"tp">, 1, []>]}
// CHECK-SAME: -> (tensor<8x16xf32, #model.axes<Batch, Out>> {dist.layout = #dist.layout<@m, [{"dp", ?}, {?}]>, dist.origin = [#dist.origin<<"dp">, 0, []>]})
// ONE-LABEL: func.func @mlp
// ONE-SAME: %arg1: tensor<16x32xf32, #model.axes<In, Hidden>> {dist.layout = #dist.layout<@m, [{?}, {?}]>}
func.func @mlp(%x: tensor<8x16xf32, #model.axes<Batch, In>>, %w: tensor<16x32xf32, #model.axes<In, Hidden>>,
               %v: tensor<32x16xf32, #model.axes<Hidden, Out>>) -> tensor<8x16xf32, #model.axes<Batch, Out>> {
  // CHECK: dist.factors = [#dist.dim<{"dp"}>, #dist.dim<{"tp"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"dp", ?}, {"tp", ?}]>]
  // ONE: dist.factors = [#dist.dim<{"dp"}>, #dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"dp", ?}, {?}]>]
  %h = model.index (b: Batch = 8, h: Hidden = 32) sum (i: In = 16)
         ins(%x[b, i], %w[i, h] : tensor<8x16xf32, #model.axes<Batch, In>>, tensor<16x32xf32, #model.axes<In, Hidden>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<8x32xf32, #model.axes<Batch, Hidden>>
  // Both operands lie alike along what is summed: computed there, which leaves a sum pending.
  // CHECK: dist.factors = [#dist.dim<{"dp"}>, #dist.dim<{}>, #dist.dim<{"tp"}>], dist.layouts = [#dist.layout<@m, [{"dp", ?}, {?}]>]
  %y = model.index (b: Batch = 8, o: Out = 16) sum (h: Hidden = 32)
         ins(%h[b, h], %v[h, o] : tensor<8x32xf32, #model.axes<Batch, Hidden>>, tensor<32x16xf32, #model.axes<Hidden, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<8x16xf32, #model.axes<Batch, Out>>
  return %y : tensor<8x16xf32, #model.axes<Batch, Out>>
}

// A body that two scans use becomes two; what a loop carries is one place, slices lack the leading axis.
// CHECK-LABEL: func.func @stack
func.func @stack(%x: tensor<8x16xf32, #model.axes<Batch, E>>, %z: tensor<1x16xf32, #model.axes<One, E>>,
                 %w: tensor<3x16xf32, #model.axes<Layers, E>>) -> tensor<8x16xf32, #model.axes<Batch, E>> {
  // CHECK: model.scan @body count 3 {{.*}} {dist.layouts = [#dist.layout<@m, [{"dp", ?}, {?}]>], dist.origins = {{\[\[}}#dist.origin<<"dp">, 0, []>]]}
  %0 = model.scan @body count 3 over "Layers" consts() carries(%x) slices(%w)
    : (), (tensor<8x16xf32, #model.axes<Batch, E>>), (tensor<3x16xf32, #model.axes<Layers, E>>) -> (tensor<8x16xf32, #model.axes<Batch, E>>)
  // CHECK: model.scan @body_0 count 3
  %1 = model.scan @body count 3 over "Layers" consts() carries(%0) slices(%w)
    : (), (tensor<8x16xf32, #model.axes<Batch, E>>), (tensor<3x16xf32, #model.axes<Layers, E>>) -> (tensor<8x16xf32, #model.axes<Batch, E>>)
  return %1 : tensor<8x16xf32, #model.axes<Batch, E>>
}
// CHECK: func.func private @body_0
// CHECK: func.func private @body(
// CHECK-SAME: %arg1: tensor<8x16xf32, #model.axes<Batch, E>> {dist.layout = #dist.layout<@m, [{"dp", ?}, {?}]>, dist.origin = [#dist.origin<<"dp">, 0, []>]}
// CHECK-SAME: -> (tensor<8x16xf32, #model.axes<Batch, E>> {dist.layout = #dist.layout<@m, [{"dp", ?}, {?}]>, dist.origin = [#dist.origin<<"dp">, 0, []>]})
func.func private @body(%i: tensor<i64>, %x: tensor<8x16xf32, #model.axes<Batch, E>>, %w: tensor<16xf32, #model.axes<E>>)
    -> tensor<8x16xf32, #model.axes<Batch, E>> {
  %y = model.index (b: Batch = 8, e: E = 16)
         ins(%x[b, e], %w[e] : tensor<8x16xf32, #model.axes<Batch, E>>, tensor<16xf32, #model.axes<E>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<8x16xf32, #model.axes<Batch, E>>
  return %y : tensor<8x16xf32, #model.axes<Batch, E>>
}
