// RUN: %cleave ir --stage model %s | %FileCheck %s
// A repeat is a scan over stacked parameters; initial values of the layers differ by the leading index.
axis Batch = 2, Width = 4, Layers = 3

layer Block(x: f32[Batch, Width]) -> f32[Batch, Width] {
  param w: f32[Width] = normal(std: 0.5)
  let h[b, e] = x[b, e] * w[e]
  return tanh(h)
}

layer Net(x: f32[Batch, Width]) -> f32[Batch, Width] {
  repeat blocks[Layers] = Block
  return blocks(x)
}

layer net = Net

entry f(x: f32[Batch, Width]) -> (y: f32[Batch, Width]) {
  return net(x)
}

// CHECK: model.state @"net.blocks[*].w" path "net.blocks[*].w" kind "param" : tensor<3x4xf32, #model.axes<Layers, Width>>
// CHECK-LABEL: func.func @init
// CHECK: model.index (d0: Layers = 3, d1: Width = 4)
// CHECK: model.random_bits
// CHECK: {exact}
// CHECK-LABEL: func.func @f
// CHECK-SAME: %arg1: tensor<3x4xf32, #model.axes<Layers, Width>> {model.state = @"net.blocks[*].w"}
// CHECK: model.scan @"net.blocks[*]" count 3 over "Layers" consts() carries(%arg0) slices(%arg1)
// CHECK-LABEL: func.func private @"net.blocks[*]"
// CHECK-SAME: (%arg0: tensor<i64>, %arg1: tensor<2x4xf32, #model.axes<Batch, Width>>, %arg2: tensor<4xf32, #model.axes<Width>>)
// CHECK: model.name %{{.*}} "net.blocks[*].h"
