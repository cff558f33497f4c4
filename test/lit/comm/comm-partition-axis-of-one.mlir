// RUN: %cleave-opt --comm-partition --mlir-print-local-scope %s | %FileCheck %s

// Nothing is pending over a mesh axis of one.
dist.mesh @m ["a", "b"] = [1, 2]
// CHECK-LABEL: func.func @f
func.func @f(%x: tensor<8x4xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>},
             %y: tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>})
    -> (tensor<f32> {dist.layout = #dist.layout<@m, []>}, tensor<f32> {dist.layout = #dist.layout<@m, []>}) {
  // CHECK: %[[S:.*]] = model.index
  // CHECK: %[[R:.*]] = comm.all_reduce sum %[[S]] over @m [#dist.axis<"b">]
  %0 = model.index () sum (i: A = 8, j: B = 4) ins(%x[i, j] : tensor<8x4xf32, #model.axes<A, B>>) {
  ^bb0(%e: f32):
    model.yield %e : f32
  } {dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, []>]} : tensor<f32>
  // CHECK-NOT: = comm.
  // CHECK: return
  %1 = model.index () sum (i: A = 8) ins(%y[i] : tensor<8xf32, #model.axes<A>>) {
  ^bb0(%e: f32):
    model.yield %e : f32
  } {dist.factors = [#dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, []>]} : tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}
