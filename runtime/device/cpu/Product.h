// Matrix products on the calling thread.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_PRODUCT_H
#define CLEAVE_RUNTIME_DEVICE_CPU_PRODUCT_H

#include "runtime/core/Program.h"
#include "runtime/device/cpu/ProductKernels.h"

namespace cleave::rt {

/// Products of up to so many rows read B once, as it lies: memory bounds them.
inline constexpr int64_t kSkinnyRows = 8;

/// C[m, n] (+)= sum over parts and k of A[part, m, k] * B[part, k, n], row-major.
///
/// Factors are rounded to `factors` (f32, f64 or bf16) before they are multiplied; sums are f32, or f64 where
/// `factors` is. C is what sums are, or bf16: then each sum is rounded once. The order of a sum depends on k
/// and `factors` alone (and on whether rows are few), not on where a
/// tile of C begins.
struct ProductCall {
  struct Input {
    Type type = Type::F32;
    const void *data = nullptr;
    int64_t leading = 0;    // elements from one stored row to the next
    bool transpose = false; // stored with rows and columns exchanged
    int64_t part = 0;       // elements from one part to the next
  };
  struct Output {
    Type type = Type::F32;
    void *data = nullptr;
    int64_t leading = 0;
  };
  Input a, b;
  Output c;
  Type factors = Type::F32;
  int64_t m = 0, n = 0, k = 0, parts = 1;
  bool accumulate = false; // adds to C
};

/// Allocates on a thread's first call alone.
void multiply(const ProductCall &call, const ProductSet &kernels);

/// Of this processor.
const ProductSet &productKernels();

} // namespace cleave::rt

#endif
