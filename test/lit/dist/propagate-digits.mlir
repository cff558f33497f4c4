// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s

// Axes joined and split in maps: dims are digits, and mesh axes are split along them.

dist.mesh @m ["a", "b", "d", "f", "t"] = [2, 2, 4, 16, 3]

// Joined axes: the major digit first; the minor one when the major is cut up.
// CHECK-LABEL: func.func @join(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}]>}
func.func @join(%x: tensor<2x4xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>},
              %y: tensor<4x4xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}) -> (tensor<8xf32, #model.axes<C>>,
                  tensor<16xf32, #model.axes<D>>) {
  // CHECK: dist.factors = [#dist.dim<{"a", "b"}>], dist.layouts = [#dist.layout<@m, [{"a", "b", ?}]>]
  %s = model.index (i: C = 8)
         ins(%x[i floordiv 4, i mod 4] : tensor<2x4xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8xf32, #model.axes<C>>
  // CHECK: dist.factors = [#dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}]>]
  %t = model.index (i: D = 16)
         ins(%y[i floordiv 4, i mod 4] : tensor<4x4xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<16xf32, #model.axes<D>>
  return %s, %t : tensor<8xf32, #model.axes<C>>, tensor<16xf32, #model.axes<D>>
}

// A split axis: parts go to the digits, an axis is split where a digit ends.
// CHECK-LABEL: func.func @split(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"d"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", "a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", "a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"d":(1)2, ?}, {"d":(2)2, ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", "a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", ?}, {"a", ?}]>}
func.func @split(%x: tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"d"}]>},
              %y: tensor<16xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"b", "a"}]>},
              %z: tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"b", "a"}]>}) -> (tensor<2x4xf32, #model.axes<B, C>>,
                  tensor<4x4xf32, #model.axes<B, C>>,
                  tensor<2x4xf32, #model.axes<B, C>>) {
  // CHECK: dist.factors = [#dist.dim<{"d":(1)2}>, #dist.dim<{"d":(2)2}>], dist.layouts = [#dist.layout<@m, [{"d":(1)2, ?}, {"d":(2)2, ?}]>]
  %s = model.index (i: B = 2, j: C = 4)
         ins(%x[i * 4 + j] : tensor<8xf32, #model.axes<A>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<2x4xf32, #model.axes<B, C>>
  // CHECK: dist.factors = [#dist.dim<{"b", "a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"b", "a", ?}, {?}]>]
  %t = model.index (i: B = 4, j: C = 4)
         ins(%y[i * 4 + j] : tensor<16xf32, #model.axes<A>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<4x4xf32, #model.axes<B, C>>
  // CHECK: dist.factors = [#dist.dim<{"b"}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{"b", ?}, {"a", ?}]>]
  %u = model.index (i: B = 2, j: C = 4)
         ins(%z[i * 4 + j] : tensor<8xf32, #model.axes<A>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<2x4xf32, #model.axes<B, C>>
  return %s, %t, %u : tensor<2x4xf32, #model.axes<B, C>>, tensor<4x4xf32, #model.axes<B, C>>, tensor<2x4xf32, #model.axes<B, C>>
}

// 8 x 4 as 2 x 16: one axis loses a digit to the other.
// CHECK-LABEL: func.func @both(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "d"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"d", "b", ?}]>}
func.func @both(%x: tensor<8x4xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "d"}, {"b"}]>}) -> (tensor<2x16xf32, #model.axes<C, D>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"d", "b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"d", "b", ?}]>]
  %s = model.index (i: C = 2, j: D = 16)
         ins(%x[i * 4 + j floordiv 4, j mod 4] : tensor<8x4xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<2x16xf32, #model.axes<C, D>>
  return %s : tensor<2x16xf32, #model.axes<C, D>>
}

// 32 as 4 x 2 x 4, 4 x 8, and 32 again: parts join as they were.
// CHECK-LABEL: func.func @twice(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"f"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"f", ?}]>}
func.func @twice(%x: tensor<32xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"f"}]>}) -> (tensor<32xf32, #model.axes<A>>) {
  // CHECK: dist.factors = [#dist.dim<{"f":(1)4}>, #dist.dim<{"f":(4)2}>, #dist.dim<{"f":(8)2}>], dist.layouts = [#dist.layout<@m, [{"f":(1)4, ?}, {"f":(4)2, ?}, {"f":(8)2, ?}]>]
  %s = model.index (i: B = 4, j: C = 2, k: D = 4)
         ins(%x[i * 8 + j * 4 + k] : tensor<32xf32, #model.axes<A>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<4x2x4xf32, #model.axes<B, C, D>>
  // CHECK: dist.factors = [#dist.dim<{"f":(1)4}>, #dist.dim<{"f":(4)4}>], dist.layouts = [#dist.layout<@m, [{"f":(1)4, ?}, {"f":(4)4, ?}]>]
  %t = model.index (i: B = 4, j: C = 8)
         ins(%s[i, j floordiv 4, j mod 4] : tensor<4x2x4xf32, #model.axes<B, C, D>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<4x8xf32, #model.axes<B, C>>
  // CHECK: dist.factors = [#dist.dim<{"f"}>], dist.layouts = [#dist.layout<@m, [{"f", ?}]>]
  %u = model.index (i: A = 32)
         ins(%t[i floordiv 8, i mod 8] : tensor<4x8xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<32xf32, #model.axes<A>>
  return %u : tensor<32xf32, #model.axes<A>>
}

// Three parts of eight are no digit of 2 x 4, as the last digit of another they may be.
// CHECK-LABEL: func.func @overflow(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"t"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"t"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"t"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "t", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}]>}
func.func @overflow(%x: tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"t"}]>},
              %y: tensor<2x4xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"t"}]>},
              %z: tensor<2x4xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"t"}, {}]>}) -> (tensor<2x4xf32, #model.axes<B, C>>,
                  tensor<8xf32, #model.axes<C>>,
                  tensor<8xf32, #model.axes<C>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}, {?}]>]
  %s = model.index (i: B = 2, j: C = 4)
         ins(%x[i * 4 + j] : tensor<8xf32, #model.axes<A>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<2x4xf32, #model.axes<B, C>>
  // CHECK: dist.factors = [#dist.dim<{"a", "t"}>], dist.layouts = [#dist.layout<@m, [{"a", "t", ?}]>]
  %u = model.index (i: C = 8)
         ins(%y[i floordiv 4, i mod 4] : tensor<2x4xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8xf32, #model.axes<C>>
  // CHECK: dist.factors = [#dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}]>]
  %v = model.index (i: C = 8)
         ins(%z[i floordiv 4, i mod 4] : tensor<2x4xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8xf32, #model.axes<C>>
  return %s, %u, %v : tensor<2x4xf32, #model.axes<B, C>>, tensor<8xf32, #model.axes<C>>, tensor<8xf32, #model.axes<C>>
}

// Joined within a product, as where heads are split from an embedding.
// CHECK-LABEL: func.func @heads(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"d", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"d", ?}, {?}]>}
func.func @heads(%x: tensor<8x16xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>},
              %w: tensor<16x32xf32, #model.axes<B, C>> {dist.layout = #dist.layout<@m, [{?}, {"d", ?}]>}) -> (tensor<8x4x8xf32, #model.axes<A, H, D>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"d"}>, #dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"d", ?}, {?}]>]
  %q = model.index (i: A = 8, h: H = 4, d: D = 8) sum (k: B = 16)
         ins(%x[i, k], %w[k, h * 8 + d] : tensor<8x16xf32, #model.axes<A, B>>, tensor<16x32xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x4x8xf32, #model.axes<A, H, D>>
  return %q : tensor<8x4x8xf32, #model.axes<A, H, D>>
}
