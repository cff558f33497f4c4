// RUN: %cleave-opt --dist-propagate=plan=zero1 --mlir-print-local-scope %s | %FileCheck %s --check-prefixes=CHECK,ONE
// RUN: %cleave-opt --dist-propagate=plan=zero2 --mlir-print-local-scope %s | %FileCheck %s --check-prefixes=CHECK,ONE
// RUN: %cleave-opt --dist-propagate=plan=zero3 --mlir-print-local-scope %s | %FileCheck %s --check-prefixes=CHECK,THREE
// RUN: %cleave-opt --dist-propagate=plan=gradients --mlir-print-local-scope %s | %FileCheck %s --check-prefix=GRAD

// Storage apart from computing: ZeRO 1 to 3 are uses of it.

dist.mesh @m ["dp"] = [4]
dist.plan @zero1 on @m hash "" {
  dist.shard ["Batch"] over [#dist.axis<"dp">]
  dist.store "optimizer" "" over [#dist.axis<"dp">]
}
dist.plan @zero2 on @m hash "" {
  dist.shard ["Batch"] over [#dist.axis<"dp">]
  dist.store "gradients" "" over [#dist.axis<"dp">]
  dist.store "optimizer" "" over [#dist.axis<"dp">]
}
dist.plan @zero3 on @m hash "" {
  dist.shard ["Batch"] over [#dist.axis<"dp">]
  dist.store "params" "" over [#dist.axis<"dp">]
  dist.store "gradients" "" over [#dist.axis<"dp">]
  dist.store "optimizer" "" over [#dist.axis<"dp">]
}
dist.plan @gradients on @m hash "" {
  dist.shard ["Batch"] over [#dist.axis<"dp">]
  dist.store "gradients" "w" over [#dist.axis<"dp">]
}

model.state @w path "w" kind "param" : tensor<2x16x32xf32, #model.axes<Two, In, Out>>
model.state @b path "b" kind "param" : tensor<3xf32, #model.axes<Bias>>
model.state @m.w path "m.w" kind "optimizer" : tensor<2x16x32xf32, #model.axes<Two, In, Out>>

// The dim with the most elements that divide is cut; three elements are not. All states of all entries are closed.
// CHECK-LABEL: func.func @train
// CHECK-SAME: %arg0: tensor<8x16xf32, #model.axes<Batch, In>> {dist.layout = #dist.layout<@m, [{"dp", ?}, {?}]>
// ONE-SAME:   %arg1: tensor<2x16x32xf32, #model.axes<Two, In, Out>> {dist.layout = #dist.layout<@m, [{}, {}, {}]>
// THREE-SAME: %arg1: tensor<2x16x32xf32, #model.axes<Two, In, Out>> {dist.layout = #dist.layout<@m, [{}, {}, {"dp"}]>
// CHECK-SAME: %arg2: tensor<2x16x32xf32, #model.axes<Two, In, Out>> {dist.layout = #dist.layout<@m, [{}, {}, {"dp"}]>
// CHECK-SAME: %arg3: tensor<3xf32, #model.axes<Bias>> {dist.layout = #dist.layout<@m, [{}]>
// ONE-SAME:   -> (tensor<2x16x32xf32, #model.axes<Two, In, Out>> {dist.layout = #dist.layout<@m, [{}, {}, {}]>
// THREE-SAME: -> (tensor<2x16x32xf32, #model.axes<Two, In, Out>> {dist.layout = #dist.layout<@m, [{}, {}, {"dp"}]>
// CHECK-SAME: tensor<2x16x32xf32, #model.axes<Two, In, Out>> {dist.layout = #dist.layout<@m, [{}, {}, {"dp"}]>
func.func @train(%x: tensor<8x16xf32, #model.axes<Batch, In>> {model.input = "x"},
                 %w: tensor<2x16x32xf32, #model.axes<Two, In, Out>> {model.state = @w},
                 %m: tensor<2x16x32xf32, #model.axes<Two, In, Out>> {model.state = @m.w},
                 %b: tensor<3xf32, #model.axes<Bias>> {model.state = @b})
    -> (tensor<2x16x32xf32, #model.axes<Two, In, Out>> {model.state = @w},
        tensor<2x16x32xf32, #model.axes<Two, In, Out>> {model.state = @m.w}) attributes {model.entry} {
  // Reads that compute over more than the parameter's own axes get all of it, just before.
  // THREE: %[[W:.*]] = dist.constrain %arg1 to <@m, [{?}, {?}, {?}]>
  // THREE-NEXT: model.index {{.*}} ins(%arg0[d1, d3], %[[W]]
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{"dp"}>, #dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}, {"dp", ?}, {?}]>]
  %y = model.index (t: Two = 2, b: Batch = 8, o: Out = 32) sum (i: In = 16)
         ins(%x[b, i], %w[t, i, o] : tensor<8x16xf32, #model.axes<Batch, In>>, tensor<2x16x32xf32, #model.axes<Two, In, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<2x8x32xf32, #model.axes<Two, Batch, Out>>
  // The gradient is summed over the batch where it lies, and cut as the update wants it: reduced and scattered.
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@m, [{{.*}}, {{.*}}, {"dp"
  %g = model.index (t: Two = 2, i: In = 16, o: Out = 32) sum (b: Batch = 8)
         ins(%x[b, i], %y[t, b, o] : tensor<8x16xf32, #model.axes<Batch, In>>, tensor<2x8x32xf32, #model.axes<Two, Batch, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<2x16x32xf32, #model.axes<Two, In, Out>>
  // The update is computed on the parts.
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@m, [{?}, {?}, {"dp", ?}]>]
  %m1 = model.index (t: Two = 2, i: In = 16, o: Out = 32)
         ins(%m[t, i, o], %g[t, i, o] : tensor<2x16x32xf32, #model.axes<Two, In, Out>>, tensor<2x16x32xf32, #model.axes<Two, In, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %c : f32
    model.yield %0 : f32
  } : tensor<2x16x32xf32, #model.axes<Two, In, Out>>
  // CHECK: ins(%arg1[d0, d1, d2]
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@m, [{?}, {?}, {"dp", ?}]>]
  %w1 = model.index (t: Two = 2, i: In = 16, o: Out = 32)
         ins(%w[t, i, o], %m1[t, i, o] : tensor<2x16x32xf32, #model.axes<Two, In, Out>>, tensor<2x16x32xf32, #model.axes<Two, In, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.subf %a, %c : f32
    model.yield %0 : f32
  } : tensor<2x16x32xf32, #model.axes<Two, In, Out>>
  return %w1, %m1 : tensor<2x16x32xf32, #model.axes<Two, In, Out>>, tensor<2x16x32xf32, #model.axes<Two, In, Out>>
}

// Gradients alone: found from the new states.
// GRAD-LABEL: func.func @train
// GRAD-SAME: %arg2: tensor<2x16x32xf32, #model.axes<Two, In, Out>> {dist.layout = #dist.layout<@m, [{}, {}, {}]>
// GRAD: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@m, [{}, {}, {"dp"}]>]

// An entry that only reads a state has it as it is stored.
// THREE-LABEL: func.func @eval
// THREE-SAME: %arg0: tensor<2x16x32xf32, #model.axes<Two, In, Out>> {dist.layout = #dist.layout<@m, [{}, {}, {"dp"}]>
func.func @eval(%w: tensor<2x16x32xf32, #model.axes<Two, In, Out>> {model.state = @w})
    -> (tensor<f32> {model.output = "norm"}) attributes {model.entry} {
  // Over the parameter's own axes alone: computed on the parts.
  // THREE: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"dp"}>]
  %n = model.index () sum (t: Two = 2, i: In = 16, o: Out = 32) ins(%w[t, i, o] : tensor<2x16x32xf32, #model.axes<Two, In, Out>>) {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    model.yield %0 : f32
  } : tensor<f32>
  return %n : tensor<f32>
}
