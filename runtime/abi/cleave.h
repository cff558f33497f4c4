/* C ABI that generated code calls. No exceptions cross it, and nothing behind it holds global mutable state:
 * every function depends on its arguments alone. */
#ifndef CLEAVE_RUNTIME_ABI_CLEAVE_H
#define CLEAVE_RUNTIME_ABI_CLEAVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface: generated code and runtime must agree on it. */
#define CLEAVE_ABI_VERSION 1
int32_t cleave_rt_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif
