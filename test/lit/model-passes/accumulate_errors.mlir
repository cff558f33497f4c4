// RUN: not %cleave-opt %s --split-input-file --model-accumulate="axis=Batch count=4" 2>&1 | %FileCheck %s

// A mean over the examples is used with each of them, as in a batch norm.
model.state @w path "w" kind "param" : tensor<f32>
!x = tensor<8xf32, #model.axes<Batch>>
func.func @train(%x: !x {model.input = "x"}, %w: tensor<f32> {model.state = @w}) -> (!x {model.output = "y"}, tensor<f32> {model.state = @w}) attributes {model.entry} {
  %m = model.index () sum (b: Batch = 8) ins(%x[b], %w[] : !x, tensor<f32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<f32>
  // CHECK: error: E940: micro-batches split Batch over time, so nothing within a step may need all of it at once; found that a value that all examples make up is used with single ones
  // CHECK: note: split in 4 by this line
  %y = model.index (b: Batch = 8) ins(%x[b], %m[] : !x, tensor<f32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.subf %a, %c : f32
    model.yield %0 : f32
  } : !x
  return %y, %m : !x, tensor<f32>
}
// -----
// An example is read beside another one.
model.state @w path "w" kind "param" : tensor<f32>
!x = tensor<8xf32, #model.axes<Batch>>
func.func @train(%x: !x {model.input = "x"}, %w: tensor<f32> {model.state = @w}) -> (tensor<f32> {model.state = @w}) attributes {model.entry} {
  // CHECK: error: E940: {{.*}} found that an example is read at another one's position
  %m = model.index () sum (b: Batch = 8) ins(%x[7 - b] : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  return %m : tensor<f32>
}
// -----
// CHECK: error: E941: micro-batches are equally large, found 4 of Batch = 6 in entry 'train'
model.state @w path "w" kind "param" : tensor<f32>
!x = tensor<6xf32, #model.axes<Batch>>
func.func @train(%x: !x {model.input = "x"}, %w: tensor<f32> {model.state = @w}) -> (tensor<f32> {model.state = @w}) attributes {model.entry} {
  %m = model.index () sum (b: Batch = 6) ins(%x[b] : !x) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  return %m : tensor<f32>
}
