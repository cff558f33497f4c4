#include "runtime/abi/cleave.h"

int32_t cleave_rt_abi_version(void) { return CLEAVE_ABI_VERSION; }
