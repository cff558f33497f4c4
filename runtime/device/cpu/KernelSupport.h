// What generated kernels call. C names and types; never throws, never allocates after a thread's first call.
#ifndef CLEAVE_RUNTIME_DEVICE_CPU_KERNELSUPPORT_H
#define CLEAVE_RUNTIME_DEVICE_CPU_KERNELSUPPORT_H

#include <cstdint>
#include <vector>

// NOLINTBEGIN(readability-identifier-naming): C names
extern "C" {

/// C[m, n] = beta * C + sum over parts and k of A[part, m, k] * B[part, k, n], all row-major. `types`: four
/// bits each, from the lowest, the cleave::rt::Type of A, B and C and what factors are rounded to before they
/// are multiplied (see ProductCall). `transpose` bit 0: A is stored as [k, m], bit 1: B is stored as [n, k].
/// `lda`, `ldb`, `ldc`: elements from one stored row to the next. `parts`, `partA`, `partB`: how many, and
/// elements from one to the next. beta is 1 where `accumulate` is not 0, else 0. Runs on the calling thread
/// alone.
void cleave_rt_product(int64_t types, int64_t transpose, int64_t m, int64_t n, int64_t k, const void *a,
                       int64_t lda, const void *b, int64_t ldb, void *c, int64_t ldc, int64_t accumulate,
                       int64_t parts, int64_t partA, int64_t partB);

/// Units [begin, end) of a product of strided memory, see StridedProduct.h. `description`: rows, A's and C's
/// strides of a row; columns; terms, A's and B's strides of a term; numbers of unit and segment dims; per
/// unit dim size and strides in A, B and C; per segment dim size and strides in A and B. Runs on the calling
/// thread alone.
void cleave_rt_strided_product(const int64_t *description, const float *a, const float *b, float *c,
                               int64_t begin, int64_t end);

/// Stable order of `count` keys: positions as i32, NaN last in either direction. `type` is a
/// cleave::rt::Type; `work` has room for `count` positions.
void cleave_rt_argsort(int64_t type, const void *keys, int64_t count, int64_t descending, int32_t *positions,
                       int32_t *work);
}
// NOLINTEND(readability-identifier-naming)

namespace cleave::rt {

struct SupportSymbol {
  const char *name;
  void *address;
};

/// Every function that generated code may call: those above, half-precision conversions that compilers expect
/// from their support library, libm, and what code generation makes of copies. Code that calls another is
/// refused, when it is linked and when it is loaded.
const std::vector<SupportSymbol> &supportSymbols();

} // namespace cleave::rt

#endif
