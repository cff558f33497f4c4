// RUN: %cleave-opt -cleave-loops %s | %FileCheck %s

// A result of 32 MiB or more is stored past the caches where it begins at a line; masked ends are stored as ever.
// CHECK-LABEL: func.func private @large(
// CHECK: %[[AT:.*]] = memref.extract_aligned_pointer_as_index %arg1
// CHECK: arith.remui %[[AT]]
// CHECK: scf.if
// CHECK: vector.store {{.*}} {alignment = 64 : i64, nontemporal = true}
// CHECK: } else {
// CHECK-NOT: nontemporal
// CHECK: vector.store
// CHECK: return
func.func private @large(%x: tensor<8388616xf32>) -> tensor<8388616xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8388616>} {
  %e = tensor.empty() : tensor<8388616xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<8388616xf32>) outs(%e : tensor<8388616xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %m = arith.addf %a, %a : f32
    linalg.yield %m : f32
  } -> tensor<8388616xf32>
  return %r : tensor<8388616xf32>
}

// In place, memory is in the cache already. Rows of 17 begin anywhere. Smaller results are read again soon.
// CHECK-LABEL: func.func private @inplace(
// CHECK-NOT: nontemporal
// CHECK-LABEL: func.func private @odd(
// CHECK-NOT: nontemporal
// CHECK-LABEL: func.func private @small(
// CHECK-NOT: nontemporal
func.func private @inplace(%x: tensor<8388608xf32>) -> tensor<8388608xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 8388608>, cleave.inplace = array<i64: 0, 0>} {
  %e = tensor.empty() : tensor<8388608xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<8388608xf32>) outs(%e : tensor<8388608xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %m = arith.addf %a, %a : f32
    linalg.yield %m : f32
  } -> tensor<8388608xf32>
  return %r : tensor<8388608xf32>
}
func.func private @odd(%x: tensor<1000000x17xf32>) -> tensor<1000000x17xf32> attributes {cleave.kernel, cleave.rows = array<i64: 1000000>} {
  %zero = arith.constant 0.0 : f32
  %es = tensor.empty() : tensor<1000000xf32>
  %f = linalg.fill ins(%zero : f32) outs(%es : tensor<1000000xf32>) -> tensor<1000000xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<1000000x17xf32>) outs(%f : tensor<1000000xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %m = arith.addf %o, %a : f32
    linalg.yield %m : f32
  } -> tensor<1000000xf32>
  %e = tensor.empty() : tensor<1000000x17xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : tensor<1000000x17xf32>, tensor<1000000xf32>) outs(%e : tensor<1000000x17xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %t: f32, %o: f32):
    %m = arith.divf %a, %t : f32
    linalg.yield %m : f32
  } -> tensor<1000000x17xf32>
  return %r : tensor<1000000x17xf32>
}
func.func private @small(%x: tensor<1048576xf32>) -> tensor<1048576xf32> attributes {cleave.kernel, cleave.rows = array<i64: 1048576>} {
  %e = tensor.empty() : tensor<1048576xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<1048576xf32>) outs(%e : tensor<1048576xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %m = arith.addf %a, %a : f32
    linalg.yield %m : f32
  } -> tensor<1048576xf32>
  return %r : tensor<1048576xf32>
}
