// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s

// Every kind of op, from its maps alone.

dist.mesh @m ["a", "b", "c"] = [2, 2, 2]

// A sum over an axis: what remains is cut, what is summed is computed in parts, pending.
// CHECK-LABEL: func.func @reduce(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @reduce(%x: tensor<4x8x8xf32, #model.axes<A, B, C>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}, {}]>}) -> (tensor<4x8xf32, #model.axes<A, C>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %s = model.index (i: A = 4, k: C = 8) sum (j: B = 8)
         ins(%x[i, j, k] : tensor<4x8x8xf32, #model.axes<A, B, C>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<4x8xf32, #model.axes<A, C>>
  return %s : tensor<4x8xf32, #model.axes<A, C>>
}

// CHECK-LABEL: func.func @transpose(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", ?}, {"a", ?}]>}
func.func @transpose(%x: tensor<4x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}) -> (tensor<8x4xf32, #model.axes<B, A>>) {
  // CHECK: dist.factors = [#dist.dim<{"b"}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{"b", ?}, {"a", ?}]>]
  %s = model.index (j: B = 8, i: A = 4)
         ins(%x[i, j] : tensor<4x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x4xf32, #model.axes<B, A>>
  return %s : tensor<8x4xf32, #model.axes<B, A>>
}

// A factor walks along one dim of a value; the second is whole.
// CHECK-LABEL: func.func @diagonal(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}]>}
func.func @diagonal(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"a"}]>}) -> (tensor<8xf32, #model.axes<A>>) {
  // CHECK: dist.factors = [#dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}]>]
  %s = model.index (i: A = 8)
         ins(%x[i, i] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8xf32, #model.axes<A>>
  return %s : tensor<8xf32, #model.axes<A>>
}

// Rows of an image under a window: cut along the rows, with halos; the window itself is whole. Weights are cut along
// features.
// CHECK-LABEL: func.func @convolution(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a", ?}, {?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {?}, {?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a", ?}, {?}, {"b", ?}]>}
func.func @convolution(%x: tensor<2x8x8x4xf32, #model.axes<N, Rows, Cols, C>> {dist.layout = #dist.layout<@m, [{?}, {"a", ?}, {?}, {?}]>},
              %w: tensor<3x3x4x16xf32, #model.axes<U, V, C, O>> {dist.layout = #dist.layout<@m, [{?}, {?}, {?}, {"b", ?}]>}) -> (tensor<2x8x8x16xf32, #model.axes<N, Rows, Cols, O>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{"a"}>, #dist.dim<{}>, #dist.dim<{"b"}>, #dist.dim<{}>, #dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}, {"a", ?}, {?}, {"b", ?}]>]
  %y = model.index (n: N = 2, r: Rows = 8, c: Cols = 8, o: O = 16) sum (u: U = 3, v: V = 3, k: C = 4)
         ins(%x[n, r + u - 1, c + v - 1, k] outside 0.0 : f32, %w[u, v, k, o] : tensor<2x8x8x4xf32, #model.axes<N, Rows, Cols, C>>, tensor<3x3x4x16xf32, #model.axes<U, V, C, O>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<2x8x8x16xf32, #model.axes<N, Rows, Cols, O>>
  return %y : tensor<2x8x8x16xf32, #model.axes<N, Rows, Cols, O>>
}

// A stride of two: every second row, in the same parts; backwards as well.
// CHECK-LABEL: func.func @strided(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
func.func @strided(%x: tensor<8x4xf32, #model.axes<Rows, C>>) -> (tensor<4x4xf32, #model.axes<Half, C>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %y = model.index (r: Half = 4, c: C = 4) sum (u: U = 2)
         ins(%x[r * 2 + u, c] : tensor<8x4xf32, #model.axes<Rows, C>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<4x4xf32, #model.axes<Half, C>>
  return %y : tensor<4x4xf32, #model.axes<Half, C>>
}

// Two slices and what joins them.
// CHECK-LABEL: func.func @slice(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @slice(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %s = model.index (i: H = 4, j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<4x8xf32, #model.axes<H, B>>
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %t = model.index (i: H = 4, j: B = 8)
         ins(%x[i + 4, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<4x8xf32, #model.axes<H, B>>
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %u = model.index (i: A = 8, j: B = 8)
         ins(%t[i, j] outside 0.0 : f32, %s[i - 4, j] outside 0.0 : f32 : tensor<4x8xf32, #model.axes<H, B>>, tensor<4x8xf32, #model.axes<H, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %u : tensor<8x8xf32, #model.axes<A, B>>
}

// A table cut along the axis that indices pick from gives partial sums; cut along others it gives parts.
// CHECK-LABEL: func.func @embedding(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"c", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"c", ?}, {?}, {"b", ?}]>}
func.func @embedding(%t: tensor<16x8xf32, #model.axes<Vocab, E>> {dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>},
              %i: tensor<4x6xi32, #model.axes<Batch, Seq>> {dist.layout = #dist.layout<@m, [{"c", ?}, {?}]>}) -> (tensor<4x6x8xf32, #model.axes<Batch, Seq, E>>) {
  // CHECK: dist.factors = [#dist.dim<{"c"}>, #dist.dim<{}>, #dist.dim<{"b"}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{"c", ?}, {?}, {"b", ?}]>]
  %y = model.gather %t at(%i) affine_map<(b, s, e)[p] -> (p, e)> [affine_map<(b, s, e) -> (b, s)>]
         : tensor<16x8xf32, #model.axes<Vocab, E>>, (tensor<4x6xi32, #model.axes<Batch, Seq>>) -> tensor<4x6x8xf32, #model.axes<Batch, Seq, E>>
  return %y : tensor<4x6x8xf32, #model.axes<Batch, Seq, E>>
}

// Its gradient: cut updates give a partial sum; the axis that indices pick from cuts the result without one.
// CHECK-LABEL: func.func @scattered(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"c", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"c", ?}, {?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
func.func @scattered(%z: tensor<16x8xf32, #model.axes<Vocab, E>> {dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>},
              %i: tensor<4x6xi32, #model.axes<Batch, Seq>>,
              %u: tensor<4x6x8xf32, #model.axes<Batch, Seq, E>> {dist.layout = #dist.layout<@m, [{"c", ?}, {?}, {"b", ?}]>}) -> (tensor<16x8xf32, #model.axes<Vocab, E>>) {
  // CHECK: dist.factors = [#dist.dim<{"c"}>, #dist.dim<{}>, #dist.dim<{"b"}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %y = model.scatter sum %u into %z at(%i) affine_map<(b, s, e)[p] -> (p, e)> [affine_map<(b, s, e) -> (b, s)>]
         : tensor<4x6x8xf32, #model.axes<Batch, Seq, E>>, (tensor<4x6xi32, #model.axes<Batch, Seq>>) -> tensor<16x8xf32, #model.axes<Vocab, E>>
  return %y : tensor<16x8xf32, #model.axes<Vocab, E>>
}

// Where the last update wins their order matters: they stay whole.
// CHECK-LABEL: func.func @last_wins(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"c", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}]>}
func.func @last_wins(%z: tensor<16xf32, #model.axes<Vocab>>,
              %i: tensor<4xi32, #model.axes<Batch>>,
              %u: tensor<4xf32, #model.axes<Batch>> {dist.layout = #dist.layout<@m, [{"c", ?}]>}) -> (tensor<16xf32, #model.axes<Vocab>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}]>]
  %y = model.scatter none %u into %z at(%i) affine_map<(b)[p] -> (p)> [affine_map<(b) -> (b)>]
         : tensor<4xf32, #model.axes<Batch>>, (tensor<4xi32, #model.axes<Batch>>) -> tensor<16xf32, #model.axes<Vocab>>
  return %y : tensor<16xf32, #model.axes<Vocab>>
}

// Sorted along the last axis, which stays whole; the others are cut.
// CHECK-LABEL: func.func @sort(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @sort(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}) -> (tensor<8x8xi32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %y = model.argsort %x {descending = false} : tensor<8x8xf32, #model.axes<A, B>> -> tensor<8x8xi32, #model.axes<A, B>>
  return %y : tensor<8x8xi32, #model.axes<A, B>>
}

// Maxima are pending like sums.
// CHECK-LABEL: func.func @maximum(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}]>}
func.func @maximum(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}) -> (tensor<8xf32, #model.axes<A>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}]>]
  %s = model.index (i: A = 8) max (j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8xf32, #model.axes<A>>
  return %s : tensor<8xf32, #model.axes<A>>
}
