// RUN: %cleave-opt "--dist-propagate=strategy=basic op-priorities=false" --mlir-print-local-scope %s | %FileCheck %s

// Factors carry axes between the tensors of an op, without resolving conflicts: only what fits everywhere.

dist.mesh @m ["a", "b", "c"] = [2, 2, 2]

// A sum and a product: forwards, backwards and sideways, along whatever a factor is.
// CHECK-LABEL: func.func @along(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @along(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>},
              %y: tensor<8x8xf32, #model.axes<A, B>>,
              %w: tensor<8x8xf32, #model.axes<B, C>>) -> (tensor<8x8xf32, #model.axes<A, C>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %y[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %p = model.index (i: A = 8, j: C = 8) sum (k: B = 8)
         ins(%s[i, k], %w[k, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, C>>
  return %p : tensor<8x8xf32, #model.axes<A, C>>
}

// From a result to what it is made of.
// CHECK-LABEL: func.func @backwards(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
func.func @backwards(%x: tensor<8x8xf32, #model.axes<A, B>>,
              %w: tensor<8x8xf32, #model.axes<B, C>>) -> (tensor<8x8xf32, #model.axes<A, C>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %p = model.index (i: A = 8, j: C = 8) sum (k: B = 8)
         ins(%x[i, k], %w[k, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, C>>
  return %p : tensor<8x8xf32, #model.axes<A, C>>
}

// A closed dim takes nothing; an open one of the same value does.
// CHECK-LABEL: func.func @closed(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"b", ?}]>}
func.func @closed(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{}, {"b", ?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %x[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{}, {?}]>]} : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// Nor does an axis cut what is replicated over it; others do.
// CHECK-LABEL: func.func @replicated(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"b", ?}]>}
func.func @replicated(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{?}, {"b", ?}], replicated = {"a"}>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %x[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{?}, {?}], replicated = {"a"}>]} : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// Lists of axes spread in order, as far as they agree: one has more, one has other ones behind.
// CHECK-LABEL: func.func @several(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", "a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", "a", ?}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", "c"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", "a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", ?}, {?}]>}
func.func @several(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"b", "a"}, {}]>},
              %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"b", ?}, {}]>},
              %z: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"b", "c"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>,
                  tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"b", "a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"b", "a", ?}, {?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %y[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"b"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"b", ?}, {?}]>]
  %t = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %z[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s, %t : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>
}

// Operands that contradict each other from the start give nothing.
// CHECK-LABEL: func.func @contradiction(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {?}]>}
func.func @contradiction(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>},
              %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"b"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}, {?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %y[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// An axis that another dim has taken goes no further, nor does what stands behind it.
// CHECK-LABEL: func.func @taken(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
func.func @taken(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "b"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %x[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{?}, {"b", ?}]>]} : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// Without a plan, a dim that an axis does not divide is cut all the same.
// CHECK-LABEL: func.func @uneven(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @uneven(%x: tensor<3x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) -> (tensor<3x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %s = model.index (i: A = 3, j: B = 8)
         ins(%x[i, j], %x[i, j] : tensor<3x8xf32, #model.axes<A, B>>, tensor<3x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<3x8xf32, #model.axes<A, B>>
  return %s : tensor<3x8xf32, #model.axes<A, B>>
}

// A result that is an argument.
// CHECK-LABEL: func.func @straight(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
func.func @straight(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"b", ?}]>}) {
  return %x : tensor<8x8xf32, #model.axes<A, B>>
}
