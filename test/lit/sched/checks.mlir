// RUN: %cleave-opt --verify-sched-stage -split-input-file -verify-diagnostics %s

// A kernel whose rows are independent.
#id = affine_map<(r, c) -> (r, c)>
func.func private @good(%a: tensor<8x4xf32>) -> tensor<8x4xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8>} {
  %0 = tensor.empty() : tensor<8x4xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<8x4xf32>) outs(%0 : tensor<8x4xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<8x4xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<8x4xf32>) outs(%0 : tensor<8x4xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<8x4xf32>
  return %2 : tensor<8x4xf32>
}

// -----

// Its second op reads columns of the first as rows.
#id = affine_map<(r, c) -> (r, c)>
#turned = affine_map<(r, c) -> (c, r)>
func.func private @turned(%a: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8>} {
  %0 = tensor.empty() : tensor<8x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<8x8xf32>) outs(%0 : tensor<8x8xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<8x8xf32>
  // expected-error @below {{a kernel's values must be read by identity along row dims}}
  %2 = linalg.generic {indexing_maps = [#turned, #id], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<8x8xf32>) outs(%0 : tensor<8x8xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}

// -----

#id = affine_map<(r, c) -> (r, c)>
func.func private @sizes(%a: tensor<8x4xf32>) -> tensor<8x4xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8>} {
  %0 = tensor.empty() : tensor<8x4xf32>
  // expected-error @below {{row dims must have the kernel's sizes, got: dim 1}}
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<8x4xf32>) outs(%0 : tensor<8x4xf32>) attrs = {cleave.rows = array<i64: 1>} {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// -----

// expected-error @below {{a function must be an entry or a kernel}}
func.func private @body(%a: tensor<8x4xf32>) -> tensor<8x4xf32> {
  return %a : tensor<8x4xf32>
}

// -----

func.func @entry(%a: tensor<f32> {model.input = "a"}) -> (tensor<f32> {model.output = "y"}) attributes {model.entry} {
  // expected-error @below {{an entry holds actions alone, got: tensor.empty}}
  %0 = tensor.empty() : tensor<f32>
  return %0 : tensor<f32>
}
