// Products with what every processor of the architecture has.
#include <cstdint>

static constexpr int kVectorBytes = 32;

#include "runtime/device/cpu/ProductTiles.h"

cleave::rt::ProductSet cleave::rt::baselineProductKernels() { return plainProducts<2, 3, 2>(); }
