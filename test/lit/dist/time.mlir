// RUN: %cleave-opt %s --dist-residuals --dist-accumulate | %FileCheck %s

// CHECK: module attributes {model.residual_policy = {{\[\[}}"net.up", "recompute"], ["net", "save"]]}
dist.mesh @m ["dp"] = [2]
dist.plan @p on @m hash "" {
  dist.residual "net.up" "recompute"
  dist.residual "net" "save"
  dist.accumulate 4 of "Batch"
}
model.state @w path "w" kind "param" : tensor<f32>
!x = tensor<8xf32, #model.axes<Batch>>
// CHECK: model.scan @train_micro count 4 over "Micro"
func.func @train(%x: !x {model.input = "x"}, %w: tensor<f32> {model.state = @w}) -> (tensor<f32> {model.state = @w}) attributes {model.entry} {
  %m = model.index () sum (b: Batch = 8) ins(%x[b] : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  return %m : tensor<f32>
}
