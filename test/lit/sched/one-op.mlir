// RUN: %cleave-opt --convert-model-to-kernels %s | %FileCheck %s

// A product, a reduction and an update: one launch each; what the kernels hold.
module {
  model.state @step path "step" kind "counter" : tensor<i64>
  model.state @w path "model.w" kind "param" : tensor<32x16xf32, #model.axes<In, Out>>
  func.func @train(%step: tensor<i64> {model.state = @step}, %w: tensor<32x16xf32, #model.axes<In, Out>> {model.state = @w},
      %x: tensor<8x32xf32, #model.axes<B, In>> {model.input = "x"})
      -> (tensor<f32> {model.output = "loss"}, tensor<i64> {model.state = @step}, tensor<32x16xf32, #model.axes<In, Out>> {model.state = @w}) attributes {model.entry} {
    %y = model.index (b: B = 8, o: Out = 16) sum (i: In = 32)
           ins(%x[b, i], %w[i, o] : tensor<8x32xf32, #model.axes<B, In>>, tensor<32x16xf32, #model.axes<In, Out>>) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.mulf %a, %c : f32
      model.yield %0 : f32
    } : tensor<8x16xf32, #model.axes<B, Out>>
    %n = model.name %y "model.y" : tensor<8x16xf32, #model.axes<B, Out>>
    %loss = model.index () sum (b: B = 8, o: Out = 16) ins(%n[b, o] : tensor<8x16xf32, #model.axes<B, Out>>) {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %a : f32
      model.yield %0 : f32
    } : tensor<f32>
    %g = model.index (i: In = 32, o: Out = 16) sum (b: B = 8)
           ins(%x[b, i], %n[b, o] : tensor<8x32xf32, #model.axes<B, In>>, tensor<8x16xf32, #model.axes<B, Out>>) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.mulf %a, %c : f32
      model.yield %0 : f32
    } : tensor<32x16xf32, #model.axes<In, Out>>
    %w1 = model.index (i: In = 32, o: Out = 16) ins(%w[i, o], %g[i, o] : tensor<32x16xf32, #model.axes<In, Out>>, tensor<32x16xf32, #model.axes<In, Out>>) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.subf %a, %c : f32
      model.yield %0 : f32
    } : tensor<32x16xf32, #model.axes<In, Out>>
    %s1 = model.index () ins(%step[] : tensor<i64>) {
    ^bb0(%a: i64):
      %one = arith.constant 1 : i64
      %0 = arith.addi %a, %one : i64
      model.yield %0 : i64
    } : tensor<i64>
    return %loss, %s1, %w1 : tensor<f32>, tensor<i64>, tensor<32x16xf32, #model.axes<In, Out>>
  }
}

// CHECK-LABEL: func.func @train
// CHECK: pipe.launch @[[PRODUCT:.*]](%arg2, %arg1) {names = ["model.y"]}
// CHECK: pipe.guard %{{.*}} for "loss"

// CHECK: func.func private @[[PRODUCT]](%{{.*}}: tensor<8x32xf32>, %{{.*}}: tensor<32x16xf32>) -> tensor<8x16xf32>
// CHECK-SAME: cleave.kernel, cleave.rows = array<i64: 8, 16>
// CHECK: linalg.fill
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-SAME: cleave.rows = array<i64: 0, 1>
// CHECK: arith.mulf
// CHECK: arith.addf %out
