#include "runtime/core/Weights.h"

#include "runtime/core/Blocks.h"
#include "runtime/core/Convert.h"
#include "runtime/core/Verify.h"
#include "runtime/core/WeightFiles.h"
#include "runtime/device/cpu/ThreadPool.h"
#include "test/unit/runtime/Programs.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

namespace cleave::rt {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr int64_t kRows = 3, kColumns = 4, kLayers = 2;

// net.blocks[*].w: f32[2, 3, 4] is "h.{0}.w" transposed; net.blocks[*].a and b: f32[2, 2] are the halves of
// "h.{0}.ab"; net.scale: f32 is "scale", or "s".
Program program() {
  Program result;
  result.states = {{"step", "counter", scalar(Type::I64), 0},
                   {"net.blocks[*].w", "param", {Type::F32, {kLayers, kRows, kColumns}, {}}, 64},
                   {"net.blocks[*].a", "param", {Type::F32, {kLayers, 2}, {}}, 192},
                   {"net.blocks[*].b", "param", {Type::F32, {kLayers, 2}, {}}, 256},
                   {"net.scale", "param", scalar(Type::F32), 320}};
  result.stateBytes = 384;
  WeightMap map;
  map.name = "hf";
  map.object = "net";
  map.types = {Type::BF16, Type::F16};
  map.prefixes = {"model.", ""};
  map.location = "net.dsl:7:1";
  map.weights = {
      {"net.blocks[*].w", {{"h.{0}.w", {kColumns, kRows}, {{0, {0, 0, 1}}, {0, {0, 1, 0}}}}}},
      {"net.blocks[*].a", {{"h.{0}.ab", {4}, {{0, {0, 1}}}}}},
      {"net.blocks[*].b", {{"h.{0}.ab", {4}, {{2, {0, 1}}}}}},
      {"net.scale", {{"scale", {}, {}}, {"s", {}, {}}}},
  };
  map.ignored = {"*.mask"};
  result.weights = {map};
  return result;
}

class WeightsTest : public testing::Test {
protected:
  void SetUp() override {
    std::iota(numbers.begin(), numbers.end(), 1.0F);
    for (int64_t i = 0; i < kLayers; ++i) {
      std::string layer = "h." + std::to_string(i) + ".";
      add(layer + "w", {kColumns, kRows}, 100 * i);
      add(layer + "ab", {4}, 10 * i);
    }
    add("scale", {}, 50);
  }

  void add(const std::string &name, std::vector<int64_t> sizes, int64_t first) {
    tensors.push_back({name, {Type::F32, std::move(sizes), {}}, numbers.data() + first});
  }

  void drop(const std::string &name) {
    tensors.erase(std::find_if(tensors.begin(), tensors.end(),
                               [&](const NamedTensor &tensor) { return tensor.name == name; }));
  }

  std::string file(const std::string &name = "model.safetensors") {
    EXPECT_TRUE(writeSafeTensors(folder / name, tensors, {}).ok());
    return folder / name;
  }

  Status load(const std::string &path, const Program &program, const std::string &name = "") {
    return loadWeights(path, name, program, state.data(), pool);
  }

  // The error of a load; the state must be untouched.
  Error loading(const std::string &path, const Program &program, const std::string &name = "") {
    std::vector<char> before = state;
    Status status = load(path, program, name);
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(state, before);
    return status.ok() ? Error() : status.error();
  }

  float at(int64_t offset, int64_t index) const {
    float value;
    std::memcpy(&value, state.data() + offset + index * sizeof(value), sizeof(value));
    return value;
  }

  // Whether the state is what SetUp's tensors say.
  void expectLoaded() {
    for (int64_t i = 0; i < kLayers; ++i) {
      for (int64_t r = 0; r < kRows; ++r)
        for (int64_t c = 0; c < kColumns; ++c)
          EXPECT_EQ(at(64, (i * kRows + r) * kColumns + c), numbers[100 * i + c * kRows + r]);
      for (int64_t k = 0; k < 2; ++k) {
        EXPECT_EQ(at(192, i * 2 + k), numbers[10 * i + k]);
        EXPECT_EQ(at(256, i * 2 + k), numbers[10 * i + 2 + k]);
      }
    }
    EXPECT_EQ(at(320, 0), numbers[50]);
  }

  std::vector<float> numbers = std::vector<float>(200);
  std::vector<NamedTensor> tensors;
  std::vector<char> state = std::vector<char>(384);
  ThreadPool pool{2};
  TemporaryFolder folder;
};

TEST_F(WeightsTest, ReadsTransposedFusedAndStackedTensors) {
  ASSERT_TRUE(load(file(), program()).ok());
  expectLoaded();
}

TEST_F(WeightsTest, AStackThatIsKeptInPartsReadsTheTensorsOfItsLayers) {
  Program parts = program();
  State first = parts.states[1], second = first;
  first.path = "net.blocks[0].w";
  second.path = "net.blocks[1..2].w";
  first.shape.sizes[0] = second.shape.sizes[0] = 1;
  second.offset += first.shape.bytes();
  parts.states[1] = first;
  parts.states.push_back(second);
  ASSERT_TRUE(verify(parts).ok()) << verify(parts).error().message;
  ASSERT_TRUE(load(file(), parts).ok());
  expectLoaded();
  parts.states.back().path = "net.blocks[1..3].w"; // of which it has one
  EXPECT_FALSE(verify(parts).ok());
}

// The header of a file may have any length, so tensors may lie at any byte.
// Rows uneven over one mesh axis, columns padded over another one.
TEST_F(WeightsTest, EachRankReadsItsPart) {
  ASSERT_TRUE(load(file(), program()).ok());
  Shape whole = program().states[1].shape;
  std::vector<float> together(kLayers * kRows * kColumns, -1);
  for (int64_t rank = 0; rank < 6; ++rank) {
    Program mine = program();
    mine.mesh = {"m", {{"a", 2}, {"b", 3}}};
    State &w = mine.states[1];
    w.split = {whole, {{}, {{{0, 2, 1}}, false}, {{{1, 3, 1}}, true}}};
    std::vector<Block> blocks = blocksOf(mine.mesh, w.split, rank);
    for (size_t i = 0; i < blocks.size(); ++i)
      w.shape.sizes[i] = blocks[i].local;
    ASSERT_TRUE(verify(mine).ok()) << verify(mine).error().message;
    std::vector<char> local(state.size());
    ASSERT_TRUE(loadWeights(file(), "", mine, local.data(), pool, rank).ok());
    EXPECT_EQ(std::memcmp(local.data() + 192, state.data() + 192, state.size() - 192), 0); // what all have
    copyFromBlock(whole, blocks, local.data() + 64, together.data());
  }
  EXPECT_EQ(std::memcmp(together.data(), state.data() + 64, together.size() * sizeof(float)), 0);
}

TEST_F(WeightsTest, TensorsNeedNotBeAligned) {
  std::string bytes = read(file());
  uint64_t header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  bytes.insert(sizeof(header) + header, " ");
  ++header;
  std::memcpy(bytes.data(), &header, sizeof(header));
  ASSERT_TRUE(load(write(folder / "odd.safetensors", bytes), program()).ok());
  expectLoaded();
}

TEST_F(WeightsTest, AFolderIsReadByItsFile) {
  file();
  ASSERT_TRUE(load(folder.path, program()).ok());
  expectLoaded();
}

TEST_F(WeightsTest, ThePrefixThatFitsIsChosen) {
  for (NamedTensor &tensor : tensors)
    tensor.name = "model." + tensor.name;
  ASSERT_TRUE(load(file(), program()).ok());
  expectLoaded();
}

TEST_F(WeightsTest, AnAlternativeIsReadWhereTheFirstIsNotThere) {
  tensors.back().name = "s";
  ASSERT_TRUE(load(file(), program()).ok());
  expectLoaded();
}

TEST_F(WeightsTest, IgnoredTensorsMayBeThere) {
  add("h.0.mask", {2, 2}, 0);
  ASSERT_TRUE(load(file(), program()).ok());
}

TEST_F(WeightsTest, DeclaredTypesAreConverted) {
  std::vector<uint16_t> halves = {0x3f80, 0x4000, 0x4040, 0x4080}; // bf16: 1 2 3 4
  tensors[1] = {"h.0.ab", {Type::BF16, {4}, {}}, halves.data()};
  std::vector<uint16_t> small = {0x3c00, 0x4000, 0x4200, 0x4400}; // f16: 1 2 3 4
  tensors[3] = {"h.1.ab", {Type::F16, {4}, {}}, small.data()};
  ASSERT_TRUE(load(file(), program()).ok());
  EXPECT_EQ(at(192, 0), 1);
  EXPECT_EQ(at(256, 1), 4);
  EXPECT_EQ(at(192, 3), 2);
  EXPECT_EQ(at(256, 2), 3);
}

TEST_F(WeightsTest, OtherTypesAreNot) {
  std::vector<double> wide = {1, 2, 3, 4};
  tensors[1] = {"h.0.ab", {Type::F64, {4}, {}}, wide.data()};
  Error error = loading(file(), program());
  EXPECT_EQ(error.code, "E616");
  EXPECT_THAT(error.message,
              HasSubstr("a tensor has the parameter's type or one that the weights are declared `from`, "
                        "found f64 where 'h.0.ab' for net.blocks[*].a is f32"));
  EXPECT_THAT(error.hint, HasSubstr("weights hf for net from f64"));
}

TEST_F(WeightsTest, NamesThatDoNotMapAreListedOnBothSidesNearestFirst) {
  tensors[0].name = "h.0.v";
  tensors[3].name = "quite.another";
  Error error = loading(file(), program());
  EXPECT_EQ(error.code, "E614");
  EXPECT_EQ(error.location, "net.dsl:7:1");
  EXPECT_THAT(error.message, HasSubstr("found 2 missing and 2 that nothing reads"));
  EXPECT_THAT(error.notes,
              ElementsAre("'h.0.w' is wanted for net.blocks[*].w, and nothing reads 'h.0.v'",
                          "'h.1.ab' is wanted for net.blocks[*].a", "nothing reads h.0.v and quite.another"));
}

TEST_F(WeightsTest, AnUnreadTensorIsRefusedWithAHint) {
  add("extra", {2}, 0);
  Error error = loading(file(), program());
  EXPECT_EQ(error.code, "E614");
  EXPECT_THAT(error.message, HasSubstr("found 0 missing and 1 that nothing reads"));
  EXPECT_EQ(error.hint, "what a program does not need is named so: ignore \"extra\"");
}

TEST_F(WeightsTest, WrongShapesAreRefused) {
  tensors[0].shape.sizes = {kRows, kColumns};
  Error error = loading(file(), program());
  EXPECT_EQ(error.code, "E615");
  EXPECT_THAT(error.message, HasSubstr("found f32[3, 4] where 'h.0.w' for net.blocks[*].w is f32[4, 3]"));
}

TEST_F(WeightsTest, TruncatedFilesAreRefused) {
  std::string whole = read(file());
  for (size_t size : {whole.size() - 1, whole.size() / 2, size_t(20), size_t(4), size_t(0)}) {
    Error error = loading(write(folder / "cut.safetensors", whole.substr(0, size)), program());
    EXPECT_EQ(error.code, "E602") << size;
    EXPECT_THAT(error.message, HasSubstr("a weight file must be whole"));
  }
}

TEST_F(WeightsTest, DeclarationsAreChosenByName) {
  Program two = program();
  two.weights.push_back(two.weights[0]);
  two.weights[1].name = "mine";
  std::string path = file();
  EXPECT_TRUE(load(path, two, "mine").ok());
  Error error = loading(path, two);
  EXPECT_EQ(error.code, "E618");
  EXPECT_THAT(error.message, HasSubstr("one declaration of weights is meant, found 2: hf and mine"));
  EXPECT_THAT(error.hint, HasSubstr("--weights hf=PATH"));
  error = loading(path, two, "mini");
  EXPECT_THAT(error.message, HasSubstr("weights are read by a declaration of the program, found 'mini'"));
  EXPECT_EQ(error.hint, "did you mean 'mine'?");
  two.weights.clear();
  EXPECT_THAT(loading(path, two).message, HasSubstr("found no such declaration"));
}

TEST(VerifyWeights, AMappingStaysInsideItsTensor) {
  auto found = [](size_t row, auto change) {
    Program bad = program();
    change(bad.weights[0].weights[row]);
    Status status = verify(bad);
    return status ? "" : status.error().code + ": " + status.error().message;
  };
  auto broken = [&](auto change) { return found(0, change); };
  auto outside = testing::AllOf(HasSubstr("E799: the compiled program is malformed: weights 'hf' place"),
                                HasSubstr("'net.blocks[*].w' outside its tensor 'h."));
  EXPECT_EQ(broken([](Weight &) {}), "");
  EXPECT_THAT(broken([](Weight &w) { w.sources[0].positions[0].offset = 1; }), outside);
  EXPECT_THAT(broken([](Weight &w) { w.sources[0].positions[0].offset = -1; }), outside);
  EXPECT_THAT(broken([](Weight &w) { w.sources[0].positions[0].strides = {0, 0}; }), outside);
  EXPECT_THAT(broken([](Weight &w) { w.sources[0].positions[1].strides[1] = INT64_MAX; }), outside);
  EXPECT_THAT(broken([](Weight &w) { w.sources[0].positions[1].strides[1] = -1; }), outside);
  EXPECT_THAT(broken([](Weight &w) { w.sources[0].positions.pop_back(); }), outside);
  EXPECT_THAT(broken([](Weight &w) { w.sources[0].sizes[0] = INT64_MAX; }), outside);
  // A dim stands in the name or in the positions, once.
  EXPECT_THAT(broken([](Weight &w) { w.sources[0].positions[1].strides[0] = 1; }), outside);
  for (const char *name : {"h.{7}.w", "h.{0}.{0}.w", "h.{0.w", "h.{}.w", "h.{i}.w", "h.{-1}.w", "h.{0"})
    EXPECT_THAT(broken([&](Weight &w) { w.sources[0].name = name; }), outside) << name;
  EXPECT_THAT(broken([](Weight &w) { w.path = "net.none"; }), HasSubstr("have no place for 'net.none'"));
  EXPECT_THAT(broken([](Weight &w) { w.sources.clear(); }), HasSubstr("have no place for"));
  // A scalar has neither.
  EXPECT_EQ(found(3, [](Weight &) {}), "");
  EXPECT_THAT(found(3, [](Weight &w) { w.sources[1].name = "s.{0}"; }), HasSubstr("'net.scale' outside"));
}

// Shards: an index says which file holds what.
class WeightIndexTest : public WeightsTest {
protected:
  void SetUp() override {
    WeightsTest::SetUp();
    std::vector<NamedTensor> all = tensors;
    tensors.assign(all.begin(), all.begin() + 2);
    file("one.safetensors");
    tensors.assign(all.begin() + 2, all.end());
    file("two.safetensors");
  }

  std::string index(const std::string &map) {
    return write(folder / "model.safetensors.index.json",
                 "{\"metadata\": {}, \"weight_map\": {" + map + "}}");
  }

  const std::string whole =
      R"("h.0.w": "one.safetensors", "h.0.ab": "one.safetensors", "h.1.w": "two.safetensors",
      "h.1.ab": "two.safetensors", "scale": "two.safetensors")";
};

TEST_F(WeightIndexTest, ShardsAreReadTogether) {
  index(whole);
  ASSERT_TRUE(load(folder.path, program()).ok());
  expectLoaded();
}

TEST_F(WeightIndexTest, AMissingShardIsNamed) {
  index(whole);
  std::filesystem::remove(folder / "two.safetensors");
  Error error = loading(folder.path, program());
  EXPECT_EQ(error.code, "E617");
  EXPECT_THAT(error.message,
              HasSubstr("every file of an index is there, found that 'two.safetensors' is missing"));
}

TEST_F(WeightIndexTest, ATruncatedShardIsNamed) {
  index(whole);
  std::string bytes = read(folder / "two.safetensors");
  write(folder / "two.safetensors", bytes.substr(0, bytes.size() - 3));
  Error error = loading(folder.path, program());
  EXPECT_EQ(error.code, "E602");
  EXPECT_THAT(error.message, HasSubstr("two.safetensors"));
}

TEST_F(WeightIndexTest, MalformedIndicesAreRefused) {
  auto found = [&](const std::string &text) {
    Error error = loading(write(folder / "model.safetensors.index.json", text), program());
    EXPECT_EQ(error.code, "E617") << text;
    return error.message;
  };
  EXPECT_THAT(found("{"), HasSubstr("an index of weights is JSON with a 'weight_map' of names to files"));
  EXPECT_THAT(found("[]"), HasSubstr("found something else"));
  EXPECT_THAT(found(R"({"weight_map": {"a": 3}})"),
              HasSubstr("an index names files beside it, found 3 for 'a'"));
  EXPECT_THAT(found(R"({"weight_map": {"a": "../x"}})"), HasSubstr("an index names files beside it"));
  EXPECT_THAT(found(R"({"weight_map": {"a": "one.safetensors"}})"),
              HasSubstr("a file holds the tensors that its index says, found no 'a' in 'one.safetensors'"));
}

TEST_F(WeightIndexTest, AFolderOfManyFilesNeedsAnIndex) {
  Error error = loading(folder.path, program());
  EXPECT_EQ(error.code, "E601");
  EXPECT_THAT(error.message, HasSubstr("or one .safetensors file, found 2"));
  EXPECT_THAT(loading(folder / "none", program()).message, HasSubstr("a weight file must be readable"));
}

TEST(ConvertTest, RoundsToNearestEven) {
  std::vector<float> from = {1.0F, 1.00390625F, 1.01171875F, -INFINITY, NAN, 3e38F};
  std::vector<uint16_t> to(from.size());
  copyStrided(Type::BF16, to.data(), Type::F32, from.data(), {{6, 1, 1}});
  EXPECT_EQ(to[0], 0x3f80);
  EXPECT_EQ(to[1], 0x3f80); // half way: to even
  EXPECT_EQ(to[2], 0x3f82);
  EXPECT_EQ(to[3], 0xff80);
  EXPECT_EQ(to[4] & 0x7fc0, 0x7fc0);
  EXPECT_EQ(to[5], 0x7f62);
}

TEST(ConvertTest, AnyOrderOfAxes) {
  constexpr int64_t kA = 37, kB = 5, kC = 70;
  std::vector<float> from(kA * kB * kC);
  std::iota(from.begin(), from.end(), 0.0F);
  std::vector<double> to(from.size(), -1);
  // from[a, b, c] -> to[c, a, b]
  copyStrided(Type::F64, to.data(), Type::F32, from.data(),
              {{kC, kA * kB, 1}, {kA, kB, kB * kC}, {kB, 1, kC}});
  for (int64_t a = 0; a < kA; ++a)
    for (int64_t b = 0; b < kB; ++b)
      for (int64_t c = 0; c < kC; ++c)
        ASSERT_EQ(to[(c * kA + a) * kB + b], from[(a * kB + b) * kC + c]);
}

} // namespace
} // namespace cleave::rt
