// RUN: %cleave-opt --dist-propagate=plan=one --mlir-print-local-scope %s | %FileCheck %s --check-prefixes=CHECK,ONE
// RUN: %cleave-opt --dist-propagate=plan=value --mlir-print-local-scope %s | %FileCheck %s --check-prefixes=CHECK,VALUE

// A plan may be for one entry, and a tactic about a value of one entry. What entries keep of a state is laid out alike in all.

dist.mesh @m ["dp"] = [2]
dist.plan @one on @m hash "" {
  dist.shard ["Batch", "Features"] over [#dist.axis<"dp">]
} {dist.entry = "train"}
dist.plan @value on @m hash "" {
  dist.layout_of "x" is #dist.layout<@m, [{"dp"}, {}]> {dist.entry = "train"}
}
model.state @w path "w" kind "param" : tensor<8xf32, #model.axes<Features>>

// CHECK-LABEL: func.func @train
// ONE-SAME: %arg0: {{[^{]*}}{dist.conflict = [#dist.conflict<<"dp">, dim 1 by 0, held 0 by 0>], dist.layout = #dist.layout<@m, [{"dp", ?}, {?}]>
// ONE-SAME: %arg1: {{[^{]*}}{dist.layout = #dist.layout<@m, [{"dp"}]>
// VALUE-SAME: %arg0: {{[^{]*}}{dist.layout = #dist.layout<@m, [{"dp"}, {}]>
func.func @train(%x: tensor<4x8xf32, #model.axes<Batch, Features>> {model.input = "x"}, %w: tensor<8xf32, #model.axes<Features>> {model.state = @w})
    attributes {model.entry} {
  return
}
// CHECK-LABEL: func.func @eval
// CHECK-SAME: %arg0: {{[^{]*}}{dist.layout = #dist.layout<@m, [{?}, {?}]>
// ONE-SAME: %arg1: {{[^{]*}}{dist.layout = #dist.layout<@m, [{"dp"}]>
func.func @eval(%x: tensor<4x8xf32, #model.axes<Batch, Features>> {model.input = "x"}, %w: tensor<8xf32, #model.axes<Features>> {model.state = @w})
    attributes {model.entry} {
  return
}
