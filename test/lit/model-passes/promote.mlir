// RUN: %cleave-opt --model-promote %s | %FileCheck %s

!narrow = tensor<4xf32, #model.axes<I>>
!half = tensor<4xbf16, #model.axes<I>>

// CHECK: model.state @w path "w" kind "param" : tensor<4xf64, #model.axes<I>>
model.state @w path "w" kind "param" : !narrow

// What is exact keeps its bits and is cast behind; what it reads is cast before.
// CHECK-LABEL: func.func @init(%arg0: tensor<i64>, %arg1: tensor<f64>) -> tensor<4xf64, #model.axes<I>>
// CHECK: %[[S:.*]] = model.index () ins(%arg1[] : tensor<f64>)
// CHECK: arith.truncf %{{.*}} : f64 to f32
// CHECK: %[[W:.*]] = model.index (d0: I = 4) ins(%arg0[], %[[S]][] : tensor<i64>, tensor<f32>)
// CHECK: arith.mulf %{{.*}} : f32
// CHECK: {exact} : tensor<4xf32, #model.axes<I>>
// CHECK: %[[C:.*]] = model.index (d0: I = 4) ins(%[[W]][d0] : tensor<4xf32, #model.axes<I>>)
// CHECK: arith.extf %{{.*}} : f32 to f64
// CHECK: return %[[C]]
func.func @init(%seed: tensor<i64>, %std: tensor<f32>) -> !narrow {
  %w = model.index (i: I = 4) ins(%seed[], %std[] : tensor<i64>, tensor<f32>) {
  ^bb0(%s: i64, %d: f32):
    %0 = arith.sitofp %s : i64 to f32
    %1 = arith.mulf %0, %d : f32
    model.yield %1 : f32
  } {exact} : !narrow
  return %w : !narrow
}

// Casts between floating-point types go; constants and values for outside are f64.
// CHECK-LABEL: func.func @apply(%arg0: tensor<4xf64, #model.axes<I>>) -> tensor<4xf64, #model.axes<I>>
// CHECK: outside 1.500000e+00 : f64
// CHECK-NOT: extf
// CHECK: arith.constant 2.000000e+00 : f64
// CHECK: arith.mulf %{{.*}} : f64
func.func @apply(%x: !half) -> !narrow {
  %y = model.index (i: I = 4) ins(%x[i - 1] outside 1.5 : bf16 : !half) {
  ^bb0(%a: bf16):
    %0 = arith.extf %a : bf16 to f32
    %two = arith.constant 2.0 : f32
    %1 = arith.mulf %0, %two : f32
    model.yield %1 : f32
  } : !narrow
  return %y : !narrow
}
