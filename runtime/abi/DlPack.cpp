#include "runtime/abi/dlpack.h"
#include "runtime/abi/Handles.h"

#include <cstring>

namespace cleave::rt::abi {

namespace {

DLDataType dataTypeOf(Type type) {
  uint8_t bits = static_cast<uint8_t>(8 * sizeOf(type));
  uint8_t code = type == Type::BF16   ? kDLBfloat
                 : isFloat(type)      ? kDLFloat
                 : type == Type::U8   ? kDLUInt
                 : type == Type::Bool ? kDLBool
                                      : kDLInt;
  return {code, bits, 1};
}

std::string textOf(DLDataType type) {
  static const char *const names[] = {"int", "uint", "float", "handle", "bfloat", "complex", "bool"};
  std::string text = type.code < 7 ? names[type.code] : "code " + std::to_string(type.code) + ", bits ";
  text += std::to_string(type.bits);
  return type.lanes == 1 ? text : text + " x " + std::to_string(type.lanes);
}

std::string textOf(const int64_t *numbers, int32_t count) {
  std::string text = "[";
  for (int32_t i = 0; i < count; ++i)
    text += (i ? ", " : "") + std::to_string(numbers[i]);
  return text + "]";
}

Error unlike(const char *code, const std::string &rule, const std::string &found, const std::string &name) {
  return {code, rule + ", found " + found + " for '" + name + "'", "", {}, ""};
}

// A later DLPack may have more devices than the enumeration here: it is read as the number it is.
int32_t deviceOf(const DLTensor &tensor) {
  int32_t number;
  static_assert(sizeof(number) == sizeof(tensor.device.device_type));
  std::memcpy(&number, &tensor.device.device_type, sizeof(number));
  return number;
}

bool isHostMemory(int32_t device) {
  return device == kDLCPU || device == kDLCUDAHost || device == kDLROCMHost;
}

Status checkShape(const DLTensor &tensor, const Shape &shape, const std::string &name) {
  auto rank = static_cast<int32_t>(shape.sizes.size());
  std::string rule = "a tensor must have the shape of what it is for, " + toString(shape);
  if (tensor.ndim != rank)
    return unlike("E732", rule, "a rank of " + std::to_string(tensor.ndim), name);
  if (rank > 0 && !tensor.shape)
    return unlike("E732", rule, "no sizes", name);
  if (!std::equal(shape.sizes.begin(), shape.sizes.end(), tensor.shape))
    return unlike("E732", rule, textOf(tensor.shape, rank), name);
  return {};
}

// Strides are free where they are never used: along axes of size 1.
Status checkStrides(const DLTensor &tensor, const Shape &shape, const std::string &name) {
  if (!tensor.strides)
    return {};
  int64_t dense = 1;
  bool matches = true;
  std::vector<int64_t> wanted(shape.sizes.size());
  for (size_t i = shape.sizes.size(); i-- > 0; dense *= shape.sizes[i]) {
    wanted[i] = dense;
    matches &= shape.sizes[i] == 1 || tensor.strides[i] == dense;
  }
  if (matches || shape.elements() == 0)
    return {};
  return unlike("E733",
                "a tensor must be row-major without holes, strides " + textOf(wanted.data(), tensor.ndim),
                textOf(tensor.strides, tensor.ndim), name);
}

// Whether memory described by `tensor` is what the runtime takes for `shape`; where it begins.
Result<const char *> check(const DLTensor &tensor, const Shape &shape, const std::string &name) {
  if (!isHostMemory(deviceOf(tensor)))
    return unlike("E730", "a tensor must be in host memory (kDLCPU, kDLCUDAHost or kDLROCMHost)",
                  "device type " + std::to_string(deviceOf(tensor)) + ", device " +
                      std::to_string(tensor.device.device_id),
                  name);
  DLDataType wanted = dataTypeOf(shape.type);
  if (std::memcmp(&wanted, &tensor.dtype, sizeof(wanted)) != 0)
    return unlike("E731",
                  std::string("a tensor must have the type of what it is for, ") + nameOf(shape.type) + " (" +
                      textOf(wanted) + ")",
                  textOf(tensor.dtype), name);
  if (Status status = checkShape(tensor, shape, name); !status)
    return status.error();
  if (Status status = checkStrides(tensor, shape, name); !status)
    return status.error();
  if (!tensor.data)
    return unlike("E734", "a tensor must have data", "NULL", name);
  uintptr_t begin = reinterpret_cast<uintptr_t>(tensor.data) + tensor.byte_offset;
  if (begin % sizeOf(shape.type) != 0)
    return unlike("E734",
                  "a tensor must be aligned to its elements, " + std::to_string(sizeOf(shape.type)) +
                      " bytes, byte_offset included",
                  "it to begin " + std::to_string(begin % sizeOf(shape.type)) + " past (byte_offset " +
                      std::to_string(tensor.byte_offset) + ")",
                  name);
  return static_cast<const char *>(tensor.data) + tensor.byte_offset;
}

// --- in ----------------------------------------------------------------------------------------------

Status checkVersion(const DLManagedTensor &) { return {}; }
Status checkVersion(const DLManagedTensorVersioned &tensor) {
  if (tensor.version.major == DLPACK_MAJOR_VERSION)
    return {};
  return Error{"E723",
               "a tensor must be of DLPack " + std::to_string(DLPACK_MAJOR_VERSION) + ".x, found " +
                   std::to_string(tensor.version.major) + "." + std::to_string(tensor.version.minor),
               "",
               {},
               ""};
}

bool isReadOnly(const DLManagedTensor &) { return false; }
bool isReadOnly(const DLManagedTensorVersioned &tensor) {
  return (tensor.flags & DLPACK_FLAG_BITMASK_READ_ONLY) != 0;
}

template <class Managed>
cleave_status bindManaged(cleave_instance *instance, Side side, const char *entry, const char *name,
                          Managed *tensor) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    if (!tensor)
      return nullArgument("tensor");
    Result<PortAt> at = findPort(core, side, entry, name);
    if (!at)
      return at.error();
    if (Status status = checkVersion(*tensor); !status)
      return status;
    if (side == Side::Output && isReadOnly(*tensor))
      return unlike("E735", "an output must be writable", "a read-only tensor", name);
    Result<const char *> data = check(tensor->dl_tensor, at->shape->shape, name);
    if (!data)
      return data.error();
    // The deleter is armed last: until then the tensor is the caller's.
    auto armed = std::make_shared<bool>(false);
    std::shared_ptr<void> owner(tensor, [armed](Managed *owned) {
      if (*armed && owned->deleter)
        owned->deleter(owned);
    });
    Status status = bindPort(core, side, *at, *data, at->shape->shape.bytes(), std::move(owner));
    *armed = status.ok();
    return status;
  });
}

// --- out ---------------------------------------------------------------------------------------------

// What a tensor given out holds on to.
template <class Managed> struct Export {
  std::shared_ptr<Core> core;
  std::shared_ptr<void> owner; // of a tensor the output is bound to
  std::vector<int64_t> sizes, strides;
  Managed tensor = {}; // NOLINT(bugprone-invalid-enum-default-initialization): exportView() sets all of it

  static void release(Managed *self) { delete static_cast<Export *>(self->manager_ctx); }
};

void setVersion(DLManagedTensor &) {}
void setVersion(DLManagedTensorVersioned &tensor) {
  tensor.version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
}

template <class Managed>
Managed *exportView(std::shared_ptr<Core> core, std::shared_ptr<void> owner, const TensorView &view) {
  auto made = std::make_unique<Export<Managed>>();
  made->core = std::move(core);
  made->owner = std::move(owner);
  made->sizes = view.shape.sizes;
  made->strides.resize(made->sizes.size());
  int64_t dense = 1;
  for (size_t i = made->sizes.size(); i-- > 0; dense *= made->sizes[i])
    made->strides[i] = dense;
  Managed &tensor = made->tensor;
  setVersion(tensor);
  tensor.manager_ctx = made.get();
  tensor.deleter = Export<Managed>::release;
  tensor.dl_tensor = {view.data,
                      {kDLCPU, 0},
                      static_cast<int32_t>(made->sizes.size()),
                      dataTypeOf(view.shape.type),
                      made->sizes.data(),
                      made->strides.data(),
                      0};
  return &made.release()->tensor;
}

// `viewOf` finds what to export, and says whose memory it is where that is not the instance's own.
template <class Managed, class ViewOf>
cleave_status exportTo(cleave_instance *instance, Managed **tensor, ViewOf viewOf) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    if (!tensor)
      return nullArgument("tensor");
    *tensor = nullptr;
    std::shared_ptr<void> owner;
    Result<TensorView> view = viewOf(core, owner);
    if (!view)
      return view.error();
    *tensor = exportView<Managed>(instance->core, owner, *view);
    return {};
  });
}

template <class Managed>
cleave_status exportOutput(cleave_instance *instance, const char *entry, const char *output,
                           Managed **tensor) noexcept {
  return exportTo(instance, tensor, [&](Core &core, std::shared_ptr<void> &owner) -> Result<TensorView> {
    Result<PortAt> at = findPort(core, Side::Output, entry, output);
    if (!at)
      return at.error();
    owner = core.uses[at->entry].outputs[at->port].owner;
    return outputOf(core, *at);
  });
}

template <class Managed>
cleave_status exportState(cleave_instance *instance, const char *path, Managed **tensor) noexcept {
  return exportTo(instance, tensor, [&](Core &core, std::shared_ptr<void> &) { return stateOf(core, path); });
}

} // namespace

} // namespace cleave::rt::abi

using namespace cleave::rt;
using namespace cleave::rt::abi;

cleave_status cleave_bind_input_dlpack(cleave_instance *instance, const char *entry, const char *input,
                                       DLManagedTensor *tensor) noexcept {
  return bindManaged(instance, Side::Input, entry, input, tensor);
}
cleave_status cleave_bind_output_dlpack(cleave_instance *instance, const char *entry, const char *output,
                                        DLManagedTensor *tensor) noexcept {
  return bindManaged(instance, Side::Output, entry, output, tensor);
}
cleave_status cleave_bind_input_dlpack_versioned(cleave_instance *instance, const char *entry,
                                                 const char *input,
                                                 DLManagedTensorVersioned *tensor) noexcept {
  return bindManaged(instance, Side::Input, entry, input, tensor);
}
cleave_status cleave_bind_output_dlpack_versioned(cleave_instance *instance, const char *entry,
                                                  const char *output,
                                                  DLManagedTensorVersioned *tensor) noexcept {
  return bindManaged(instance, Side::Output, entry, output, tensor);
}

cleave_status cleave_set_input_dlpack(cleave_instance *instance, const char *entry, const char *input,
                                      const DLTensor *tensor) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    if (!tensor)
      return nullArgument("tensor");
    Result<PortAt> at = findPort(core, Side::Input, entry, input);
    if (!at)
      return at.error();
    Result<const char *> data = check(*tensor, at->shape->shape, input);
    return data ? setInput(core, *at, *data, at->shape->shape.bytes()) : Status(data.error());
  });
}

cleave_status cleave_set_state_dlpack(cleave_instance *instance, const char *path,
                                      const DLTensor *tensor) noexcept {
  return onInstance(instance, [&](Core &core) -> Status {
    if (!tensor)
      return nullArgument("tensor");
    Result<TensorView> view = stateOf(core, path);
    if (!view)
      return view.error();
    Result<const char *> data = check(*tensor, view->shape, path);
    return data ? core.instance->setState(path, *data, view->shape.bytes()) : Status(data.error());
  });
}

cleave_status cleave_output_dlpack(cleave_instance *instance, const char *entry, const char *output,
                                   DLManagedTensor **tensor) noexcept {
  return exportOutput(instance, entry, output, tensor);
}
cleave_status cleave_state_dlpack(cleave_instance *instance, const char *path,
                                  DLManagedTensor **tensor) noexcept {
  return exportState(instance, path, tensor);
}
cleave_status cleave_output_dlpack_versioned(cleave_instance *instance, const char *entry, const char *output,
                                             DLManagedTensorVersioned **tensor) noexcept {
  return exportOutput(instance, entry, output, tensor);
}
cleave_status cleave_state_dlpack_versioned(cleave_instance *instance, const char *path,
                                            DLManagedTensorVersioned **tensor) noexcept {
  return exportState(instance, path, tensor);
}
