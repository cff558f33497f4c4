// RUN: %cleave-opt -cleave-loops -cleave-kernels %s | %FileCheck %s

// The runtime's calling convention: an array of pointers and a range of units. The body is a function of its
// own, so that its pointers can be noalias, except those that share memory.
// CHECK: llvm.func internal @scale.body(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr {llvm.noalias}, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK-NOT: unrealized_conversion_cast
// CHECK: llvm.func @scale(%[[ARGS:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64)
// CHECK-SAME: cleave.grain
// CHECK-SAME: cleave.row_count
// CHECK-COUNT-3: llvm.load {{.*}} : !llvm.ptr -> !llvm.ptr
// CHECK: llvm.call @scale.body(%{{.*}}, %{{.*}}, %{{.*}}, %[[BEGIN]], %[[END]])
func.func private @scale(%x: tensor<100xf32>, %by: tensor<f32>) -> tensor<100xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 100>, cleave.inplace = array<i64: 0, 0>} {
  %e = tensor.empty() : tensor<100xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>, affine_map<(i) -> (i)>],
                       iterator_types = ["parallel"]}
      ins(%x, %by : tensor<100xf32>, tensor<f32>) outs(%e : tensor<100xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<100xf32>
  return %r : tensor<100xf32>
}

// Functions that are no kernels are left alone.
// CHECK: func.func @main
func.func @main() {
  return
}
