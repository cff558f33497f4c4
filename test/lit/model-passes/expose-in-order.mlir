// RUN: %cleave-opt --model-gradients=names=true --model-expose="paths=* in-order=true" %s | %FileCheck %s

// The gradient of a state has a name. Outputs stand as the program computes them: what goes in, the loss, gradients; last what
// has no name.
// CHECK-LABEL: func.func @train(
// CHECK-SAME: {model.state = @w},
// CHECK-SAME: {model.output = "h"}, tensor<f32> {model.output = "loss"},
// CHECK-SAME: {model.output = "grad(net.w)"}, tensor<f32> {model.output = "twice"})
model.state @w path "net.w" kind "param" : tensor<3xf32, #model.axes<H>>
func.func @train(%w: tensor<3xf32, #model.axes<H>> {model.state = @w}, %x: tensor<3xf32, #model.axes<H>> {model.input = "x"}) -> (tensor<f32> {model.output = "twice"}, tensor<f32> {model.output = "loss"}, tensor<3xf32, #model.axes<H>> {model.state = @w}) attributes {model.entry} {
  %h = model.index (j: H = 3) ins(%x[j], %w[j] : tensor<3xf32, #model.axes<H>>, tensor<3xf32, #model.axes<H>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<3xf32, #model.axes<H>>
  %named = model.name %h "h" : tensor<3xf32, #model.axes<H>>
  %sum = model.index () sum (j: H = 3) ins(%named[j] : tensor<3xf32, #model.axes<H>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  %loss = model.name %sum "loss" : tensor<f32>
  %twice = model.index () ins(%loss[] : tensor<f32>) {
  ^bb0(%a: f32):
    %0 = arith.addf %a, %a : f32
    model.yield %0 : f32
  } : tensor<f32>
  %g = model.gradient %loss wrt (%w) : tensor<f32>, (tensor<3xf32, #model.axes<H>>) -> (tensor<3xf32, #model.axes<H>>)
  %next = model.index (j: H = 3) ins(%w[j], %g[j] : tensor<3xf32, #model.axes<H>>, tensor<3xf32, #model.axes<H>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.subf %a, %b : f32
    model.yield %0 : f32
  } : tensor<3xf32, #model.axes<H>>
  return %twice, %loss, %next : tensor<f32>, tensor<f32>, tensor<3xf32, #model.axes<H>>
}
