// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s

// Priorities of dims, then levels of ops.

dist.mesh @m ["a", "b", "c"] = [2, 2, 2]

// What has priority 0 spreads everywhere before what has 1 begins.
// CHECK-LABEL: func.func @by_priority(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"c", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"c", ?}, {"b", ?}]>}
func.func @by_priority(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}p1, {"b"}p1]>},
              %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"c", ?}, {?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"c"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"c", ?}, {"b", ?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %y[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"c"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"c", ?}, {"b", ?}]>]
  %t = model.index (i: A = 8, j: B = 8)
         ins(%s[i, j], %s[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %t : tensor<8x8xf32, #model.axes<A, B>>
}

// Priorities may have gaps; an axis whose turn has not come is not taken from its value.
// CHECK-LABEL: func.func @gaps(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @gaps(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"a"}p4]>},
              %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}p2, {?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %y[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// Element-wise ops come before products: the sum behind decides, and the product follows.
// CHECK-LABEL: func.func @element_wise_first(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a", ?}]>}
func.func @element_wise_first(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>},
              %w: tensor<8x8xf32, #model.axes<B, C>>) -> (tensor<8x8xf32, #model.axes<A, C>> {dist.layout = #dist.layout<@m, [{?}, {"a", ?}]>}) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}, {"a", ?}]>]
  %p = model.index (i: A = 8, j: C = 8) sum (k: B = 8)
         ins(%x[i, k], %w[k, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, C>>
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{?}, {"a", ?}]>]
  %s = model.index (i: A = 8, j: C = 8)
         ins(%p[i, j], %p[i, j] : tensor<8x8xf32, #model.axes<A, C>>, tensor<8x8xf32, #model.axes<A, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, C>>
  return %s : tensor<8x8xf32, #model.axes<A, C>>
}

// Of a product, parallel factors before what is summed.
// CHECK-LABEL: func.func @parallel_first(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
func.func @parallel_first(%x: tensor<32x1024xf32, #model.axes<A, B>>,
              %w: tensor<1024x16xf32, #model.axes<B, C>> {dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}) -> (tensor<32x16xf32, #model.axes<A, C>> {dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %p = model.index (i: A = 32, j: C = 16) sum (k: B = 1024)
         ins(%x[i, k], %w[k, j] : tensor<32x1024xf32, #model.axes<A, B>>, tensor<1024x16xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<32x16xf32, #model.axes<A, C>>
  return %p : tensor<32x16xf32, #model.axes<A, C>>
}

// What is broadcast decides last: the matrix on the vector, not the vector on the matrix.
// CHECK-LABEL: func.func @broadcast_last(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @broadcast_last(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>},
              %v: tensor<8xf32, #model.axes<B>> {dist.layout = #dist.layout<@m, [{"a", ?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %v[j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8xf32, #model.axes<B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// It takes what the matrix has, and where nothing else decides gives what it has.
// CHECK-LABEL: func.func @broadcast_takes(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
func.func @broadcast_takes(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"b", ?}]>},
              %v: tensor<8xf32, #model.axes<B>>,
              %u: tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a", ?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %v[j], %u[i] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8xf32, #model.axes<B>>, tensor<8xf32, #model.axes<A>>) {
  ^bb0(%e0: f32, %e1: f32, %e2: f32):
    %val1 = arith.addf %e0, %e1 : f32
    %val = arith.addf %val1, %e2 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s : tensor<8x8xf32, #model.axes<A, B>>
}

// Values with several readers wait: neither reader makes the other convert.
// CHECK-LABEL: func.func @readers(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
func.func @readers(%x: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{}, {"a"}]>},
                  tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %x[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{?}, {"a", ?}]>]
  %t = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %x[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %u = model.index (i: A = 8, j: B = 8)
         ins(%s[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %t, %u : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>
}

// A part at a position hands on what it reads before products do, forwards alone; its reader is the only one.
// CHECK-LABEL: func.func @slide(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @slide(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}, %p: tensor<i64>,
                 %w: tensor<4x8xf32, #model.axes<C, D>> {dist.layout = #dist.layout<@m, [{?}, {"a", ?}]>}) -> (tensor<8x8xf32, #model.axes<A, D>>) {
  // CHECK: model.gather {{.*}}dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %s = model.gather %x at(%p) affine_map<(i, j)[q] -> (i, j + q)> [affine_map<(i, j) -> ()>]
         : tensor<8x8xf32, #model.axes<A, B>>, (tensor<i64>) -> tensor<8x4xf32, #model.axes<A, C>>
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %y = model.index (i: A = 8, k: D = 8) sum (j: C = 4)
         ins(%s[i, j], %w[j, k] : tensor<8x4xf32, #model.axes<A, C>>, tensor<4x8xf32, #model.axes<C, D>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, D>>
  return %y : tensor<8x8xf32, #model.axes<A, D>>
}
