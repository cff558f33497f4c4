// RUN: %cleave-opt -cleave-loops %s | %FileCheck %s

// Reads by index: what is contiguous along the vectors is one load, what is the same for all lanes a scalar,
// and only the rest is gathered.

// x[i + 1], or -1 outside: lanes outside are masked off, not gathered.
// CHECK-LABEL: func.func private @shift(
// CHECK-NOT: vector.gather
// CHECK: vector.maskedload
// CHECK: arith.select
// CHECK: return
func.func private @shift(%x: tensor<100xf32>) -> tensor<100xf32> attributes {cleave.kernel, cleave.rows = array<i64: 100>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %size = arith.constant 100 : index
  %last = arith.constant 99 : index
  %outside = arith.constant -1.0 : f32
  %e = tensor.empty() : tensor<100xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      outs(%e : tensor<100xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %p = arith.addi %i, %c1 : index
    %inside = arith.cmpi ult, %p, %size : index
    %low = arith.maxsi %p, %c0 : index
    %q = arith.minsi %low, %last : index
    %v = tensor.extract %x[%q] : tensor<100xf32>
    %s = arith.select %inside, %v, %outside : f32
    linalg.yield %s : f32
  } -> tensor<100xf32>
  return %r : tensor<100xf32>
}

// table[ids[s], e]: the id is a scalar, the table's row is contiguous.
// CHECK-LABEL: func.func private @embed(
// CHECK-NOT: vector.gather
// CHECK: memref.load {{.*}} : memref<6xi32>
// CHECK: vector.load {{.*}} : memref<352xf32>, vector<16xf32>
// CHECK: return
func.func private @embed(%table: tensor<11x32xf32>, %ids: tensor<6xi32>) -> tensor<6x32xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 6, 32>} {
  %e = tensor.empty() : tensor<6x32xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(s, e) -> (s)>, affine_map<(s, e) -> (s, e)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%ids : tensor<6xi32>) outs(%e : tensor<6x32xf32>) attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%id: i32, %o: f32):
    %j = linalg.index 1 : index
    %p = arith.index_cast %id : i32 to index
    %v = tensor.extract %table[%p, %j] : tensor<11x32xf32>
    linalg.yield %v : f32
  } -> tensor<6x32xf32>
  return %r : tensor<6x32xf32>
}

// logits[s, ids[s]]: nothing is contiguous.
// CHECK-LABEL: func.func private @pick(
// CHECK: vector.gather {{.*}} vector<16xi32>
func.func private @pick(%logits: tensor<64x11xf32>, %ids: tensor<64xi32>) -> tensor<64xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 64>} {
  %e = tensor.empty() : tensor<64xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(s) -> (s)>, affine_map<(s) -> (s)>], iterator_types = ["parallel"]}
      ins(%ids : tensor<64xi32>) outs(%e : tensor<64xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%id: i32, %o: f32):
    %s = linalg.index 0 : index
    %p = arith.index_cast %id : i32 to index
    %v = tensor.extract %logits[%s, %p] : tensor<64x11xf32>
    linalg.yield %v : f32
  } -> tensor<64xf32>
  return %r : tensor<64xf32>
}
