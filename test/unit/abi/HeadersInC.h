/* What HeadersInC.c, compiled as C99, offers the tests. */
#ifndef CLEAVE_TEST_UNIT_ABI_HEADERSINC_H
#define CLEAVE_TEST_UNIT_ABI_HEADERSINC_H

#include "runtime/abi/cleave.h"
#include "runtime/abi/dlpack.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Elements of all states. */
int64_t countElementsInC(const cleave_program *program);
/* An instance of one thread; the status. */
int createInC(const cleave_program *program, cleave_instance **instance);
/* A tensor of one axis in host memory, without strides. */
DLTensor describeInC(float *data, int64_t *shape);

#ifdef __cplusplus
}
#endif

#endif
