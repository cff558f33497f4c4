// RUN: %cleave-opt --dist-propagate=op-priorities=false --mlir-print-local-scope %s | %FileCheck %s

// Where an axis could cut one tensor along two factors, one wins; see the README of the dialect for which.

dist.mesh @m ["a", "b", "c", "d", "e"] = [2, 2, 2, 8, 6]

// One axis along two factors of a sum: neither operand can have both. The earlier operand wins.
// CHECK-LABEL: func.func @across(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @across(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {?}]>},
              %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"a"}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %y[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// In a sum the factor that is cut in more parts wins.
// CHECK-LABEL: func.func @more_parts(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", "a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", "a", ?}, {?}]>}
func.func @more_parts(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{}, {"a"}]>},
              %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"b", "a"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"b", "a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"b", "a", ?}, {?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %y[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// In a product the larger operand wins, whichever is cut in more parts.
// CHECK-LABEL: func.func @larger(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b"}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a", "c"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a", "c", ?}]>}
func.func @larger(%x: tensor<8x4xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "b"}, {?}]>},
              %w: tensor<4x16xf32, #model.axes<B, C>> {dist.layout = #dist.layout<@m, [{?}, {"a", "c"}]>}) -> (tensor<8x16xf32, #model.axes<A, C>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{"a", "c"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}, {"a", "c", ?}]>]
  %p = model.index (i: A = 8, j: C = 16) sum (k: B = 4)
         ins(%x[i, k], %w[k, j] : tensor<8x4xf32, #model.axes<A, B>>, tensor<4x16xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x16xf32, #model.axes<A, C>>
  return %p : tensor<8x16xf32, #model.axes<A, C>>
}

// Nothing is in conflict where no tensor has both factors: both operands keep what the result cannot have twice.
// CHECK-LABEL: func.func @no_conflict(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b", "c"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"c", "b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"c", "b", ?}]>}
func.func @no_conflict(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b", "c"}]>},
              %w: tensor<8x8xf32, #model.axes<B, C>> {dist.layout = #dist.layout<@m, [{"a"}, {"c", "b"}]>}) -> (tensor<8x8xf32, #model.axes<A, C>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"c", "b"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"c", "b", ?}]>]
  %p = model.index (i: A = 8, j: C = 8) sum (k: B = 8)
         ins(%x[i, k], %w[k, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, C>>
  return %p : tensor<8x8xf32, #model.axes<A, C>>
}

// Contradictions along a factor are not resolved: what they begin with alike spreads.
// CHECK-LABEL: func.func @within(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "c"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @within(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "b"}, {}]>},
              %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "c"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %y[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// An operand follows another no further than the result does.
// CHECK-LABEL: func.func @sideways(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}]>}
func.func @sideways(%x: tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a", "b"}]>},
              %y: tensor<8xf32, #model.axes<A>>) -> (tensor<8xf32, #model.axes<A>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{"a"}]>]
  %s = model.index (i: A = 8)
         ins(%x[i], %y[i] : tensor<8xf32, #model.axes<A>>, tensor<8xf32, #model.axes<A>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{"a"}]>]} : tensor<8xf32, #model.axes<A>>
  return %s : tensor<8xf32, #model.axes<A>>
}

// Not at all where the result is whole.
// CHECK-LABEL: func.func @sideways_whole(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}]>}
func.func @sideways_whole(%x: tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>},
              %y: tensor<8xf32, #model.axes<A>>) -> (tensor<8xf32, #model.axes<A>>) {
  // CHECK: dist.factors = [#dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{}]>]
  %s = model.index (i: A = 8)
         ins(%x[i], %y[i] : tensor<8xf32, #model.axes<A>>, tensor<8xf32, #model.axes<A>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{}]>]} : tensor<8xf32, #model.axes<A>>
  return %s : tensor<8xf32, #model.axes<A>>
}

// An axis over which a sum is pending cuts nothing of the same value; behind it, it may.
// CHECK-LABEL: func.func @pending(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b"}]>}
func.func @pending(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>},
              %w: tensor<8x8xf32, #model.axes<B, C>>) -> (tensor<8x8xf32, #model.axes<A, C>> {dist.layout = #dist.layout<@m, [{?}, {"b"}]>}) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}], partial = [sum {"b"}]>]
  %p = model.index (i: A = 8, j: C = 8) sum (k: B = 8)
         ins(%x[i, k], %w[k, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{?}, {?}], partial = [sum {"b"}]>]} : tensor<8x8xf32, #model.axes<A, C>>
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %s = model.index (i: A = 8, j: C = 8)
         ins(%p[i, j], %p[i, j] : tensor<8x8xf32, #model.axes<A, C>>, tensor<8x8xf32, #model.axes<A, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, C>>
  return %s : tensor<8x8xf32, #model.axes<A, C>>
}

// Of an axis as large a first part spreads as is free.
// CHECK-LABEL: func.func @first_part(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"d", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"d":(1)4, ?}, {"d":(4)2, ?}]>}
func.func @first_part(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"d", ?}, {?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"d":(1)4}>, #dist.dim<{"d":(4)2}>], dist.layouts = [#dist.layout<@m, [{"d":(1)4, ?}, {"d":(4)2, ?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %x[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{?}, {"d":(4)2, ?}]>]} : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// Parts of an axis that no one splitting of it has do not meet in one value.
// CHECK-LABEL: func.func @cannot_coexist(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"e":(1)2}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {"e":(3)2}]>}
func.func @cannot_coexist(%x: tensor<2x2xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"e":(1)2}, {}]>}) -> (tensor<2x2xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{}, {"e":(3)2}]>}) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{"e":(3)2}>], dist.layouts = [#dist.layout<@m, [{?}, {"e":(3)2, ?}]>]
  %s = model.index (i: A = 2, j: B = 2)
         ins(%x[i, j], %x[i, j] : tensor<2x2xf32, #model.axes<A, B>>, tensor<2x2xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<2x2xf32, #model.axes<A, B>>
  return %s : tensor<2x2xf32, #model.axes<A, B>>
}
