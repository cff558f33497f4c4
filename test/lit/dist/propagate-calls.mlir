// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s

// Through calls: what goes in and out of a function is tied to each place that calls it, and each has a copy of its
// own. In the pipeline calls are inlined before; here they are not.

dist.mesh @m ["a", "b"] = [2, 2]

// CHECK-LABEL: func.func private @twice(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
func.func private @twice(%x: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    %val = arith.addf %e0, %e0 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// Forwards from the argument, backwards from the result.
// CHECK-LABEL: func.func @calls(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {"b"}]>}
func.func @calls(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>},
                 %y: tensor<8x8xf32, #model.axes<A, B>>)
    -> (tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{}, {"b"}]>}) {
  // CHECK: model.call @twice(%arg0) {{.*}}#dist.layout<@m, [{"a", ?}, {?}]>
  // CHECK: model.call @twice_0(%arg1) {{.*}}#dist.layout<@m, [{?}, {"b", ?}]>
  %s = model.call @twice(%x) : (tensor<8x8xf32, #model.axes<A, B>>) -> tensor<8x8xf32, #model.axes<A, B>>
  %t = model.call @twice(%y) : (tensor<8x8xf32, #model.axes<A, B>>) -> tensor<8x8xf32, #model.axes<A, B>>
  return %s, %t : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>
}
// CHECK-LABEL: func.func private @twice_0(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"b", ?}]>}
