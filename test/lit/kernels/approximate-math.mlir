// RUN: %cleave-opt -cleave-approximate-math %s | %FileCheck %s

// f32 becomes polynomials; f64 stays, for libm, except where conversion would lose places.
// CHECK-LABEL: @functions
// CHECK-NOT: math.exp {{.*}}f32
// CHECK: math.fma
// CHECK: math.log {{.*}} : vector<16xf64>
// CHECK-NOT: math.expm1
// CHECK: math.tanh {{.*}} : vector<16xf64>
// CHECK: math.exp {{.*}} : vector<16xf64>
func.func @functions(%x: vector<16xf32>, %y: vector<16xf64>) -> (vector<16xf32>, vector<16xf64>, vector<16xf64>)
    attributes {cleave.kernel} {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.log %y : vector<16xf64>
  %2 = math.expm1 %y : vector<16xf64>
  return %0, %1, %2 : vector<16xf32>, vector<16xf64>, vector<16xf64>
}

// CHECK-LABEL: @no_kernel
// CHECK: math.exp
func.func @no_kernel(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp %x : vector<16xf32>
  return %0 : vector<16xf32>
}
