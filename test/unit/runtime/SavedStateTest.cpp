#include "runtime/core/SavedState.h"
#include "runtime/core/Instance.h"
#include "runtime/device/cpu/ThreadPool.h"
#include "test/unit/runtime/Programs.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

namespace cleave::rt {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Instance> start(int64_t seed = 5) {
  auto made = Instance::create(std::make_shared<const Program>(trainer()), nullptr, {});
  EXPECT_TRUE((*made)->initialise(seed).ok());
  const float x[4] = {1, 2, 3, 4};
  EXPECT_TRUE((*made)->setInput("train", "x", x, sizeof(x)).ok());
  return std::move(*made);
}

float train(Instance &instance) {
  EXPECT_TRUE(instance.run("train").ok());
  return *instance.output("train", "loss")->as<float>();
}

// A file from a header and data; the header's length is right unless given.
std::string fileOf(const std::string &header, const std::string &data, int64_t length = -1) {
  uint64_t size = length < 0 ? header.size() : length;
  return std::string(reinterpret_cast<const char *>(&size), 8) + header + data;
}

class SavedStateTest : public testing::Test {
protected:
  std::string errorFor(const std::string &bytes) {
    auto opened = SafeTensors::open(write(folder / "bad.safetensors", bytes));
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? "" : opened.error().code + " " + opened.error().message;
  }

  // Loads tensors that differ from the program's; the state must not change.
  Error loading(const std::vector<NamedTensor> &tensors, std::map<std::string, std::string> metadata = {}) {
    auto instance = start();
    train(*instance);
    EXPECT_TRUE(writeSafeTensors(folder / "x.safetensors", tensors, metadata).ok());
    std::string before = bytesOf(*instance);
    Status status = instance->load(folder / "x.safetensors");
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(bytesOf(*instance), before) << "a rejected file leaves the state alone";
    return status.ok() ? Error() : status.error();
  }

  std::string bytesOf(const Instance &instance) {
    EXPECT_TRUE(instance.save(folder / "bytes.safetensors").ok());
    return read(folder / "bytes.safetensors");
  }

  // What the program saves.
  std::vector<NamedTensor> tensors() {
    Program program = trainer();
    std::vector<NamedTensor> all;
    for (const State &state : program.states)
      for (NamedTensor &tensor : unstack(state, zeros))
        all.push_back(tensor);
    return all;
  }

  const char zeros[kStateBytes] = {};
  TemporaryFolder folder;
};

TEST_F(SavedStateTest, ResumingGoesOnAsIfNothingHappened) {
  std::vector<float> whole, resumed;
  auto uninterrupted = start();
  for (int i = 0; i < 6; ++i)
    whole.push_back(train(*uninterrupted));
  auto first = start();
  for (int i = 0; i < 3; ++i)
    resumed.push_back(train(*first));
  ASSERT_TRUE(first->save(folder / "a.safetensors").ok());
  auto second = start(99);
  ASSERT_TRUE(second->load(folder / "a.safetensors").ok());
  EXPECT_EQ(second->step(), 3);
  EXPECT_EQ(second->seed(), 5);
  for (int i = 0; i < 3; ++i)
    resumed.push_back(train(*second));
  EXPECT_EQ(resumed, whole);
}

TEST_F(SavedStateTest, NamesAreUnstackedPathsAndShapesAreWithoutTheStack) {
  auto instance = start();
  train(*instance);
  ASSERT_TRUE(instance->save(folder / "a.safetensors").ok());
  auto file = SafeTensors::open(folder / "a.safetensors");
  ASSERT_TRUE(file.ok());
  std::vector<std::string> names;
  for (const auto &[name, tensor] : file->tensors())
    names.push_back(name);
  EXPECT_THAT(names, ElementsAre("net.layers[0].w", "net.layers[1].w", "seed", "step"));
  EXPECT_EQ(toString(file->tensors().at("net.layers[1].w").shape), "f32[4]");
  EXPECT_EQ(file->metadata().at("format"), "cleave");
  EXPECT_EQ(file->metadata().at("step"), "1");
  EXPECT_EQ(file->metadata().at("seed"), "5");
  EXPECT_EQ(file->metadata().at("layout"), layoutHash(trainer()));
  EXPECT_EQ(file->metadata().at("axes"), R"({"net.layers[*].w":["N"]})");
}

TEST_F(SavedStateTest, FilesThatAreNoTensorsAreDiagnosed) {
  EXPECT_EQ(SafeTensors::open(folder / "none.safetensors").error().code, "E601");
  EXPECT_THAT(errorFor("1234"), HasSubstr("E602 a saved state must be whole, found 4 bytes"));
  EXPECT_THAT(errorFor(fileOf("{}", "", 1000)),
              HasSubstr("E602 a saved state must be whole, found 10 bytes where"));
  EXPECT_THAT(errorFor(fileOf("{}", "", int64_t{1} << 40)), HasSubstr("E603 a header is at most 100 MB"));
  EXPECT_THAT(errorFor(fileOf("{\"a\": ", "")), HasSubstr("E603 a header must be a JSON object"));
  EXPECT_THAT(errorFor(fileOf("[1]", "")), HasSubstr("E603 a header must be a JSON object"));
}

TEST_F(SavedStateTest, MalformedEntriesAreDiagnosed) {
  auto entry = [](const std::string &text) { return fileOf("{\"a\": " + text + "}", "12345678"); };
  EXPECT_THAT(errorFor(entry("3")), HasSubstr("E604 a tensor has a known dtype"));
  EXPECT_THAT(errorFor(entry(R"({"dtype": "F128", "shape": [1], "data_offsets": [0, 8]})")),
              HasSubstr(R"(found dtype "F128" for 'a')"));
  EXPECT_THAT(errorFor(entry(R"({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]})")),
              HasSubstr("found shape [-2]"));
  EXPECT_THAT(errorFor(entry(R"({"dtype": "F32", "shape": [2], "data_offsets": [0, 1.5]})")),
              HasSubstr("found data_offsets [0,1.5]"));
  EXPECT_THAT(errorFor(fileOf(R"({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
                                  "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}})",
                              "1")),
              HasSubstr("E604 a tensor stands in the header once, found 'a' twice"));
}

TEST_F(SavedStateTest, OffsetsThatDoNotFitAreDiagnosed) {
  auto two = [](int a, int b, int c, int d, size_t data) {
    char text[256];
    std::snprintf(text, sizeof(text),
                  R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [%d, %d]},
                      "b": {"dtype": "F32", "shape": [1], "data_offsets": [%d, %d]}})",
                  a, b, c, d);
    return fileOf(text, std::string(data, '.'));
  };
  EXPECT_THAT(errorFor(two(0, 4, 4, 8, 6)),
              HasSubstr("E602 a saved state must be whole, found 6 bytes of data"));
  EXPECT_THAT(errorFor(two(0, 4, 400, 404, 8)),
              HasSubstr("E605 a tensor must lie inside the file's data, found 'b' at [400, 404) of 8 bytes"));
  EXPECT_THAT(errorFor(two(0, 4, 4, 7, 7)), HasSubstr("E605 a tensor's bytes must fit its shape"));
  EXPECT_THAT(errorFor(two(4, 0, 4, 8, 8)), HasSubstr("E605 a tensor's bytes must fit its shape"));
  EXPECT_THAT(errorFor(two(0, 4, 2, 6, 8)), HasSubstr("E606 tensors must not overlap, found 'b' over 'a'"));
  EXPECT_THAT(errorFor(two(0, 4, 8, 12, 12)),
              HasSubstr("E606 tensors must leave no holes, found 4 bytes before"));
  EXPECT_THAT(errorFor(two(0, 4, 4, 8, 9)),
              HasSubstr("E606 tensors must leave no holes, found 1 bytes after"));
  EXPECT_THAT(errorFor(fileOf(R"({"a": {"dtype": "F32", "shape": [9000000000000000000, 9],
                                        "data_offsets": [0, 4]}})",
                              "1234")),
              HasSubstr("E605 a tensor's size must not overflow"));
}

TEST_F(SavedStateTest, TensorsThatAreNotTheProgramsAreDiagnosed) {
  std::vector<NamedTensor> all = tensors();
  std::vector<NamedTensor> renamed = all;
  renamed[2].name = "net.layer[0].w";
  Error missing = loading(renamed);
  EXPECT_EQ(missing.code, "E607");
  EXPECT_THAT(missing.message, HasSubstr("found 1 missing"));
  EXPECT_THAT(missing.message, HasSubstr("net.layers[0].w"));
  EXPECT_THAT(missing.notes, ElementsAre("the file holds 'net.layer[0].w', near 'net.layers[0].w'"));

  std::vector<NamedTensor> more = all;
  more.push_back({"net.bias", scalar(Type::F32), zeros});
  Error unexpected = loading(more);
  EXPECT_EQ(unexpected.code, "E608");
  EXPECT_THAT(unexpected.message, HasSubstr("found 1 unexpected"));

  std::vector<NamedTensor> reshaped = all;
  reshaped[2].shape.sizes = {2, 2};
  EXPECT_EQ(loading(reshaped).code, "E609");
  reshaped[2].shape = {Type::I32, {4}, {}};
  EXPECT_THAT(loading(reshaped).message, HasSubstr("found i32[4] where 'net.layers[0].w' is f32[N = 4]"));

  EXPECT_EQ(loading(all, {{"format", "cleave"}, {"version", "2"}}).code, "E611");
}

TEST_F(SavedStateTest, EveryTruncationIsDiagnosed) {
  auto instance = start();
  std::string whole = bytesOf(*instance);
  for (size_t length = 0; length < whole.size(); ++length) {
    auto opened = SafeTensors::open(write(folder / "cut.safetensors", whole.substr(0, length)));
    ASSERT_FALSE(opened.ok()) << length;
    ASSERT_EQ(opened.error().code, "E602") << length;
  }
}

TEST_F(SavedStateTest, AFileCutShortWhileItIsReadIsSaid) {
  std::string path = folder / "short.safetensors";
  ASSERT_TRUE(start()->save(path).ok());
  auto file = SafeTensors::open(path);
  ASSERT_TRUE(file.ok());
  std::vector<char> bytes(kStateBytes);
  for (const auto &[name, tensor] : file->tensors())
    EXPECT_TRUE(file->read(tensor, 0, tensor.shape.bytes(), bytes.data()).ok()) << name;
  std::filesystem::resize_file(path, 8);
  const NamedTensor &first = file->tensors().begin()->second;
  Status status = file->read(first, 0, first.shape.bytes(), bytes.data());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E601");
  EXPECT_THAT(status.error().message,
              HasSubstr("a saved state must be readable, found it was cut short meanwhile"));
}

TEST_F(SavedStateTest, DamagedHeadersNeverCrash) {
  auto instance = start();
  std::string whole = bytesOf(*instance);
  uint64_t headerBytes;
  std::memcpy(&headerBytes, whole.data(), 8);
  for (size_t at = 0; at < 8 + headerBytes; ++at)
    for (char change : {'\0', '9', '"', '}', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = change;
      write(folder / "damaged.safetensors", damaged);
      Status status = instance->load(folder / "damaged.safetensors");
      if (!status.ok())
        ASSERT_EQ(status.error().code[0], 'E');
    }
}

TEST_F(SavedStateTest, AWriteThatFailsLeavesTheOldFile) {
  auto instance = start();
  std::string path = folder / "a.safetensors";
  ASSERT_TRUE(instance->save(path).ok());
  std::string before = read(path);
  EXPECT_EQ(instance->save(folder / "no/such/folder.safetensors").error().code, "E610");
  // A full disk, as a process sees it that may write no more than 64 bytes.
  pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit = {64, 64};
    setrlimit(RLIMIT_FSIZE, &limit);
    Program program = trainer();
    Status status = saveState(path, program, zeros);
    _exit(!status.ok() && status.error().code == "E610" &&
                  status.error().notes[0].find("nothing was lost") == 0
              ? 0
              : 1);
  }
  int result = 0;
  waitpid(child, &result, 0);
  EXPECT_EQ(result, 0);
  EXPECT_EQ(read(path), before);
  size_t files = 0;
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator(folder.path))
    ++files;
  EXPECT_EQ(files, 1u) << "no temporary file stays";
}

TEST_F(SavedStateTest, AKillAtAnyMomentLeavesAWholeFile) {
  Program program = trainer();
  std::string path = folder / "a.safetensors";
  ASSERT_TRUE(saveState(path, program, zeros).ok());
  std::vector<char> other(kStateBytes, 1);
  ThreadPool pool(1);
  for (int round = 0; round < 40; ++round) {
    pid_t child = fork();
    if (child == 0)
      for (int i = 0;; ++i)
        (void)saveState(path, program, i % 2 ? zeros : other.data());
    std::this_thread::sleep_for(std::chrono::microseconds(200 + 317 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::vector<char> loaded(kStateBytes, 7);
    Status status = loadState(path, program, loaded.data(), pool);
    ASSERT_TRUE(status.ok()) << status.error().message;
    ASSERT_TRUE(loaded[kWeight] == 0 || loaded[kWeight] == 1);
    for (int i = kWeight; i < kStateBytes; ++i)
      ASSERT_EQ(loaded[i], loaded[kWeight]) << "a mix of two states";
  }
  ASSERT_TRUE(saveState(path, program, zeros).ok());
  size_t files = 0;
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator(folder.path))
    ++files;
  EXPECT_EQ(files, 1u) << "a save clears up what killed ones left";
}

TEST_F(SavedStateTest, ASaveFollowsLinks) {
  Program program = trainer();
  write(folder / "real.safetensors", "");
  std::filesystem::create_symlink("real.safetensors", folder / "link.safetensors");
  ASSERT_TRUE(saveState(folder / "link.safetensors", program, zeros).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.safetensors"));
  EXPECT_TRUE(SafeTensors::open(folder / "real.safetensors").ok());
}

} // namespace
} // namespace cleave::rt
