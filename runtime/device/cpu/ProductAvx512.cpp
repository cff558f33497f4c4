// Products with vectors of 512 bits.
#include <cstdint>

static constexpr int kVectorBytes = 64;

#include "runtime/device/cpu/ProductTiles.h"

cleave::rt::ProductSet cleave::rt::avx512ProductKernels() { return plainProducts<8, 3, 3>(); }
