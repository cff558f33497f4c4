// RUN: %cleave-opt --model-expose=paths=blocks[*].h %s | %FileCheck %s
// RUN: %not %cleave-opt --model-expose=paths=blocks[*].k %s 2>&1 | %FileCheck %s --check-prefix=MISSING
// RUN: %not %cleave-opt --model-expose=paths=chosen %s 2>&1 | %FileCheck %s --check-prefix=HIDDEN

// MISSING: a value to dump has a name in the program, found 'blocks[*].k'
// MISSING: the nearest name is 'blocks[*].h'

// HIDDEN: a value to dump is computed in every run, found 'chosen' inside an if or a while

// CHECK-LABEL: func.func private @layer(
// CHECK: names = ["blocks[*].h"]
// CHECK-LABEL: func.func private @layer_exposed(
// CHECK: return %[[H:.*]], %[[H]] :
// CHECK-LABEL: func.func @train(
// CHECK-SAME: tensor<4x3xf32, #model.axes<Layers, H>> {model.output = "blocks[*].h"})
// CHECK: %[[R:.*]]:2 = model.scan @layer_exposed
// CHECK: return %[[R]]#0, %[[R]]#1
func.func private @layer(%i: tensor<i64>, %h: tensor<3xf32, #model.axes<H>>) -> tensor<3xf32, #model.axes<H>> {
  %n = model.index (j: H = 3) ins(%h[j] : tensor<3xf32, #model.axes<H>>) {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    model.yield %0 : f32
  } : tensor<3xf32, #model.axes<H>>
  %m = model.name %n "blocks[*].h" : tensor<3xf32, #model.axes<H>>
  return %m : tensor<3xf32, #model.axes<H>>
}
func.func @train(%h: tensor<3xf32, #model.axes<H>> {model.input = "h"}) -> (tensor<3xf32, #model.axes<H>> {model.output = "y"}) attributes {model.entry} {
  %r = model.scan @layer count 4 over "Layers" consts() carries(%h) slices() : (), (tensor<3xf32, #model.axes<H>>), () -> (tensor<3xf32, #model.axes<H>>)
  return %r : tensor<3xf32, #model.axes<H>>
}
func.func private @then(%x: tensor<f32>) -> tensor<f32> {
  %y = model.name %x "chosen" : tensor<f32>
  return %y : tensor<f32>
}
func.func private @else(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
func.func @choose(%c: tensor<i1> {model.input = "c"}, %x: tensor<f32> {model.input = "x"}) -> (tensor<f32> {model.output = "y"}) attributes {model.entry} {
  %r = model.if %c then @then else @else (%x) : tensor<i1>, (tensor<f32>) -> (tensor<f32>)
  return %r : tensor<f32>
}
