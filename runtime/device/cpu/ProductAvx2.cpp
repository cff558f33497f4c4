// Products with vectors of 256 bits and fused multiplication and addition.
#include <cstdint>

static constexpr int kVectorBytes = 32;

#include "runtime/device/cpu/ProductTiles.h"

cleave::rt::ProductSet cleave::rt::avx2ProductKernels() { return plainProducts<4, 3, 2>(); }
