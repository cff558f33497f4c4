// RUN: %cleave-opt --model-lay-out-windows %s | %FileCheck %s

// The input gradient of a convolution: the weights are stored along its channels.
// CHECK-LABEL: func.func @input_gradient
// CHECK: %[[T:.*]] = model.index (d0: U = 3, d1: O = 16, d2: C = 8) ins(%arg1[d0, d2, d1] :
// CHECK: model.index (d0: N = 4, d1: I = 64, d2: C = 8) sum (d3: U = 3, d4: O = 16) ins(%arg0[d0, d1 - d3, d4] outside 0.000000e+00 : f32, %[[T]][d3, d4, d2] :
// CHECK: return
func.func @input_gradient(%y: tensor<4x64x16xf32, #model.axes<N, I, O>>, %w: tensor<3x8x16xf32, #model.axes<U, C, O>>) -> tensor<4x64x8xf32, #model.axes<N, I, C>> {
  %g = model.index (n: N = 4, i: I = 64, c: C = 8) sum (u: U = 3, o: O = 16) ins(%y[n, i - u, o] outside 0.0 : f32, %w[u, c, o] : tensor<4x64x16xf32, #model.axes<N, I, O>>, tensor<3x8x16xf32, #model.axes<U, C, O>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<4x64x8xf32, #model.axes<N, I, C>>
  return %g : tensor<4x64x8xf32, #model.axes<N, I, C>>
}

// A plain product goes to the library as it is; so does a convolution whose weights lie well, and one of a scalar.
// CHECK-LABEL: func.func @keep
// CHECK: model.index {{.*}} ins(%arg0[d0, d2], %arg1[d1, d2] :
// CHECK: model.index {{.*}} ins(%arg2[d0 + d2] outside 0.000000e+00 : f32, %arg3[d2, d1], %arg4[] :
// CHECK: return
func.func @keep(%x: tensor<64x32xf32, #model.axes<N, K>>, %w: tensor<8x32xf32, #model.axes<O, K>>, %z: tensor<64xf32, #model.axes<N>>,
                %v: tensor<3x8xf32, #model.axes<U, O>>, %s: tensor<f32>) -> (tensor<64x8xf32, #model.axes<N, O>>, tensor<64x8xf32, #model.axes<N, O>>) {
  %p = model.index (n: N = 64, o: O = 8) sum (k: K = 32) ins(%x[n, k], %w[o, k] : tensor<64x32xf32, #model.axes<N, K>>, tensor<8x32xf32, #model.axes<O, K>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<64x8xf32, #model.axes<N, O>>
  %q = model.index (n: N = 64, o: O = 8) sum (u: U = 3) ins(%z[n + u] outside 0.0 : f32, %v[u, o], %s[] : tensor<64xf32, #model.axes<N>>, tensor<3x8xf32, #model.axes<U, O>>, tensor<f32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.mulf %0, %c : f32
    model.yield %1 : f32
  } : tensor<64x8xf32, #model.axes<N, O>>
  return %p, %q : tensor<64x8xf32, #model.axes<N, O>>, tensor<64x8xf32, #model.axes<N, O>>
}

// Windows of images are read from copies with an edge of zeros, and all of one reach share a copy.
// CHECK-LABEL: func.func @edges
// CHECK: %[[X:.*]] = model.index (d0: N = 4, d1: I = 66, d2: C = 32) ins(%arg0[d0, d1 - 1, d2] outside 0.000000e+00 : f32 :
// CHECK: model.index (d0: N = 4, d1: I = 64, d2: O = 48) sum (d3: U = 3, d4: C = 32) ins(%[[X]][d0, d1 + d3, d4], %arg1[d3, d4, d2] :
// CHECK: model.index (d0: U = 3, d1: C = 32, d2: O = 48) sum (d3: N = 4, d4: I = 64) ins(%arg2[d3, d4, d2], %[[X]][d3, d0 + d4, d1] :
// CHECK: return
func.func @edges(%x: tensor<4x64x32xf32, #model.axes<N, I, C>>, %w: tensor<3x32x48xf32, #model.axes<U, C, O>>, %dy: tensor<4x64x48xf32, #model.axes<N, I, O>>)
    -> (tensor<4x64x48xf32, #model.axes<N, I, O>>, tensor<3x32x48xf32, #model.axes<U, C, O>>) {
  %y = model.index (n: N = 4, i: I = 64, o: O = 48) sum (u: U = 3, c: C = 32) ins(%x[n, i + u - 1, c] outside 0.0 : f32, %w[u, c, o] : tensor<4x64x32xf32, #model.axes<N, I, C>>, tensor<3x32x48xf32, #model.axes<U, C, O>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<4x64x48xf32, #model.axes<N, I, O>>
  %g = model.index (u: U = 3, c: C = 32, o: O = 48) sum (n: N = 4, i: I = 64) ins(%dy[n, i, o], %x[n, i + u - 1, c] outside 0.0 : f32 : tensor<4x64x48xf32, #model.axes<N, I, O>>, tensor<4x64x32xf32, #model.axes<N, I, C>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<3x32x48xf32, #model.axes<U, C, O>>
  return %y, %g : tensor<4x64x48xf32, #model.axes<N, I, O>>, tensor<3x32x48xf32, #model.axes<U, C, O>>
}
