// Any bytes as calls of the C interface, with names that are wrong, arguments that are NULL, tensors that are
// not what they are for, in any order: a status with words and never a crash. What has been asked for so far
// says what must come; every tensor that was accepted is given back once, every other one never.
#include "runtime/abi/Programs.h"
#include "runtime/abi/cleave.h"
#include "runtime/abi/dlpack.h"
#include "test/fuzz/Target.h"
#include "test/unit/runtime/Programs.h"

#include <array>
#include <cstring>
#include <memory>

using namespace cleave;
using namespace cleave::rt;

namespace {

class Bytes {
public:
  Bytes(const uint8_t *bytes, size_t size) : at(bytes), end(bytes + size) {}
  bool empty() const { return at == end; }
  uint8_t next() { return empty() ? 0 : *at++; }
  // One of the choices.
  template <class T, size_t N> T of(const T (&choices)[N]) { return choices[next() % N]; }

private:
  const uint8_t *at, *end;
};

// A tensor that another library might hand over, whose memory is there whatever it says.
struct Tensor {
  alignas(8) std::array<char, 128> data = {};
  std::array<int64_t, 4> shape = {}, strides = {};
  DLManagedTensor plain;              // NOLINT(bugprone-invalid-enum-default-initialization)
  DLManagedTensorVersioned versioned; // NOLINT(bugprone-invalid-enum-default-initialization)
  bool accepted = false;
  int deleted = 0;

  explicit Tensor(Bytes &bytes) : plain(), versioned() {
    DLTensor &tensor = plain.dl_tensor;
    const int32_t devices[] = {kDLCPU, kDLCPU, kDLCUDA, kDLCUDAHost, 1000};
    const uint8_t codes[] = {kDLFloat, kDLFloat, kDLInt, kDLBfloat, 99};
    const uint8_t bits[] = {32, 32, 64, 8, 0};
    const int32_t ranks[] = {0, 1, 1, 2, -1, 100000};
    const int64_t sizes[] = {4, 4, 1, 2, 0, -4, INT64_MAX};
    int32_t device = bytes.of(devices); // what no enumeration knows too
    std::memcpy(&tensor.device.device_type, &device, sizeof(device));
    tensor.device.device_id = bytes.next() % 3;
    tensor.dtype = {bytes.of(codes), bytes.of(bits), static_cast<uint16_t>(bytes.next() % 8 ? 1 : 4)};
    tensor.ndim = bytes.of(ranks);
    for (int64_t &size : shape)
      size = bytes.of(sizes);
    for (int64_t &stride : strides) {
      stride = bytes.of(sizes);
      stride -= 3 * (bytes.next() % 2);
    }
    tensor.data = bytes.next() % 8 ? data.data() : nullptr;
    tensor.shape = bytes.next() % 8 ? shape.data() : nullptr;
    tensor.strides = bytes.next() % 2 ? strides.data() : nullptr;
    tensor.byte_offset = bytes.next() % 32;
    plain.manager_ctx = versioned.manager_ctx = this;
    plain.deleter = [](DLManagedTensor *self) { ++static_cast<Tensor *>(self->manager_ctx)->deleted; };
    versioned.deleter = [](DLManagedTensorVersioned *self) {
      ++static_cast<Tensor *>(self->manager_ctx)->deleted;
    };
    versioned.version = {bytes.next() % 4 ? 1u : 7u, 0};
    versioned.flags = bytes.next() % 4 ? 0 : DLPACK_FLAG_BITMASK_READ_ONLY;
    versioned.dl_tensor = tensor;
  }
};

// The trainer, which says each step; its callback tries to use the busy instance.
Program talkingTrainer() {
  Program program = test::trainer();
  Instruction print =
      test::simple(Opcode::Print, 0, {test::at(Region::State, test::kStep, test::scalar(Type::I64))});
  print.text = "step";
  program.entries[1].instructions.push_back(print);
  return program;
}

class Caller {
public:
  explicit Caller(Bytes bytes) : bytes(bytes) {
    Artefact artefact;
    artefact.program = std::make_shared<const Program>(talkingTrainer());
    program = rt::abi::makeProgram(artefact);
    cleave_instance_options options = CLEAVE_INSTANCE_OPTIONS;
    options.threads = 1;
    options.memory_limit = -1; // what this machine has left does not matter
    options.print = [](void *user, const char *) { static_cast<Caller *>(user)->callWhileBusy(); };
    options.print_user = this;
    fuzz::require(cleave_instance_create(program, &options, &instance) == CLEAVE_OK, "an instance is made",
                  cleave_last_error());
  }
  Caller(const Caller &) = delete;
  Caller &operator=(const Caller &) = delete;

  ~Caller() {
    fuzz::require(cleave_instance_release(instance) == CLEAVE_OK, "an idle instance is released");
    cleave_program_release(program);
    for (DLManagedTensor *tensor : given)
      tensor->deleter(tensor);
    for (const auto &tensor : tensors)
      fuzz::require(tensor->deleted == (tensor->accepted ? 1 : 0), "accepted tensors are given back once");
  }

  void callAll() {
    for (int calls = 0; calls < 64 && !bytes.empty(); ++calls)
      call();
  }

private:
  const char *name() {
    const char *const names[] = {
        "train", "train", "x",    "x",  "loss",  "loss", "net.layers[0].w", "net.layers[*].w",
        "init",  "seed",  "step", "tr", nullptr, "",     "net.layers[7].w"};
    return bytes.of(names);
  }
  size_t size() {
    const size_t sizes[] = {16, 16, 4, 4, 8, 32, 0, SIZE_MAX};
    return bytes.of(sizes);
  }
  // Room of 64 bytes for all sizes that can be right. Inputs and outputs have their own.
  void *memory(bool output) {
    uint8_t choice = bytes.next();
    return choice % 8 ? buffers[output].data() + (choice % 8 == 1 ? 2 : 0) : nullptr;
  }

  static bool isOk(cleave_status status) {
    if (status == CLEAVE_OK)
      return true;
    std::string code = cleave_last_error_code(), text = cleave_last_error();
    fuzz::require(code.size() == 4 && text.find(code) != std::string::npos, "an error has a code and words",
                  text);
    fuzz::require(status != CLEAVE_INTERNAL, "a caller's mistake is no fault of Cleave", text);
    return false;
  }
  static bool is(const char *name, const char *wanted) { return name && std::string(name) == wanted; }

  void callWhileBusy() {
    float value[4];
    int64_t step;
    const cleave_status found[] = {cleave_run(instance, "train"), cleave_initialise(instance, 1),
                                   cleave_get_state(instance, "net.layers[0].w", value, 16),
                                   cleave_step(instance, &step), cleave_instance_release(instance)};
    for (cleave_status status : found)
      fuzz::require(status == CLEAVE_BUSY, "a busy instance is refused to others");
  }

  void run() {
    const char *entry = name();
    cleave_status status = cleave_run(instance, entry);
    bool ok = isOk(status);
    if (is(entry, "train")) {
      bool mayRun = hasState && hasX;
      fuzz::require(ok ? mayRun : !mayRun || status == CLEAVE_RUN_FAILED, "an entry runs in its turn",
                    cleave_last_error());
      hasLoss = ok;
    }
  }

  void readOutput() {
    const char *entry = name(), *output = name();
    const void *where = nullptr;
    bool ok = isOk(cleave_output_data(instance, entry, output, bytes.next() % 8 ? &where : nullptr));
    fuzz::require(!ok || (where && hasLoss && is(output, "loss")), "an output is there after its run");
    void *room = memory(true);
    isOk(cleave_get_output(instance, entry, output, room, size()));
  }

  void handOver() {
    tensors.push_back(std::make_unique<Tensor>(bytes));
    Tensor &tensor = *tensors.back();
    const char *entry = name(), *port = name();
    bool versioned = bytes.next() % 2, output = bytes.next() % 2;
    cleave_status status =
        versioned ? (output ? cleave_bind_output_dlpack_versioned(instance, entry, port, &tensor.versioned)
                            : cleave_bind_input_dlpack_versioned(instance, entry, port, &tensor.versioned))
                  : (output ? cleave_bind_output_dlpack(instance, entry, port, &tensor.plain)
                            : cleave_bind_input_dlpack(instance, entry, port, &tensor.plain));
    tensor.accepted = isOk(status);
    note(tensor.accepted, output, entry, port);
  }

  void copyTensor() {
    Tensor tensor(bytes);
    const char *entry = name(), *port = name();
    note(isOk(cleave_set_input_dlpack(instance, entry, port, &tensor.plain.dl_tensor)), false, entry, port);
    bool ok = isOk(cleave_set_state_dlpack(instance, port, &tensor.plain.dl_tensor));
    fuzz::require(!ok || hasState, "a state is set once there are states");
  }

  void takeTensor() {
    DLManagedTensor *tensor = nullptr;
    const char *entry = name(), *port = name();
    bool ok = bytes.next() % 2 ? isOk(cleave_output_dlpack(instance, entry, port, &tensor))
                               : isOk(cleave_state_dlpack(instance, port, &tensor));
    fuzz::require(ok == (tensor != nullptr), "a tensor comes with success and not without");
    if (tensor)
      given.push_back(tensor);
  }

  void giveBuffer() {
    const char *entry = name(), *port = name();
    uint8_t way = bytes.next() % 5;
    void *room = memory(way == 2 && bytes.next() % 2);
    size_t count = size();
    switch (way) {
    case 0:
      buffers[0].fill(static_cast<char>(bytes.next()));
      return note(isOk(cleave_set_input(instance, entry, port, room, count % 64)), false, entry, port);
    case 1:
      return note(isOk(cleave_bind_input(instance, entry, port, room, count)), false, entry, port);
    case 2:
      return note(isOk(cleave_bind_output(instance, entry, port, room, count)), true, entry, port);
    case 3:
      if (isOk(cleave_unbind_input(instance, entry, port)) && is(entry, "train"))
        hasX = false;
      return;
    default:
      note(isOk(cleave_unbind_output(instance, entry, port)), true, entry, port);
    }
  }

  // What a success has changed.
  void note(bool ok, bool output, const char *entry, const char *port) {
    if (!ok || !is(entry, "train"))
      return;
    fuzz::require(is(port, output ? "loss" : "x"), "what is bound is there");
    if (!output)
      hasX = true;
  }

  void readState() {
    const char *path = name();
    void *room = memory(true);
    size_t count = size() % 64;
    bool ok = isOk(bytes.next() % 2 ? cleave_get_state(instance, path, room, count)
                                    : cleave_set_state(instance, path, room, count));
    fuzz::require(!ok || hasState, "a state has a value once there are states");
  }

  void call() {
    int64_t step = 0;
    switch (bytes.next() % 10) {
    case 0:
      if (isOk(cleave_initialise(instance, bytes.next())))
        hasState = true;
      return;
    case 1:
    case 2:
      return run();
    case 3:
      return readOutput();
    case 4:
      return handOver();
    case 5:
      return copyTensor();
    case 6:
      return takeTensor();
    case 7:
      return giveBuffer();
    case 8:
      return readState();
    default:
      fuzz::require(isOk(cleave_step(bytes.next() % 8 ? instance : nullptr, &step)) ||
                        std::string(cleave_last_error_code()) == "E720",
                    "the step can be asked for");
    }
  }

  Bytes bytes;
  cleave_program *program = nullptr;
  cleave_instance *instance = nullptr;
  alignas(64) std::array<std::array<char, 64>, 2> buffers = {};
  std::vector<std::unique_ptr<Tensor>> tensors;
  std::vector<DLManagedTensor *> given;
  bool hasState = false, hasX = false, hasLoss = false;
};

} // namespace

FUZZ_TARGET(Interface) { Caller(Bytes(bytes, size)).callAll(); }
