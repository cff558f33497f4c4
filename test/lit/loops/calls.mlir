// RUN: %cleave-opt -cleave-loops %s | %FileCheck %s

// Kernels that call the runtime. Heads' products are strided matrices: nothing is transposed or packed.
// CHECK: func.func private @cleave_rt_argsort(
// CHECK: func.func private @cleave_rt_product(

// One unit per batch, head and tile of the scores; B is stored transposed (2), its rows 192 elements apart.
// CHECK-LABEL: func.func private @scores(
// CHECK-SAME: cleave.row_count = 12 : i64
// CHECK: scf.for
// CHECK: call @cleave_rt_product(%c0_i64{{.*}}, %c2_i64, {{.*}} %c192_i64, %{{[0-9]+}}, %c192_i64, %{{[0-9]+}}, %c128_i64, %c0_i64{{.*}}, %c1_i64
func.func private @scores(%q: tensor<4x128x3x64xf32>, %k: tensor<4x128x3x64xf32>) -> tensor<4x3x128x128xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 4, 3, 128, 128>} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x3x128x128xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x3x128x128xf32>) -> tensor<4x3x128x128xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(b, h, s, t, d) -> (b, s, h, d)>, affine_map<(b, h, s, t, d) -> (b, t, h, d)>,
                                        affine_map<(b, h, s, t, d) -> (b, h, s, t)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%q, %k : tensor<4x128x3x64xf32>, tensor<4x128x3x64xf32>) outs(%f : tensor<4x3x128x128xf32>)
      attrs = {cleave.rows = array<i64: 0, 1, 2, 3>} {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %m = arith.mulf %a, %c : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x3x128x128xf32>
  return %r : tensor<4x3x128x128xf32>
}

// The first word holds the types: 1 is f64.
// CHECK-LABEL: func.func private @double(
// CHECK: call @cleave_rt_product(%c4369_i64,
// CHECK: return
func.func private @double(%a: tensor<64x64xf64>, %b: tensor<64x64xf64>) -> tensor<64x64xf64>
    attributes {cleave.kernel, cleave.rows = array<i64: 64, 64>} {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<64x64xf64>
  %f = linalg.fill ins(%zero : f64) outs(%e : tensor<64x64xf64>) -> tensor<64x64xf64>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<64x64xf64>, tensor<64x64xf64>) outs(%f : tensor<64x64xf64>)
      attrs = {cleave.rows = array<i64: 0, 1>} {
  ^bb0(%x: f64, %y: f64, %o: f64):
    %m = arith.mulf %x, %y : f64
    %s = arith.addf %o, %m : f64
    linalg.yield %s : f64
  } -> tensor<64x64xf64>
  return %r : tensor<64x64xf64>
}

// CHECK-LABEL: func.func private @sort(
// CHECK-SAME: cleave.row_count = 5 : i64
// CHECK: call @cleave_rt_argsort(
func.func private @sort(%x: tensor<5x9xf32>) -> tensor<5x9xi32> attributes {cleave.kernel, cleave.rows = array<i64>} {
  %r = model.argsort %x {descending = true} : tensor<5x9xf32> -> tensor<5x9xi32>
  return %r : tensor<5x9xi32>
}

// Units are blocks of columns: no two touch one element. A position outside is dropped.
// CHECK-LABEL: func.func private @embedding_gradient(
// CHECK-SAME: cleave.row_count = 2 : i64
// CHECK: arith.cmpi ne
// CHECK: scf.if
// CHECK: arith.cmpi ult
// CHECK: scf.if
// CHECK: arith.addf {{.*}} : vector<16xf32>
func.func private @embedding_gradient(%init: tensor<11x128xf32>, %ids: tensor<2x9xi32>, %u: tensor<2x9x128xf32>) -> tensor<11x128xf32>
    attributes {cleave.kernel, cleave.rows = array<i64>} {
  %r = model.scatter sum %u into %init at(%ids) affine_map<(b, s, e)[i] -> (i, e)> [affine_map<(b, s, e) -> (b, s)>]
      : tensor<2x9x128xf32>, (tensor<2x9xi32>) -> tensor<11x128xf32>
  return %r : tensor<11x128xf32>
}

// A convolution over images with an edge: a unit per row of an image; B is the weights as they lie.
// CHECK-LABEL: func.func private @convolution(
// CHECK-SAME: cleave.row_count = 64 : i64
// CHECK: memref.alloca() : memref<20xi64>
// CHECK: call @cleave_rt_strided_product(
// CHECK-NOT: scf.for
// CHECK: return
func.func private @convolution(%x: tensor<4x18x18x32xf32>, %w: tensor<3x3x32x48xf32>) -> tensor<4x16x16x48xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 4, 16, 16, 48>} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x16x16x48xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x16x16x48xf32>) -> tensor<4x16x16x48xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(n, i, j, o, u, v, c) -> (u, v, c, o)>, affine_map<(n, i, j, o, u, v, c) -> (n, i, j, o)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%w : tensor<3x3x32x48xf32>) outs(%f : tensor<4x16x16x48xf32>) attrs = {cleave.rows = array<i64: 0, 1, 2, 3>} {
  ^bb0(%b: f32, %o: f32):
    %n = linalg.index 0 : index
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %u = linalg.index 4 : index
    %v = linalg.index 5 : index
    %c = linalg.index 6 : index
    %p = arith.addi %i, %u : index
    %q = arith.addi %j, %v : index
    %a = tensor.extract %x[%n, %p, %q, %c] : tensor<4x18x18x32xf32>
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x16x16x48xf32>
  return %r : tensor<4x16x16x48xf32>
}
