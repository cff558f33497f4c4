// RUN: %cleave-opt -cleave-loops %s | %FileCheck %s

// Which dim the vectors run along, how units are cut, what goes through memory.
#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>

// All dims of an element-wise kernel are one.
// CHECK-LABEL: func.func private @relu(
// CHECK-SAME: %[[X:.*]]: memref<64x100xf32>, %[[Y:.*]]: memref<64x100xf32>, %[[BEGIN:.*]]: index, %[[END:.*]]: index)
// CHECK-SAME: cleave.grain = {{[0-9]+}} : i64
// CHECK-SAME: cleave.row_count
// CHECK: %[[IN:.*]] = memref.reinterpret_cast %[[X]] {{.*}} to memref<6400xf32>
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
// CHECK: scf.for %[[I:.*]] =
// CHECK: vector.load %[[IN]][%[[I]]] : memref<6400xf32>, vector<16xf32>
// CHECK: arith.maximumf {{.*}} fastmath<reassoc,nsz,arcp,contract,afn> : vector<16xf32>
// CHECK: vector.store
func.func private @relu(%x: tensor<64x100xf32>) -> tensor<64x100xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 64>} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64x100xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<64x100xf32>) outs(%e : tensor<64x100xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<64x100xf32>
  return %r : tensor<64x100xf32>
}

// A row at a time, vectors along it: a loop for the maximum, one for exponentials and their sum together, one
// for the quotients. The exponentials alone go through a row buffer.
// CHECK-LABEL: func.func private @softmax(
// CHECK-SAME: cleave.row_count = 64 : i64
// CHECK: %[[BUFFER:.*]] = memref.alloca() {{.*}} : memref<256xf32>
// CHECK-NOT: memref.alloca
// CHECK: scf.for
// CHECK: scf.for {{.*}} iter_args
// CHECK: arith.maximumf
// CHECK: vector.reduction <maximumf>
// CHECK: scf.for {{.*}} iter_args
// CHECK: math.exp {{.*}} : vector<16xf32>
// CHECK: vector.store %{{.*}}, %[[BUFFER]]
// CHECK: arith.addf {{.*}} : vector<16xf32>
// CHECK: vector.reduction <add>
// CHECK: scf.for
// CHECK: vector.load %[[BUFFER]]
// CHECK: arith.divf
func.func private @softmax(%x: tensor<64x256xf32>) -> tensor<64x256xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 64>} {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %e1 = tensor.empty() : tensor<64xf32>
  %e2 = tensor.empty() : tensor<64x256xf32>
  %f1 = linalg.fill ins(%lowest : f32) outs(%e1 : tensor<64xf32>) -> tensor<64xf32>
  %f0 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<64xf32>) -> tensor<64xf32>
  %m = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<64x256xf32>) outs(%f1 : tensor<64xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<64xf32>
  %e = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %m : tensor<64x256xf32>, tensor<64xf32>) outs(%e2 : tensor<64x256xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %d = arith.subf %a, %b : f32
    %r = math.exp %d : f32
    linalg.yield %r : f32
  } -> tensor<64x256xf32>
  %z = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%e : tensor<64x256xf32>) outs(%f0 : tensor<64xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<64xf32>
  %p = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%e, %z : tensor<64x256xf32>, tensor<64xf32>) outs(%e2 : tensor<64x256xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.divf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<64x256xf32>
  return %p : tensor<64x256xf32>
}

// A sum over columns: each lane is a column, several vectors side by side.
// CHECK-LABEL: func.func private @column_sum(
// CHECK: scf.for
// CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>
// CHECK: vector.load
// CHECK-NOT: vector.reduction
// CHECK: vector.store
func.func private @column_sum(%x: tensor<2048x512xf32>) -> tensor<512xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 512>} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<512xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<512xf32>) -> tensor<512xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(j, i) -> (i, j)>, affine_map<(j, i) -> (j)>],
                       iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2048x512xf32>) outs(%f : tensor<512xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<512xf32>
  return %z : tensor<512xf32>
}

// What must be exact keeps its operations as they are; the last vector is masked. A short row is a short vector.
// CHECK-LABEL: func.func private @exact(
// CHECK: arith.constant dense<{{.*}}> : vector<8xi1>
// CHECK-NOT: fastmath
// CHECK: vector.maskedload
// CHECK-NOT: fastmath
// CHECK: arith.mulf %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK: vector.maskedstore
// CHECK: return
func.func private @exact(%x: tensor<3x7xf32>, %scale: tensor<7xf32>) -> tensor<3x7xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 3>} {
  %e = tensor.empty() : tensor<3x7xf32>
  %r = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %scale : tensor<3x7xf32>, tensor<7xf32>) outs(%e : tensor<3x7xf32>)
      attrs = {cleave.rows = array<i64: 0>, cleave.exact} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<3x7xf32>
  return %r : tensor<3x7xf32>
}
