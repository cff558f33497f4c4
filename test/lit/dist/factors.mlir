// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s

// Where ops are computed, from the layouts of what they read and make.

dist.mesh @m ["a", "t"] = [4, 3]

// Both operands lie alike along what is summed: computed there, and reduced to what the result is.
// CHECK-LABEL: func.func @pending(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {?}]>}
func.func @pending(%x: tensor<8x16xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{}, {"a"}]>},
              %w: tensor<16x8xf32, #model.axes<B, C>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, C>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{}, {}]>]
  %p = model.index (i: A = 8, j: C = 8) sum (k: B = 16)
         ins(%x[i, k], %w[k, j] : tensor<8x16xf32, #model.axes<A, B>>, tensor<16x8xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{}, {}]>]} : tensor<8x8xf32, #model.axes<A, C>>
  return %p : tensor<8x8xf32, #model.axes<A, C>>
}

// The same where the result is cut over that axis: the pending sum is scattered.
// CHECK-LABEL: func.func @scattered(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @scattered(%x: tensor<8x16xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{}, {"a"}]>},
              %w: tensor<16x8xf32, #model.axes<B, C>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, C>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{"a"}, {}]>]
  %p = model.index (i: A = 8, j: C = 8) sum (k: B = 16)
         ins(%x[i, k], %w[k, j] : tensor<8x16xf32, #model.axes<A, B>>, tensor<16x8xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{"a"}, {}]>]} : tensor<8x8xf32, #model.axes<A, C>>
  return %p : tensor<8x8xf32, #model.axes<A, C>>
}

// One operand is whole: cutting it is free, and reducing the small result moves less than gathering the other.
// CHECK-LABEL: func.func @whole_weight(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {?}]>}
func.func @whole_weight(%x: tensor<4x4096xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{}, {"a"}]>},
              %w: tensor<4096x4xf32, #model.axes<B, C>> {dist.layout = #dist.layout<@m, [{}, {}]>}) -> (tensor<4x4xf32, #model.axes<A, C>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{}, {}]>]
  %p = model.index (i: A = 4, j: C = 4) sum (k: B = 4096)
         ins(%x[i, k], %w[k, j] : tensor<4x4096xf32, #model.axes<A, B>>, tensor<4096x4xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{}, {}]>]} : tensor<4x4xf32, #model.axes<A, C>>
  return %p : tensor<4x4xf32, #model.axes<A, C>>
}

// Reducing a large result twice moves more than gathering the small operand.
// CHECK-LABEL: func.func @gathered_operand(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {"a"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {?}]>}
func.func @gathered_operand(%x: tensor<256x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{}, {"a"}]>},
              %w: tensor<8x256xf32, #model.axes<B, C>> {dist.layout = #dist.layout<@m, [{}, {}]>}) -> (tensor<256x256xf32, #model.axes<A, C>>) {
  // CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{}, {}]>]
  %p = model.index (i: A = 256, j: C = 256) sum (k: B = 8)
         ins(%x[i, k], %w[k, j] : tensor<256x8xf32, #model.axes<A, B>>, tensor<8x256xf32, #model.axes<B, C>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{}, {}]>]} : tensor<256x256xf32, #model.axes<A, C>>
  return %p : tensor<256x256xf32, #model.axes<A, C>>
}

// The result is stated whole, and is smaller than its operands: computed in parts and gathered.
// CHECK-LABEL: func.func @gathered_result(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}]>}
func.func @gathered_result(%x: tensor<64x64xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>},
              %y: tensor<64x64xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) -> (tensor<64xf32, #model.axes<A>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.gathers, dist.layouts = [#dist.layout<@m, [{}]>]
  %s = model.index (i: A = 64) sum (j: B = 64)
         ins(%x[i, j], %y[i, j] : tensor<64x64xf32, #model.axes<A, B>>, tensor<64x64xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.mulf %e0, %e1 : f32
    model.yield %val : f32
  } {dist.layouts = [#dist.layout<@m, [{}]>]} : tensor<64xf32, #model.axes<A>>
  return %s : tensor<64xf32, #model.axes<A>>
}

// Seven pairs in three parts: nothing is cut within a digit that is not cut up.
// CHECK-LABEL: func.func @digits(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"t"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}]>}
func.func @digits(%x: tensor<7xf32, #model.axes<Half>> {dist.layout = #dist.layout<@m, [{"t"}]>}) -> (tensor<14xf32, #model.axes<Full>>) {
  // CHECK: dist.factors = [#dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{?}]>]
  %s = model.index (i: Full = 14)
         ins(%x[i floordiv 2] : tensor<7xf32, #model.axes<Half>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<14xf32, #model.axes<Full>>
  return %s : tensor<14xf32, #model.axes<Full>>
}

// Few updates of a table that is cut over the mesh axis that cuts them: they are gathered, for less than a sum of the
// table's size is scattered.
// CHECK-LABEL: func.func @few_updates(
func.func @few_updates(%z: tensor<64x8xf32, #model.axes<Vocab, E>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>},
              %i: tensor<4xi32, #model.axes<Seq>> {dist.layout = #dist.layout<@m, [{"a"}]>},
              %u: tensor<4x8xf32, #model.axes<Seq, E>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>})
    -> (tensor<64x8xf32, #model.axes<Vocab, E>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) {
  // CHECK: model.scatter {{.*}}dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{"a"}, {}]>]
  %y = model.scatter sum %u into %z at(%i) affine_map<(s, e)[p] -> (p, e)> [affine_map<(s, e) -> (s)>] {dist.layouts = [#dist.layout<@m, [{"a"}, {}]>]}
         : tensor<4x8xf32, #model.axes<Seq, E>>, (tensor<4xi32, #model.axes<Seq>>) -> tensor<64x8xf32, #model.axes<Vocab, E>>
  return %y : tensor<64x8xf32, #model.axes<Vocab, E>>
}

// Many of them stay where they are.
// CHECK-LABEL: func.func @many_updates(
func.func @many_updates(%z: tensor<8x8xf32, #model.axes<Vocab, E>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>},
              %i: tensor<64xi32, #model.axes<Seq>> {dist.layout = #dist.layout<@m, [{"a"}]>},
              %u: tensor<64x8xf32, #model.axes<Seq, E>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>})
    -> (tensor<8x8xf32, #model.axes<Vocab, E>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) {
  // CHECK: model.scatter {{.*}}dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a"}, {}]>]
  %y = model.scatter sum %u into %z at(%i) affine_map<(s, e)[p] -> (p, e)> [affine_map<(s, e) -> (s)>] {dist.layouts = [#dist.layout<@m, [{"a"}, {}]>]}
         : tensor<64x8xf32, #model.axes<Seq, E>>, (tensor<64xi32, #model.axes<Seq>>) -> tensor<8x8xf32, #model.axes<Vocab, E>>
  return %y : tensor<8x8xf32, #model.axes<Vocab, E>>
}
