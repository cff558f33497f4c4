/* cleave.h and dlpack.h are C99, and all a C program needs to read what a program holds. */
#include "runtime/abi/cleave.h"
#include "runtime/abi/dlpack.h"

#include "test/unit/abi/HeadersInC.h"

int64_t countElementsInC(const cleave_program *program) {
  const cleave_program_info *info = cleave_program_describe(program);
  int64_t elements = 0;
  size_t i;
  int32_t axis;
  for (i = 0; i < info->state_count; ++i) {
    int64_t product = 1;
    for (axis = 0; axis < info->states[i]->rank; ++axis)
      product *= info->states[i]->sizes[axis];
    elements += product;
  }
  return elements;
}

int createInC(const cleave_program *program, cleave_instance **instance) {
  cleave_instance_options options = CLEAVE_INSTANCE_OPTIONS;
  options.threads = 1;
  return cleave_instance_create(program, &options, instance);
}

DLTensor describeInC(float *data, int64_t *shape) {
  DLTensor tensor = {0};
  tensor.data = data;
  tensor.device.device_type = kDLCPU;
  tensor.ndim = 1;
  tensor.dtype.code = kDLFloat;
  tensor.dtype.bits = 32;
  tensor.dtype.lanes = 1;
  tensor.shape = shape;
  return tensor;
}
