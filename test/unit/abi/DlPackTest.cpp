#include "runtime/abi/dlpack.h"
#include "test/unit/abi/Fixture.h"
#include "test/unit/abi/HeadersInC.h"

#include <cstring>
#include <thread>

namespace cleave::rt::test {
namespace {

// A tensor as another library would hand it over, and whether it has been given back.
template <class Managed> struct Given {
  float data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  int64_t shape[2] = {4, 1}, strides[2] = {1, 1};
  int deleted = 0;
  Managed tensor = {}; // NOLINT(bugprone-invalid-enum-default-initialization): set below

  explicit Given(int32_t rank = 1) {
    if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>)
      tensor.version = {1, 3};
    tensor.dl_tensor = {data, {kDLCPU, 0}, rank, {kDLFloat, 32, 1}, shape, nullptr, 0};
    tensor.manager_ctx = &deleted;
    tensor.deleter = [](Managed *self) { ++*static_cast<int *>(self->manager_ctx); };
  }
};
using Plain = Given<DLManagedTensor>;
using Versioned = Given<DLManagedTensorVersioned>;

class DlPackTest : public AbiTest {
protected:
  cleave_status bindX(Plain &given) {
    return cleave_bind_input_dlpack(instance, "train", "x", &given.tensor);
  }
  void refused(Plain &given, cleave_status wanted, const std::string &words) {
    expectError(bindX(given), wanted, words);
    EXPECT_EQ(given.deleted, 0) << "what was refused is the caller's";
  }
};

TEST_F(DlPackTest, InputsAreReadInPlaceAndGivenBackOnce) {
  expectFine(cleave_initialise(instance, 0));
  Plain given;
  expectFine(bindX(given));
  EXPECT_EQ(train(), 2.5f);
  given.data[0] = 9;
  EXPECT_EQ(train(), 14.0f) << "read where it lies";
  EXPECT_EQ(given.deleted, 0);
  Versioned next;
  expectFine(cleave_bind_input_dlpack_versioned(instance, "train", "x", &next.tensor));
  EXPECT_EQ(given.deleted, 1);
  expectFine(cleave_set_input(instance, "train", "x", kX, sizeof(kX)));
  EXPECT_EQ(next.deleted, 1);
  EXPECT_EQ(given.deleted, 1);
}

TEST_F(DlPackTest, WhatIsBoundIsGivenBackOnRelease) {
  cleave_instance *other = create(program);
  Plain x, loss(0);
  expectFine(cleave_bind_input_dlpack(other, "train", "x", &x.tensor));
  expectFine(cleave_bind_output_dlpack(other, "train", "loss", &loss.tensor));
  expectFine(cleave_initialise(other, 0));
  expectFine(cleave_run(other, "train"));
  EXPECT_EQ(loss.data[0], 2.5f);
  expectFine(cleave_instance_release(other));
  EXPECT_EQ(x.deleted + loss.deleted, 2);
  Plain unmanaged;
  unmanaged.tensor.deleter = nullptr; // which DLPack allows
  expectFine(bindX(unmanaged));
  expectFine(cleave_unbind_input(instance, "train", "x"));
}

TEST_F(DlPackTest, OffsetsAndFreeStridesAreTaken) {
  expectFine(cleave_initialise(instance, 0));
  Plain given;
  given.tensor.dl_tensor.byte_offset = 16;
  given.tensor.dl_tensor.strides = given.strides;
  given.tensor.dl_tensor.device = {kDLCUDAHost, 3};
  expectFine(bindX(given));
  EXPECT_EQ(train(), 6.5f); // 5 .. 8
  expectFine(cleave_unbind_input(instance, "train", "x"));
}

TEST_F(DlPackTest, AnotherDeviceIsAnError) {
  Plain given;
  given.tensor.dl_tensor.device = {kDLCUDA, 1};
  refused(given, CLEAVE_MISMATCH,
          "E730: a tensor must be in host memory (kDLCPU, kDLCUDAHost or kDLROCMHost), found device type 2, "
          "device 1 for 'x'");
  const int32_t unheardOf = 1000;
  std::memcpy(&given.tensor.dl_tensor.device.device_type, &unheardOf, sizeof(unheardOf));
  refused(given, CLEAVE_MISMATCH, "found device type 1000");
}

TEST_F(DlPackTest, AnotherTypeIsAnError) {
  Plain given;
  given.tensor.dl_tensor.dtype = {kDLFloat, 64, 1};
  refused(given, CLEAVE_MISMATCH,
          "E731: a tensor must have the type of what it is for, f32 (float32), found float64 for 'x'");
  given.tensor.dl_tensor.dtype = {kDLInt, 32, 1};
  refused(given, CLEAVE_MISMATCH, "found int32 for 'x'");
  given.tensor.dl_tensor.dtype = {kDLFloat, 32, 4};
  refused(given, CLEAVE_MISMATCH, "found float32 x 4 for 'x'");
  given.tensor.dl_tensor.dtype = {200, 32, 1};
  refused(given, CLEAVE_MISMATCH, "found code 200");
}

TEST_F(DlPackTest, AnotherShapeIsAnError) {
  Plain given;
  given.shape[0] = 5;
  refused(given, CLEAVE_MISMATCH,
          "E732: a tensor must have the shape of what it is for, f32[N = 4], found [5] for 'x'");
  given.shape[0] = 4;
  given.tensor.dl_tensor.ndim = 2;
  refused(given, CLEAVE_MISMATCH, "found a rank of 2 for 'x'");
  given.tensor.dl_tensor.ndim = 1;
  given.tensor.dl_tensor.shape = nullptr;
  refused(given, CLEAVE_MISMATCH, "found no sizes for 'x'");
}

TEST_F(DlPackTest, OtherStridesAreAnError) {
  Plain given;
  given.strides[0] = 2;
  given.tensor.dl_tensor.strides = given.strides;
  refused(given, CLEAVE_MISMATCH,
          "E733: a tensor must be row-major without holes, strides [1], found [2] for 'x'");
  given.strides[0] = -1;
  refused(given, CLEAVE_MISMATCH, "found [-1] for 'x'");
  given.strides[0] = 1;
  expectFine(bindX(given));
  expectFine(cleave_unbind_input(instance, "train", "x")); // before `given` goes
}

TEST_F(DlPackTest, DataMustBeThereAndAligned) {
  Plain given;
  given.tensor.dl_tensor.byte_offset = 3;
  refused(given, CLEAVE_MISMATCH,
          "E734: a tensor must be aligned to its elements, 4 bytes, byte_offset included, found it to begin "
          "3 past "
          "(byte_offset 3)");
  given.tensor.dl_tensor.byte_offset = 0;
  given.tensor.dl_tensor.data = nullptr;
  refused(given, CLEAVE_MISMATCH, "E734: a tensor must have data, found NULL for 'x'");
  expectError(cleave_bind_input_dlpack(instance, "train", "x", nullptr), CLEAVE_INVALID_ARGUMENT,
              "found 'tensor' to be");
  expectError(cleave_bind_output_dlpack(instance, "train", nullptr, &given.tensor), CLEAVE_INVALID_ARGUMENT,
              "E720");
}

TEST_F(DlPackTest, VersionsAndReadOnlyFlagsAreHeeded) {
  Versioned given(0);
  given.tensor.version = {2, 0};
  expectError(cleave_bind_output_dlpack_versioned(instance, "train", "loss", &given.tensor),
              CLEAVE_INCOMPATIBLE, "E723: a tensor must be of DLPack 1.x, found 2.0");
  given.tensor.version = {1, 0};
  given.tensor.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  expectError(cleave_bind_output_dlpack_versioned(instance, "train", "loss", &given.tensor), CLEAVE_MISMATCH,
              "E735: an output must be writable, found a read-only tensor for 'loss'");
  EXPECT_EQ(given.deleted, 0);
  Versioned x;
  x.tensor.flags = DLPACK_FLAG_BITMASK_READ_ONLY; // an input may be
  expectFine(cleave_bind_input_dlpack_versioned(instance, "train", "x", &x.tensor));
  expectFine(cleave_unbind_input(instance, "train", "x"));
  EXPECT_EQ(x.deleted, 1);
}

TEST_F(DlPackTest, CopiesLeaveTheTensorToTheCaller) {
  float data[4] = {8, 0, 0, 0};
  int64_t shape[1] = {4};
  DLTensor tensor = describeInC(data, shape);
  expectError(cleave_set_state_dlpack(instance, "net.layers[1].w", &tensor), CLEAVE_WRONG_ORDER, "E721");
  expectFine(cleave_initialise(instance, 0));
  expectFine(cleave_set_input_dlpack(instance, "train", "x", &tensor));
  data[0] = 0;
  EXPECT_EQ(train(), 2.0f);
  expectFine(cleave_set_state_dlpack(instance, "net.layers[1].w", &tensor));
  float layer[4];
  expectFine(cleave_get_state(instance, "net.layers[1].w", layer, sizeof(layer)));
  EXPECT_EQ(layer[0], 0);
  tensor.ndim = 0;
  expectError(cleave_set_state_dlpack(instance, "net.layers[1].w", &tensor), CLEAVE_MISMATCH, "E732");
  expectError(cleave_set_input_dlpack(instance, "train", "x", nullptr), CLEAVE_INVALID_ARGUMENT, "E720");
}

TEST_F(DlPackTest, StatesAndOutputsComeOutWithoutACopy) {
  DLManagedTensor *state = nullptr, *loss = nullptr;
  expectError(cleave_state_dlpack(instance, "net.layers[*].w", &state), CLEAVE_WRONG_ORDER, "E721");
  expectError(cleave_output_dlpack(instance, "train", "loss", &loss), CLEAVE_WRONG_ORDER, "E513");
  ready();
  train();
  expectFine(cleave_state_dlpack(instance, "net.layers[*].w", &state));
  expectFine(cleave_output_dlpack(instance, "train", "loss", &loss));
  const DLTensor &tensor = state->dl_tensor;
  EXPECT_EQ(tensor.ndim, 2);
  EXPECT_EQ(tensor.shape[0] * 10 + tensor.shape[1], 24);
  EXPECT_EQ(tensor.strides[0] * 10 + tensor.strides[1], 41);
  EXPECT_EQ(tensor.dtype.code, kDLFloat);
  EXPECT_EQ(tensor.dtype.bits, 32);
  EXPECT_EQ(tensor.device.device_type, kDLCPU);
  EXPECT_EQ(static_cast<float *>(tensor.data)[7], 5.0f);
  static_cast<float *>(tensor.data)[0] = 0; // it is the state itself
  EXPECT_EQ(train(), 10.0f - 2.0f / 8);
  EXPECT_EQ(*static_cast<float *>(loss->dl_tensor.data), 10.0f - 2.0f / 8);
  state->deleter(state);
  loss->deleter(loss);
}

TEST_F(DlPackTest, WhatCameOutOutlivesTheInstance) {
  cleave_instance *other = create(program);
  Versioned bound(0);
  DLManagedTensorVersioned *state = nullptr, *loss = nullptr;
  expectFine(cleave_initialise(other, 0));
  expectFine(cleave_set_input(other, "train", "x", kX, sizeof(kX)));
  expectFine(cleave_bind_output_dlpack_versioned(other, "train", "loss", &bound.tensor));
  expectFine(cleave_run(other, "train"));
  expectFine(cleave_state_dlpack_versioned(other, "net.layers[1].w", &state));
  expectFine(cleave_output_dlpack_versioned(other, "train", "loss", &loss));
  EXPECT_EQ(state->version.major, 1u);
  expectFine(cleave_instance_release(other));
  EXPECT_EQ(static_cast<float *>(state->dl_tensor.data)[3], 5.0f);
  EXPECT_EQ(*static_cast<float *>(loss->dl_tensor.data), 2.5f);
  EXPECT_EQ(bound.deleted, 0) << "a tensor that was bound is shared with what came out of it";
  loss->deleter(loss);
  EXPECT_EQ(bound.deleted, 1);
  state->deleter(state);
}

TEST_F(DlPackTest, AnyThreadGivesBackWhatCameOut) {
  cleave_instance *other = create(program);
  expectFine(cleave_initialise(other, 0));
  expectFine(cleave_set_input(other, "train", "x", kX, sizeof(kX)));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    expectFine(cleave_run(other, "train"));
    DLManagedTensor *state = nullptr;
    expectFine(cleave_state_dlpack(other, "net.layers[0].w", &state));
    threads.emplace_back([state] { state->deleter(state); });
  }
  expectFine(cleave_instance_release(other)); // one of the threads may be the last to let go
  for (std::thread &thread : threads)
    thread.join();
}

TEST_F(DlPackTest, EveryTypeOfTheLanguageIsOneOfDlPack) {
  const std::pair<Type, DLDataType> types[] = {
      {Type::F32, {kDLFloat, 32, 1}}, {Type::F64, {kDLFloat, 64, 1}}, {Type::BF16, {kDLBfloat, 16, 1}},
      {Type::F16, {kDLFloat, 16, 1}}, {Type::I8, {kDLInt, 8, 1}},     {Type::I32, {kDLInt, 32, 1}},
      {Type::I64, {kDLInt, 64, 1}},   {Type::U8, {kDLUInt, 8, 1}},    {Type::Bool, {kDLBool, 8, 1}},
  };
  for (auto [type, wanted] : types) {
    Program typed = trainer();
    typed.entries[1].inputs[0].shape = {type, {2}, {"N"}};
    for (Instruction &instruction : typed.entries[1].instructions)
      for (Operand &operand : instruction.operands)
        if (operand.address.region == Region::Input)
          operand.shape = typed.entries[1].inputs[0].shape;
    cleave_program *handle = handleOf(std::move(typed));
    cleave_instance *made = create(handle, 1);
    alignas(8) char data[16] = {};
    int64_t shape[1] = {2};
    DLTensor tensor = {data, {kDLCPU, 0}, 1, wanted, shape, nullptr, 0};
    expectFine(cleave_set_input_dlpack(made, "train", "x", &tensor));
    expectFine(cleave_instance_release(made));
    cleave_program_release(handle);
  }
}

} // namespace
} // namespace cleave::rt::test
