// RUN: %cleave-opt --model-simplify %s | %FileCheck %s
// RUN: %cleave-opt --model-simplify=keep-dims=true %s | %FileCheck %s --check-prefix=KEEP

// A transpose, zeros and ones are read through.
// CHECK-LABEL: func.func @fold
// CHECK-NEXT: %[[Y:.*]] = model.index (d0: J = 3, d1: I = 2) ins(%arg0[d1, d0] : tensor<2x3xf32, #model.axes<I, J>>) {
// CHECK-NEXT: ^bb0(%[[A:.*]]: f32):
// CHECK-NEXT: %[[E:.*]] = math.exp %[[A]]
// CHECK-NEXT: model.yield %[[E]]
// CHECK-NEXT: }
// CHECK-NEXT: return %[[Y]]
func.func @fold(%x: tensor<2x3xf32, #model.axes<I, J>>) -> tensor<3x2xf32, #model.axes<J, I>> {
  %t = model.index (j: J = 3, i: I = 2) ins(%x[i, j] : tensor<2x3xf32, #model.axes<I, J>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<3x2xf32, #model.axes<J, I>>
  %zeros = arith.constant dense<0.0> : tensor<3x2xf32, #model.axes<J, I>>
  %one = model.index () ins() {
    %c = arith.constant 1.0 : f32
    model.yield %c : f32
  } : tensor<f32>
  %y = model.index (j: J = 3, i: I = 2) ins(%t[j, i], %zeros[j, i], %one[] : tensor<3x2xf32, #model.axes<J, I>>, tensor<3x2xf32, #model.axes<J, I>>, tensor<f32>) {
  ^bb0(%a: f32, %z: f32, %o: f32):
    %0 = arith.mulf %a, %o : f32
    %1 = math.exp %0 : f32
    %2 = arith.addf %1, %z : f32
    model.yield %2 : f32
  } : tensor<3x2xf32, #model.axes<J, I>>
  return %y : tensor<3x2xf32, #model.axes<J, I>>
}

// A factor leaves a sum of products; a dim that nothing reads becomes a factor.
// CHECK-LABEL: func.func @factors
// CHECK: %[[P:.*]] = model.index (d0: B = 2) sum (d1: I = 3) ins(%arg0[d0, d1], %arg1[d1] :
// CHECK: arith.mulf
// CHECK-NEXT: model.yield
// CHECK: model.index (d0: B = 2) ins(%[[P]][d0] :
// CHECK: arith.divf %{{.*}}, %{{.*}} : f32
// CHECK: model.index () sum (d0: B = 2) ins(%{{.*}}[d0] :
// CHECK: arith.mulf
func.func @factors(%x: tensor<2x3xf32, #model.axes<B, I>>, %w: tensor<3xf32, #model.axes<I>>) -> tensor<f32> {
  %y = model.index (b: B = 2) sum (i: I = 3) ins(%x[b, i], %w[i] : tensor<2x3xf32, #model.axes<B, I>>, tensor<3xf32, #model.axes<I>>) {
  ^bb0(%a: f32, %c: f32):
    %k = arith.constant 3.0 : f32
    %0 = arith.mulf %a, %c : f32
    %1 = arith.divf %0, %k : f32
    model.yield %1 : f32
  } : tensor<2xf32, #model.axes<B>>
  %l = model.index () sum (b: B = 2, k: K = 7) ins(%y[b] : tensor<2xf32, #model.axes<B>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  return %l : tensor<f32>
}

// A window is not read through by a contraction: kernels for products want plain rows.
// CHECK-LABEL: func.func @windowed
// CHECK: %[[T:.*]] = model.index (d0: H = 4, d1: I = 3) ins(%arg0[d0 + d1] :
// CHECK: model.index (d0: H = 4, d1: O = 5) sum (d2: I = 3) ins(%[[T]][d0, d2], %arg1[d2, d1] :
func.func @windowed(%x: tensor<6xf32, #model.axes<X>>, %w: tensor<3x5xf32, #model.axes<I, O>>) -> tensor<4x5xf32, #model.axes<H, O>> {
  %t = model.index (h: H = 4, i: I = 3) ins(%x[h + i] : tensor<6xf32, #model.axes<X>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<4x3xf32, #model.axes<H, I>>
  %y = model.index (h: H = 4, o: O = 5) sum (i: I = 3) ins(%t[h, i], %w[i, o] : tensor<4x3xf32, #model.axes<H, I>>, tensor<3x5xf32, #model.axes<I, O>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<4x5xf32, #model.axes<H, O>>
  return %y : tensor<4x5xf32, #model.axes<H, O>>
}

// `exact` ops keep every operation.
// CHECK-LABEL: func.func @exact
// CHECK: arith.addf
func.func @exact(%x: tensor<f32>) -> tensor<f32> {
  %y = model.index () ins(%x[] : tensor<f32>) {
  ^bb0(%a: f32):
    %z = arith.constant 0.0 : f32
    %0 = arith.addf %a, %z : f32
    model.yield %0 : f32
  } {exact} : tensor<f32>
  return %y : tensor<f32>
}

// A reduction over one element is none; it stays where ranks with more elements are to have the same program.
// CHECK-LABEL: func.func @one
// CHECK: model.index (d0: J = 3) ins(%arg0[d0, 0]
// KEEP-LABEL: func.func @one
// KEEP: model.index (d0: J = 3) sum (d1: I = 1) ins(%arg0[d0, d1]
func.func @one(%x: tensor<3x1xf32, #model.axes<J, I>>) -> tensor<3xf32, #model.axes<J>> {
  %y = model.index (j: J = 3) sum (i: I = 1) ins(%x[j, i] : tensor<3x1xf32, #model.axes<J, I>>) {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    model.yield %0 : f32
  } : tensor<3xf32, #model.axes<J>>
  return %y : tensor<3xf32, #model.axes<J>>
}
