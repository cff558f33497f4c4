// RUN: %cleave-opt --model-simplify %s | %FileCheck %s

// The stack is unused; carry %k never changes; the constant moves in, the product of consts out; what is left is one carry.
// CHECK-LABEL: func.func private @turn(%arg0: tensor<i64>, %arg1: tensor<2xf32, #model.axes<I>>, %arg2: tensor<2xf32, #model.axes<I>>) -> tensor<2xf32, #model.axes<I>> {
// CHECK-NEXT: model.index (d0: I = 2) ins(%arg2[d0], %arg1[d0] :
// CHECK: arith.constant 5.000000e-01 : f32
func.func private @turn(%i: tensor<i64>, %c: tensor<2xf32, #model.axes<I>>, %half: tensor<f32>, %x: tensor<2xf32, #model.axes<I>>, %k: tensor<2xf32, #model.axes<I>>, %u: tensor<f32>)
    -> (tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>) {
  %p = model.index (i: I = 2) ins(%c[i], %k[i] : tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<2xf32, #model.axes<I>>
  %y = model.index (i: I = 2) ins(%x[i], %p[i], %half[] : tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>, tensor<f32>) {
  ^bb0(%a: f32, %b: f32, %h: f32):
    %0 = arith.mulf %a, %h : f32
    %1 = arith.addf %0, %b : f32
    model.yield %1 : f32
  } : tensor<2xf32, #model.axes<I>>
  return %y, %k, %y : tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>
}

// A body that prints stays though nothing uses its results.
// CHECK-LABEL: func.func private @says
func.func private @says(%i: tensor<i64>, %x: tensor<f32>) -> tensor<f32> {
  model.print "x" (%x) : (tensor<f32>)
  return %x : tensor<f32>
}
func.func private @silent(%i: tensor<i64>, %x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}

// CHECK-LABEL: func.func @run
// CHECK: %[[P:.*]] = model.index (d0: I = 2) ins(%arg0[d0], %arg1[d0] :
// CHECK: %[[R:.*]] = model.scan @turn count 5 over "T" consts(%[[P]]) carries(%arg0) slices()
// CHECK: model.scan @says
// CHECK-NOT: model.scan @silent
// CHECK: return %[[R]], %arg1
func.func @run(%x: tensor<2xf32, #model.axes<I>>, %k: tensor<2xf32, #model.axes<I>>, %u: tensor<5xf32, #model.axes<T>>, %s: tensor<f32>) -> (tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>) {
  %half = arith.constant dense<0.5> : tensor<f32>
  %r:3 = model.scan @turn count 5 over "T" consts(%x, %half) carries(%x, %k) slices(%u)
    : (tensor<2xf32, #model.axes<I>>, tensor<f32>), (tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>), (tensor<5xf32, #model.axes<T>>)
    -> (tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>, tensor<5x2xf32, #model.axes<T, I>>)
  %a = model.scan @says count 2 over "T" consts() carries(%s) slices() : (), (tensor<f32>), () -> (tensor<f32>)
  %b = model.scan @silent count 2 over "T" consts() carries(%s) slices() : (), (tensor<f32>), () -> (tensor<f32>)
  return %r#0, %r#1 : tensor<2xf32, #model.axes<I>>, tensor<2xf32, #model.axes<I>>
}

// CHECK-LABEL: func.func private @then(%arg0: tensor<f32>) -> tensor<f32>
func.func private @then(%x: tensor<f32>, %u: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %y = model.index () ins(%x[], %u[] : tensor<f32>, tensor<f32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    model.yield %0 : f32
  } : tensor<f32>
  return %x, %y : tensor<f32>, tensor<f32>
}
func.func private @else(%x: tensor<f32>, %u: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %y = arith.constant dense<1.0> : tensor<f32>
  return %y, %u : tensor<f32>, tensor<f32>
}

// CHECK-LABEL: func.func @choose
// CHECK: model.if %arg0 then @then else @else(%arg1) : tensor<i1>, (tensor<f32>) -> (tensor<f32>)
func.func @choose(%c: tensor<i1>, %x: tensor<f32>, %u: tensor<f32>) -> tensor<f32> {
  %r:2 = model.if %c then @then else @else (%x, %u) : tensor<i1>, (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %r#0 : tensor<f32>
}
