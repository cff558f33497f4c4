// RUN: %cleave-opt -cleave-kernels-to-loops -split-input-file -verify-diagnostics %s

// expected-error @below {{a kernel has `cleave.rows`; found none}}
func.func private @no_rows(%x: tensor<8xf32>) -> tensor<8xf32> attributes {cleave.kernel} {
  %e = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// -----

// The accepted twin.
func.func private @rows(%x: tensor<8xf32>) -> tensor<8xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8>} {
  %e = tensor.empty() : tensor<8xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) attrs = {cleave.rows = array<i64: 0>} {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// -----

func.func private @row_dims(%x: tensor<8xf32>) -> tensor<8xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8>} {
  %e = tensor.empty() : tensor<8xf32>
  // expected-error @below {{a generic names one loop dim per row dim of its kernel (1); found 0}}
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// -----

func.func private @other_ops(%x: tensor<8xf32>) -> tensor<8xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8>} {
  // expected-error @below {{a kernel holds linalg.generic, linalg.fill, tensor.empty and constants; found tensor.cast}}
  %c = tensor.cast %x : tensor<8xf32> to tensor<8xf32>
  return %c : tensor<8xf32>
}
