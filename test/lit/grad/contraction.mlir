// RUN: %cleave-opt --model-gradients --canonicalize %s | %FileCheck %s

// The gradients of a contraction are contractions, over the inputs' own axes.
// CHECK-LABEL: func.func @product
func.func @product(%x: tensor<3x4xf32, #model.axes<B, I>>, %w: tensor<4x2xf32, #model.axes<I, O>>, %s: tensor<3x2xf32, #model.axes<B, O>>)
    -> (tensor<3x4xf32, #model.axes<B, I>>, tensor<4x2xf32, #model.axes<I, O>>) {
  %y = model.index (b: B = 3, o: O = 2) sum (i: I = 4) ins(%x[b, i], %w[i, o] : tensor<3x4xf32, #model.axes<B, I>>, tensor<4x2xf32, #model.axes<I, O>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<3x2xf32, #model.axes<B, O>>
  %l = model.index () sum (b: B = 3, o: O = 2) ins(%y[b, o], %s[b, o] : tensor<3x2xf32, #model.axes<B, O>>, tensor<3x2xf32, #model.axes<B, O>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<f32>
  // CHECK: %[[DX:.*]] = model.index (d0: B = 3, d1: I = 4) sum (d2: O = 2) ins(%arg2[d0, d2], %arg1[d1, d2] :
  // CHECK: arith.mulf
  // CHECK-NEXT: model.yield
  // CHECK: %[[DW:.*]] = model.index (d0: I = 4, d1: O = 2) sum (d2: B = 3) ins(%arg2[d2, d1], %arg0[d2, d0] :
  // CHECK: arith.mulf
  // CHECK-NEXT: model.yield
  // CHECK: return %[[DX]], %[[DW]]
  %g:2 = model.gradient %l wrt (%x, %w) : tensor<f32>, (tensor<3x4xf32, #model.axes<B, I>>, tensor<4x2xf32, #model.axes<I, O>>) -> (tensor<3x4xf32, #model.axes<B, I>>, tensor<4x2xf32, #model.axes<I, O>>)
  return %g#0, %g#1 : tensor<3x4xf32, #model.axes<B, I>>, tensor<4x2xf32, #model.axes<I, O>>
}

// A convolution of stride one: reads outside give 0, so that no guard is needed.
// CHECK-LABEL: func.func @convolution
func.func @convolution(%x: tensor<6x2xf32, #model.axes<H, C>>, %w: tensor<3x2x4xf32, #model.axes<D, C, O>>, %s: tensor<6x4xf32, #model.axes<H, O>>)
    -> (tensor<6x2xf32, #model.axes<H, C>>, tensor<3x2x4xf32, #model.axes<D, C, O>>) {
  %y = model.index (i: H = 6, o: O = 4) sum (d: D = 3, c: C = 2) ins(%x[i + d - 1, c] outside 0.0 : f32, %w[d, c, o] : tensor<6x2xf32, #model.axes<H, C>>, tensor<3x2x4xf32, #model.axes<D, C, O>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<6x4xf32, #model.axes<H, O>>
  %l = model.index () sum (i: H = 6, o: O = 4) ins(%y[i, o], %s[i, o] : tensor<6x4xf32, #model.axes<H, O>>, tensor<6x4xf32, #model.axes<H, O>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<f32>
  // CHECK: model.index (d0: H = 6, d1: C = 2) sum (d2: O = 4, d3: D = 3) ins(%arg2[d0 - d3 + 1, d2] outside 0.000000e+00 : f32, %arg1[d3, d1, d2] :
  // CHECK-NOT: arith.select
  // CHECK: model.index (d0: D = 3, d1: C = 2, d2: O = 4) sum (d3: H = 6) ins(%arg2[d3, d2], %arg0[d0 + d3 - 1, d1] outside 0.000000e+00 : f32 :
  // CHECK-NOT: arith.select
  // CHECK: return
  %g:2 = model.gradient %l wrt (%x, %w) : tensor<f32>, (tensor<6x2xf32, #model.axes<H, C>>, tensor<3x2x4xf32, #model.axes<D, C, O>>) -> (tensor<6x2xf32, #model.axes<H, C>>, tensor<3x2x4xf32, #model.axes<D, C, O>>)
  return %g#0, %g#1 : tensor<6x2xf32, #model.axes<H, C>>, tensor<3x2x4xf32, #model.axes<D, C, O>>
}

// exp(x - m): the gradient of m is read off that of x, the exponential is not computed again.
// CHECK-LABEL: func.func @shared
func.func @shared(%x: tensor<3x4xf32, #model.axes<B, I>>, %m: tensor<3xf32, #model.axes<B>>) -> (tensor<3x4xf32, #model.axes<B, I>>, tensor<3xf32, #model.axes<B>>) {
  %y = model.index (b: B = 3, i: I = 4) ins(%x[b, i], %m[b] : tensor<3x4xf32, #model.axes<B, I>>, tensor<3xf32, #model.axes<B>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.subf %a, %c : f32
    %1 = math.exp %0 : f32
    model.yield %1 : f32
  } : tensor<3x4xf32, #model.axes<B, I>>
  %l = model.index () sum (b: B = 3, i: I = 4) ins(%y[b, i] : tensor<3x4xf32, #model.axes<B, I>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  // CHECK: %[[DX:.*]] = model.index (d0: B = 3, d1: I = 4) ins(%arg0[d0, d1], %arg1[d0] :
  // CHECK: model.index (d0: B = 3) sum (d1: I = 4) ins(%[[DX]][d0, d1] :
  // CHECK: arith.negf
  %g:2 = model.gradient %l wrt (%x, %m) : tensor<f32>, (tensor<3x4xf32, #model.axes<B, I>>, tensor<3xf32, #model.axes<B>>) -> (tensor<3x4xf32, #model.axes<B, I>>, tensor<3xf32, #model.axes<B>>)
  return %g#0, %g#1 : tensor<3x4xf32, #model.axes<B, I>>, tensor<3xf32, #model.axes<B>>
}

// What the loss does not depend on has gradient zero; stop_gradient cuts.
// CHECK-LABEL: func.func @zero
func.func @zero(%x: tensor<f32>) -> tensor<f32> {
  %s = model.stop_gradient %x : tensor<f32>
  // CHECK: arith.constant 0.000000e+00
  // CHECK-NOT: model.gradient
  %g = model.gradient %s wrt (%x) : tensor<f32>, (tensor<f32>) -> (tensor<f32>)
  return %g : tensor<f32>
}
