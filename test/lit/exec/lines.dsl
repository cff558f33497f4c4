// RUN: %cleave ir %s --stage exec | %FileCheck %s

// Equal kernels are one function, yet each launch knows its own lines.
// CHECK: kernel 1 [[KERNEL:rows_[0-9]+]] rows
// CHECK-NOT: kernel 2
axis N = 64

// CHECK: launch [[KERNEL]] {{.*}}// {{[^,]*}}lines.dsl:[[# @LINE + 2]]:{{[0-9]+}}{{$}}
entry first(x: f32[N]) -> (y: f32[N]) {
  let y[n] = 2 * x[n]
  return y
}

// CHECK: launch [[KERNEL]] {{.*}}// {{[^,]*}}lines.dsl:[[# @LINE + 2]]:{{[0-9]+}}{{$}}
entry second(x: f32[N]) -> (y: f32[N]) {
  let y[n] = 2 * x[n]
  return y
}
