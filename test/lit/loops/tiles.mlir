// RUN: %cleave-opt -cleave-loops %s | %FileCheck %s

// Products inside a kernel of rows. Lanes are rows, 32 per unit; the scores of 8 keys at once are a register tile; the
// queries come in through a transposed copy, the result leaves through one. Rows up to s + 31 need no key behind
// theirs, and below s no condition.
// CHECK-LABEL: func.func private @causal(
// CHECK-SAME: cleave.row_count = 8 : i64
// CHECK-DAG: memref.alloca() {{.*}} : memref<4096xf32>
// CHECK-DAG: memref.alloca() {{.*}} : memref<1024xf32>
// CHECK: scf.for %[[BASE:[a-z0-9]+]] = {{.*}} step %c32
// CHECK: %[[LAST:.*]] = arith.addi %[[BASE]], %c31
// CHECK: %[[END:.*]] = arith.addi %[[LAST]], %c1
// CHECK: arith.maxsi %[[END]], %c0
// CHECK: scf.for
// CHECK-COUNT-16: vector.load
// CHECK-COUNT-64: vector.shuffle
// Keys by eights, up to the bound.
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %{{[a-z0-9]+}} step %c8
// CHECK: scf.for {{.*}} iter_args
// CHECK-NOT: arith.cmpi
// CHECK-COUNT-8: memref.load
// CHECK: scf.yield
// The sum: first without the condition, then with it.
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %c32{{.*}} step %c8
// CHECK: scf.for {{.*}} iter_args
// CHECK-NOT: arith.cmpi
// CHECK-NOT: arith.select
// CHECK: scf.yield
// CHECK: scf.for {{.*}} iter_args
// CHECK: arith.cmpi
// CHECK: arith.select
// CHECK: scf.yield
// CHECK: vector.shuffle
func.func private @causal(%q: tensor<2x128x32xf32>, %k: tensor<2x128x32xf32>) -> tensor<2x128x32xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 2, 128>} {
  %zero = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<2x128x128xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<2x128x128xf32>) -> tensor<2x128x128xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(h, s, t, d) -> (h, s, d)>, affine_map<(h, s, t, d) -> (h, t, d)>,
                                        affine_map<(h, s, t, d) -> (h, s, t)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%q, %k : tensor<2x128x32xf32>, tensor<2x128x32xf32>) outs(%f0 : tensor<2x128x128xf32>)
      attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %m = arith.mulf %x, %y : f32
    %r = arith.addf %o, %m : f32
    linalg.yield %r : f32
  } -> tensor<2x128x128xf32>
  %e1 = tensor.empty() : tensor<2x128x32xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<2x128x32xf32>) -> tensor<2x128x32xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(h, s, d, t) -> (h, s, t)>, affine_map<(h, s, d, t) -> (h, t, d)>,
                                        affine_map<(h, s, d, t) -> (h, s, d)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%a, %k : tensor<2x128x128xf32>, tensor<2x128x32xf32>) outs(%f1 : tensor<2x128x32xf32>)
      attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %s = linalg.index 1 : index
    %t = linalg.index 3 : index
    %c = arith.cmpi sle, %t, %s : index
    %m = arith.mulf %x, %y : f32
    %w = arith.select %c, %m, %zero : f32
    %r = arith.addf %o, %w : f32
    linalg.yield %r : f32
  } -> tensor<2x128x32xf32>
  return %r : tensor<2x128x32xf32>
}
