// RUN: %cleave-opt --print-exec %s -o /dev/null | %FileCheck %s

// What a launch costs at least: operations and bytes per op of the kernel.
module attributes {pipe.state_bytes = 0 : i64} {
  // 2 * 8 * 4 * 16 operations; 8 * 16 + 16 * 4 + 8 * 4 elements.
  // CHECK: kernel 0 product rows 1 grain 1 f32 1024 flop 896 B{{$}}
  func.func private @product(%a: tensor<8x16xf32>, %b: tensor<16x4xf32>) -> tensor<8x4xf32>
      attributes {cleave.kernel, cleave.rows = array<i64: 8>} {
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<8x4xf32>
    %c = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x4xf32>) -> tensor<8x4xf32>
    %0 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                                          affine_map<(m, n, k) -> (m, n)>],
                         iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%a, %b : tensor<8x16xf32>, tensor<16x4xf32>) outs(%c : tensor<8x4xf32>)
        attrs = {cleave.rows = array<i64: 0>} {
    ^bb0(%x: f32, %y: f32, %sum: f32):
      %p = arith.mulf %x, %y : f32
      %s = arith.addf %sum, %p : f32
      linalg.yield %s : f32
    } -> tensor<8x4xf32>
    return %0 : tensor<8x4xf32>
  }
  // The scale is one exp; the values between the two ops stay inside; the table's row is read, not the table.
  // CHECK: kernel 1 rows rows 1 grain 1 f64 80 flop 520 B, 64 flop 1024 B{{$}}
  func.func private @rows(%a: tensor<64xf64>, %scale: tensor<f64>, %table: tensor<1000x64xf64>) -> (tensor<64xf64>)
      attributes {cleave.kernel, cleave.rows = array<i64: 64>} {
    %empty = tensor.empty() : tensor<64xf64>
    %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>, affine_map<(i) -> (i)>],
                         iterator_types = ["parallel"]}
        ins(%a, %scale : tensor<64xf64>, tensor<f64>) outs(%empty : tensor<64xf64>)
        attrs = {cleave.rows = array<i64: 0>} {
    ^bb0(%x: f64, %s: f64, %out: f64):
      %e = math.exp %s : f64
      %y = arith.mulf %x, %e : f64
      linalg.yield %y : f64
    } -> tensor<64xf64>
    %1 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                         iterator_types = ["parallel"]}
        ins(%0 : tensor<64xf64>) outs(%empty : tensor<64xf64>) attrs = {cleave.rows = array<i64: 0>} {
    ^bb0(%x: f64, %out: f64):
      %row = arith.constant 7 : index
      %i = linalg.index 0 : index
      %t = tensor.extract %table[%row, %i] : tensor<1000x64xf64>
      %y = arith.addf %x, %t : f64
      linalg.yield %y : f64
    } -> tensor<64xf64>
    return %1 : tensor<64xf64>
  }
  // Factors of bf16, summed in f32.
  // CHECK: kernel 2 half rows 1 grain 1 bf16 32 flop 68 B{{$}}
  func.func private @half(%a: tensor<16xbf16>, %b: tensor<16xbf16>) -> tensor<f32>
      attributes {cleave.kernel, cleave.rows = array<i64>} {
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<f32>
    %c = linalg.fill ins(%zero : f32) outs(%empty : tensor<f32>) -> tensor<f32>
    %0 = linalg.generic {indexing_maps = [affine_map<(k) -> (k)>, affine_map<(k) -> (k)>, affine_map<(k) -> ()>],
                         iterator_types = ["reduction"]}
        ins(%a, %b : tensor<16xbf16>, tensor<16xbf16>) outs(%c : tensor<f32>) attrs = {cleave.rows = array<i64>} {
    ^bb0(%x: bf16, %y: bf16, %sum: f32):
      %l = arith.extf %x : bf16 to f32
      %r = arith.extf %y : bf16 to f32
      %p = arith.mulf %l, %r : f32
      %s = arith.addf %sum, %p : f32
      linalg.yield %s : f32
    } -> tensor<f32>
    return %0 : tensor<f32>
  }
}
