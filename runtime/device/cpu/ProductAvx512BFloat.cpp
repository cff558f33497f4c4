// Products of bf16 by AVX512-BF16: pairs of terms, summed in f32. The instruction takes subnormals for zero.
#include <cstdint>
#include <immintrin.h>

static constexpr int kVectorBytes = 64;

#include "runtime/device/cpu/ProductTiles.h"

namespace cleave::rt {
namespace {

struct PairMath {
  using Sum = float;
  using Unit = BFloatPair;
  using Sums = __m512;
  static constexpr int kLanes = 16, kUnitBytes = 4, kGroup = 2;
  static void addProduct(Sums &sums, const char *a, const Words<16> &b) {
    addProduct(sums, Words<16>{} + readAs<uint32_t>(a), b);
  }
  static void addProduct(Sums &sums, const Words<16> &a, const Words<16> &b) {
    sums = _mm512_dpbf16_ps(sums, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  template <int Lanes> static __m256bh rounded(const __m512 &value) { return _mm512_cvtneps_pbh(value); }
};

} // namespace
} // namespace cleave::rt

cleave::rt::ProductSet cleave::rt::avx512BFloatProductKernels() {
  ProductSet set = plainProducts<8, 3, 3>();
  set.bf16 = productsBy<PairMath, 8, 3>();
  return set;
}
