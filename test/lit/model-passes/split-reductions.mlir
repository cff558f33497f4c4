// RUN: %cleave-opt --model-split-reductions %s | %FileCheck %s

// CHECK-LABEL: func.func @norm
// CHECK: %[[P:.*]] = model.index (d0: I = 384) sum (d1: J = 1536) ins(%arg0[d0, d1] :
// CHECK: arith.mulf
// CHECK: model.index () sum (d0: I = 384) ins(%[[P]][d0] :
// CHECK-NOT: arith.mulf
// CHECK: return
func.func @norm(%x: tensor<384x1536xf32, #model.axes<I, J>>) -> tensor<f32> {
  %n = model.index () sum (i: I = 384, j: J = 1536) ins(%x[i, j] : tensor<384x1536xf32, #model.axes<I, J>>) {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    model.yield %0 : f32
  } : tensor<f32>
  return %n : tensor<f32>
}

// Few elements, or many results: as they are.
// CHECK-LABEL: func.func @keep
// CHECK: model.index () sum (d0: I = 8, d1: J = 16)
// CHECK: model.index (d0: J = 1536) sum (d1: I = 384)
// CHECK: return
func.func @keep(%x: tensor<8x16xf32, #model.axes<I, J>>, %y: tensor<384x1536xf32, #model.axes<I, J>>) -> (tensor<f32>, tensor<1536xf32, #model.axes<J>>) {
  %n = model.index () sum (i: I = 8, j: J = 16) ins(%x[i, j] : tensor<8x16xf32, #model.axes<I, J>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  %m = model.index (j: J = 1536) sum (i: I = 384) ins(%y[i, j] : tensor<384x1536xf32, #model.axes<I, J>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<1536xf32, #model.axes<J>>
  return %n, %m : tensor<f32>, tensor<1536xf32, #model.axes<J>>
}

// Rows are what lies in a row: the dims are taken in the order of the input's axes.
// CHECK-LABEL: func.func @stored
// CHECK: model.index (d0: A = 64) sum (d1: B = 128, d2: C = 256) ins(%arg0[d0, d1, d2] :
// CHECK: model.iter 2
func.func @stored(%g: tensor<64x128x256xf32, #model.axes<A, B, C>>) -> tensor<f32> {
  %n = model.index () sum (c: C = 256, a: A = 64, b: B = 128) ins(%g[a, b, c] : tensor<64x128x256xf32, #model.axes<A, B, C>>) {
  ^bb0(%p: f32):
    %i = model.iter 0
    %f = arith.sitofp %i : i64 to f32
    %0 = arith.mulf %p, %f : f32
    model.yield %0 : f32
  } : tensor<f32>
  return %n : tensor<f32>
}

// The weight gradient of a convolution: a result per element of the batch first.
// CHECK-LABEL: func.func @weight_gradient
// CHECK: %[[P:.*]] = model.index (d0: N = 64, d1: U = 3, d2: O = 8) sum (d3: I = 256) ins(%arg0[d0, d3, d2], %arg1[d0, d1 + d3 - 1] outside
// CHECK: model.index (d0: U = 3, d1: O = 8) sum (d2: N = 64) ins(%[[P]][d2, d0, d1] :
// CHECK: return
func.func @weight_gradient(%y: tensor<64x256x8xf32, #model.axes<N, I, O>>, %x: tensor<64x256xf32, #model.axes<N, I>>) -> tensor<3x8xf32, #model.axes<U, O>> {
  %g = model.index (u: U = 3, o: O = 8) sum (n: N = 64, i: I = 256) ins(%y[n, i, o], %x[n, u + i - 1] outside 0.0 : f32 : tensor<64x256x8xf32, #model.axes<N, I, O>>, tensor<64x256xf32, #model.axes<N, I>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<3x8xf32, #model.axes<U, O>>
  return %g : tensor<3x8xf32, #model.axes<U, O>>
}

// A long weight gradient has many results and is split all the same: the batch goes as 16 parts of 4.
// CHECK-LABEL: func.func @long
// CHECK: %[[P:.*]] = model.index (d0: N = 16, d1: U = 3, d2: C = 32, d3: O = 64) sum (d4: N = 4, d5: I = 256) ins(%arg0[d0 * 4 + d4, d5, d3], %arg1[d0 * 4 + d4, d1 + d5 - 1, d2] outside
// CHECK: model.index (d0: U = 3, d1: C = 32, d2: O = 64) sum (d3: N = 16) ins(%[[P]][d3, d0, d1, d2] :
// CHECK: return
func.func @long(%y: tensor<64x256x64xf32, #model.axes<N, I, O>>, %x: tensor<64x256x32xf32, #model.axes<N, I, C>>) -> tensor<3x32x64xf32, #model.axes<U, C, O>> {
  %g = model.index (u: U = 3, c: C = 32, o: O = 64) sum (n: N = 64, i: I = 256) ins(%y[n, i, o], %x[n, i + u - 1, c] outside 0.0 : f32 : tensor<64x256x64xf32, #model.axes<N, I, O>>, tensor<64x256x32xf32, #model.axes<N, I, C>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<3x32x64xf32, #model.axes<U, C, O>>
  return %g : tensor<3x32x64xf32, #model.axes<U, C, O>>
}

// A product with few results and many terms: its first dim gives other cores work.
// CHECK-LABEL: func.func @head
// CHECK: %[[P:.*]] = model.index (d0: I = 8, d1: N = 64, d2: O = 10) sum (d3: F = 1024) ins(%arg0[d1, d0, d3], %arg1[d0, d3, d2] :
// CHECK: model.index (d0: N = 64, d1: O = 10) sum (d2: I = 8) ins(%[[P]][d2, d0, d1] :
// CHECK: return
func.func @head(%x: tensor<64x8x1024xf32, #model.axes<N, I, F>>, %w: tensor<8x1024x10xf32, #model.axes<I, F, O>>) -> tensor<64x10xf32, #model.axes<N, O>> {
  %y = model.index (n: N = 64, o: O = 10) sum (i: I = 8, f: F = 1024) ins(%x[n, i, f], %w[i, f, o] : tensor<64x8x1024xf32, #model.axes<N, I, F>>, tensor<8x1024x10xf32, #model.axes<I, F, O>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<64x10xf32, #model.axes<N, O>>
  return %y : tensor<64x10xf32, #model.axes<N, O>>
}
