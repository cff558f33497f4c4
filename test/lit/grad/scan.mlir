// RUN: %cleave-opt --model-gradients %s | %FileCheck %s

// A repeat of layers: the stacked parameters' cotangents are computed by backward_weight, from residuals and what
// backward_input passes on; the derivative of tanh is read off its value.

// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: attributes {model.backward_input = @layer_backward_input, model.backward_weight = @layer_backward_weight, model.forward = @layer_forward}

// The incoming carry and tanh's value are residuals.
// CHECK-LABEL: func.func private @layer_forward(%arg0: tensor<i64>, %arg1: tensor<3xf32, #model.axes<H>>, %arg2: tensor<3x3xf32, #model.axes<H, K>>)
// CHECK: model.index (d0: K = 3) sum (d1: H = 3)
// CHECK: %[[Y:.*]] = model.index (d0: H = 3)
// CHECK: return %[[Y]], %arg1, %[[Y]]

// CHECK-LABEL: func.func private @layer_backward(
// CHECK: %[[INPUT:.*]]:2 = model.call @layer_backward_input(
// CHECK: %[[WEIGHT:.*]] = model.call @layer_backward_weight({{.*}}%[[INPUT]]#1)
// CHECK: return %[[INPUT]]#0, %[[WEIGHT]]

// CHECK-LABEL: func.func private @layer_backward_weight(
// CHECK: model.index (d0: H = 3, d1: K = 3) ins(
// CHECK-LABEL: func.func private @layer_backward_input(

func.func private @layer(%i: tensor<i64>, %x: tensor<3xf32, #model.axes<H>>, %w: tensor<3x3xf32, #model.axes<H, K>>) -> tensor<3xf32, #model.axes<H>> {
  %u = model.index (k: K = 3) sum (h: H = 3) ins(%x[h], %w[h, k] : tensor<3xf32, #model.axes<H>>, tensor<3x3xf32, #model.axes<H, K>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<3xf32, #model.axes<K>>
  %y = model.index (h: H = 3) ins(%u[h] : tensor<3xf32, #model.axes<K>>) {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    model.yield %0 : f32
  } : tensor<3xf32, #model.axes<H>>
  return %y : tensor<3xf32, #model.axes<H>>
}

// CHECK-LABEL: func.func @train
// CHECK: %[[F:.*]]:3 = model.scan @layer_forward count 6 over "Layers" consts() carries(%arg0) slices(%arg1)
// CHECK: %[[B:.*]]:2 = model.scan @layer_backward count 6 over "Layers" reverse consts() carries(%{{.*}}) slices(%arg1, %[[F]]#1, %[[F]]#2)
// CHECK: return %[[B]]#1
func.func @train(%x: tensor<3xf32, #model.axes<H>>, %w: tensor<6x3x3xf32, #model.axes<Layers, H, K>>) -> tensor<6x3x3xf32, #model.axes<Layers, H, K>> {
  %y = model.scan @layer count 6 over "Layers" consts() carries(%x) slices(%w) : (), (tensor<3xf32, #model.axes<H>>), (tensor<6x3x3xf32, #model.axes<Layers, H, K>>) -> (tensor<3xf32, #model.axes<H>>)
  %l = model.index () sum (h: H = 3) ins(%y[h] : tensor<3xf32, #model.axes<H>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  %g = model.gradient %l wrt (%w) : tensor<f32>, (tensor<6x3x3xf32, #model.axes<Layers, H, K>>) -> (tensor<6x3x3xf32, #model.axes<Layers, H, K>>)
  return %g : tensor<6x3x3xf32, #model.axes<Layers, H, K>>
}
