#include "runtime/core/Artefact.h"

#include "runtime/core/Encoding.h"
#include "runtime/core/Instance.h"
#include "runtime/core/PrintProgram.h"
#include "runtime/device/cpu/Processor.h"
#include "test/unit/runtime/Programs.h"

#include <cstring>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace cleave::rt {
namespace {

using testing::AnyOf;
using testing::Eq;
using testing::HasSubstr;
using namespace test;

// Machine code by hand: `ones` at 0 fills the 8 floats of argument 0 from the data, `calls` at 32 leaves to
// memcpy(arguments[0], arguments[1], 8) through a slot.
CodeImage smallImage() {
  CodeImage image;
  image.text = {
      0x48, 0x8b, 0x07,                               // mov rax, [rdi]
      0x8b, 0x0d, 0xf7, 0x0f, 0x00, 0x00,             // mov ecx, [rip + data]
      0x89, 0x0c, 0xb0,                               // mov [rax + 4 * rsi], ecx
      0x48, 0xff, 0xc6,                               // inc rsi
      0x48, 0x39, 0xd6,                               // cmp rsi, rdx
      0x7c, 0xf5,                                     // jl -11
      0xc3,                                           // ret
      0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, //
      0xcc, 0xcc, 0xcc,                               // 32:
      0x48, 0x8b, 0x77, 0x08,                         // mov rsi, [rdi + 8]
      0x48, 0x8b, 0x3f,                               // mov rdi, [rdi]
      0xba, 0x08, 0x00, 0x00, 0x00,                   // mov edx, 8
      0xff, 0x25, 0xd6, 0x0f, 0x00, 0x00,             // jmp [rip + data + 8]
      0xc3,                                           // 50: ret
  };
  float one = 1;
  image.data.resize(24);
  std::memcpy(image.data.data(), &one, sizeof(one));
  image.imports = {{"memcpy", 8}};
  image.relocations = {{16, image.dataOffset()}};
  image.exports = {{"fill_ones", 0}, {"copy", 32}, {"nothing", 50}};
  return image;
}

// The program of the other tests; all its kernels but one do nothing.
ArtefactContents contents() {
  ArtefactContents made;
  made.facts = {
      "trainer", "0.1.0", "ab12", "x86-64-v3", {"sse2"}, {{"N", 4}}, {{"lr", "0.25"}, {"fast", "true"}}};
  made.program = trainer();
  made.program.constants = {1, 2, 3};
  made.program.data = {{"text", "bytes", {"a.txt"}, "/data", "", 0, "model.dsl:1:1"}};
  made.code = smallImage();
  for (const Kernel &kernel : made.program.kernels)
    if (kernel.name != "fill_ones")
      made.code.exports.push_back({kernel.name, 50});
  return made;
}

std::string errorOf(const std::string &bytes) {
  Result<ArtefactContents> read = readArtefact(bytes.data(), bytes.size(), "x.cleave");
  return read ? "" : read.error().code;
}

std::string messageOf(const std::string &bytes) {
  Result<ArtefactContents> read = readArtefact(bytes.data(), bytes.size(), "x.cleave");
  return read ? "" : read.error().message;
}

TEST(Checksum, IsXxh64) {
  EXPECT_EQ(checksum("", 0), 0xef46db3751d8e999u);
  EXPECT_EQ(checksum("a", 1), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(checksum("abc", 3), 0x44bc2cf5ad770999u);
  const char *text = "Nobody inspects the spammish repetition";
  EXPECT_EQ(checksum(text, std::strlen(text)), 0xfbcea83c8a378bf1u);
}

TEST(Artefact, HoldsTheWholeProgram) {
  ArtefactContents before = contents();
  std::string bytes = encodeArtefact(before);
  Result<ArtefactContents> after = readArtefact(bytes.data(), bytes.size(), "x.cleave");
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_EQ(encodeArtefact(*after), bytes);
  EXPECT_EQ(printProgram(after->program), printProgram(before.program));
  EXPECT_EQ(after->facts.name, "trainer");
  EXPECT_EQ(after->facts.target, "x86-64-v3");
  EXPECT_EQ(after->facts.origin, "ab12");
  EXPECT_EQ(after->facts.features, before.facts.features);
  EXPECT_EQ(after->facts.axes, before.facts.axes);
  EXPECT_EQ(after->facts.hypers, before.facts.hypers);
  EXPECT_EQ(after->program.data[0].folder, "/data");
  EXPECT_EQ(after->program.constants, before.program.constants);
}

TEST(Artefact, RunsWhereverItsCodeIsPut) {
  std::string bytes = encodeArtefact(contents());
  Result<Artefact> loaded = loadArtefact(bytes.data(), bytes.size(), "x.cleave");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  auto instance = Instance::create(loaded->program, loaded->code);
  ASSERT_TRUE(instance.ok()) << instance.error().message;
  loaded = Error(); // the instance keeps what it needs
  ASSERT_TRUE((*instance)->initialise(0).ok());
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ((*instance)->state("net.layers[*].w")->as<float>()[i], 1);
}

// The program for a mesh of three ranks, of which the last has another one.
ArtefactContents forThree() {
  ArtefactContents made = contents();
  made.program.mesh = {"m", {{"dp", 3}}};
  Collective &everywhere = made.program.collectives.emplace_back();
  everywhere.over = {{0, 3, 1}};
  Entry &train = made.program.entries[1];
  Operand output = {{Region::Output, 0, 0, {}}, train.outputs[0].shape, ""};
  Instruction sum;
  sum.op = Opcode::Collective;
  sum.operands = {output, output};
  train.instructions.push_back(sum);
  made.classes = {{made.program}, {0, 0, 1}};
  made.classes.others[0].constants = {4};
  return made;
}

TEST(Artefact, HoldsAProgramForEachClassOfRanks) {
  ArtefactContents before = forThree();
  std::string bytes = encodeArtefact(before);
  Result<Artefact> loaded = loadArtefact(bytes.data(), bytes.size(), "x.cleave");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->programOf(1)->constants, before.program.constants);
  EXPECT_EQ(loaded->programOf(2)->constants, std::vector<uint8_t>{4});
  EXPECT_NE(loaded->programOf(2)->kernels[0].function, nullptr);
}

TEST(Artefact, RefusesClassesThatCannotMeet) {
  auto refused = [](const std::function<void(ArtefactContents &)> &damage) {
    ArtefactContents made = forThree();
    damage(made);
    return messageOf(encodeArtefact(made));
  };
  EXPECT_EQ(refused([](ArtefactContents &) {}), "");
  EXPECT_THAT(refused([](ArtefactContents &it) { it.classes.classOf.pop_back(); }),
              HasSubstr("not every rank has a class"));
  EXPECT_THAT(refused([](ArtefactContents &it) { it.classes.classOf[1] = 2; }),
              HasSubstr("a rank is of a class that does not exist"));
  EXPECT_THAT(
      refused([](ArtefactContents &it) { it.classes.others[0].collectives[0].reduction = Reduction::Max; }),
      HasSubstr("class 1: entry 'train' has other collectives, or another order of them"));
  EXPECT_THAT(refused([](ArtefactContents &it) { it.classes.others[0].states.pop_back(); }),
              HasSubstr("class 1: it has other states"));
}

TEST(CodeImage, FillsSlotsWithAddresses) {
  Result<std::shared_ptr<LoadedCode>> code = LoadedCode::load(smallImage());
  ASSERT_TRUE(code.ok()) << code.error().message;
  double from = 2.5, to = 0;
  void *arguments[] = {&to, &from};
  (*code)->lookup("copy")(arguments, 0, 1);
  EXPECT_EQ(to, 2.5);
  EXPECT_EQ((*code)->lookup("none"), nullptr);
  // The relocated slot points to the data's begin, where the 1 is.
  const char *text = reinterpret_cast<const char *>((*code)->lookup("fill_ones"));
  const char *target;
  std::memcpy(&target, text + 4096 + 16, sizeof(target));
  EXPECT_EQ(target, text + 4096);
}

TEST(CodeImage, PointsNowhereElse) {
  auto expectRefused = [](const std::function<void(CodeImage &)> &damage, const std::string &words) {
    CodeImage image = smallImage();
    damage(image);
    Status status = verify(image);
    ASSERT_FALSE(status.ok()) << words;
    EXPECT_EQ(status.error().code, "E807");
    EXPECT_THAT(status.error().message, HasSubstr(words));
    EXPECT_FALSE(LoadedCode::load(image).ok());
  };
  expectRefused([](CodeImage &i) { i.imports[0].slot = 24; }, "the address of 'memcpy' belongs outside");
  expectRefused([](CodeImage &i) { i.imports[0].slot = 17; }, "the address of 'memcpy' belongs outside");
  expectRefused([](CodeImage &i) { i.imports[0].slot = ~uint64_t{7}; }, "belongs outside");
  expectRefused([](CodeImage &i) { i.imports[0].name = "system"; }, "calls 'system', which this runtime");
  expectRefused([](CodeImage &i) { i.relocations[0].slot = 20; }, "points outside");
  expectRefused([](CodeImage &i) { i.relocations[0].target = i.size(); }, "points outside");
  expectRefused([](CodeImage &i) { i.exports[0].offset = i.text.size(); }, "'fill_ones' lies outside");
  EXPECT_TRUE(verify(smallImage()).ok());
}

TEST(Artefact, EveryAlteredByteIsFound) {
  const std::string whole = encodeArtefact(contents());
  for (size_t at = 0; at < whole.size(); ++at)
    for (int bit : {0, 3, 7}) {
      std::string bytes = whole;
      bytes[at] ^= static_cast<char>(1 << bit);
      const char *code = at < 8 ? "E802" : at < 16 ? "E803" : at < 24 ? "E804" : "E805";
      ASSERT_THAT(errorOf(bytes), AnyOf(Eq(code), Eq(at >= 32 && at < 64 ? "E807" : code))) << at;
    }
  EXPECT_EQ(errorOf(whole), "");
}

TEST(Artefact, EveryTruncationIsFound) {
  const std::string whole = encodeArtefact(contents());
  for (size_t size = 0; size < whole.size(); ++size)
    ASSERT_EQ(errorOf(whole.substr(0, size)), size < 8 ? "E802" : "E804") << size;
  EXPECT_EQ(errorOf(whole + "x"), "E804");
  EXPECT_THAT(messageOf(whole.substr(0, 100)), HasSubstr("must be as long as it says, found 100 bytes of "));
}

TEST(Artefact, OtherFilesAreNone) {
  EXPECT_EQ(errorOf("axis N = 4\n"), "E802");
  EXPECT_THAT(messageOf("axis N = 4\n"), HasSubstr("found other content in 'x.cleave'"));
  TemporaryFolder folder;
  Result<Artefact> missing = loadArtefact(folder / "none.cleave");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, "E801");
  EXPECT_THAT(missing.error().message, HasSubstr("No such file"));
  EXPECT_EQ(loadArtefact(folder.path).error().code, "E801");
  EXPECT_FALSE(isArtefact(write(folder / "text", "axis N = 4\n")));
  EXPECT_TRUE(isArtefact(write(folder / "x.cleave", encodeArtefact(contents()))));
  EXPECT_TRUE(loadArtefact(folder / "x.cleave").ok());
}

TEST(Artefact, OtherVersionsAreSaid) {
  std::string bytes = encodeArtefact(contents());
  bytes[8] = 99;
  fixChecksum(bytes);
  EXPECT_EQ(errorOf(bytes), "E803");
  EXPECT_THAT(messageOf(bytes),
              HasSubstr("must be of this runtime's format 4 and interface 1, found format 99"));
  bytes[8] = 1;
  bytes[12] = 7;
  fixChecksum(bytes);
  EXPECT_THAT(messageOf(bytes), HasSubstr("and interface 7"));
}

TEST(Artefact, MissingFeaturesAreNamed) {
  ArtefactContents made = contents();
  made.facts.features = {"sse2", "warp-drive"};
  std::string bytes = encodeArtefact(made);
  Result<Artefact> loaded = loadArtefact(bytes.data(), bytes.size(), "x.cleave");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, "E806");
  EXPECT_THAT(loaded.error().message, HasSubstr("found none of warp-drive here for 'x.cleave'"));
  EXPECT_THAT(loaded.error().notes[0], HasSubstr("x86-64-v3"));
}

TEST(Artefact, CodeOfEveryKernelIsThere) {
  ArtefactContents made = contents();
  made.code.exports.pop_back();
  std::string bytes = encodeArtefact(made);
  Result<Artefact> loaded = loadArtefact(bytes.data(), bytes.size(), "x.cleave");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, "E807");
  EXPECT_THAT(loaded.error().message, HasSubstr("there is no code for kernel 'next'"));
}

// Behind the checksum: any bytes are refused or read, never more.
TEST(Artefact, NonsenseWithARightChecksumIsHarmless) {
  const std::string whole = encodeArtefact(contents());
  std::mt19937 random(1);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (int change = 1 + random() % 3; change > 0; --change) {
      size_t at = 32 + random() % (bytes.size() - 32);
      if (random() % 4 == 0)
        bytes.erase(at, random() % 8);
      else if (random() % 4 == 0)
        bytes.insert(at, random() % 8, static_cast<char>(random()));
      else
        bytes[at] = static_cast<char>(random() % 2 ? random() : 0xff);
    }
    uint64_t size = bytes.size();
    std::memcpy(bytes.data() + 16, &size, sizeof(size));
    fixChecksum(bytes);
    Result<ArtefactContents> read = readArtefact(bytes.data(), bytes.size(), "x.cleave");
    if (!read) {
      ASSERT_EQ(read.error().code, "E807");
      continue;
    }
    ++accepted;
    InstanceOptions options;
    options.memoryLimit = 1 << 20;
    options.threads = 1;
    auto program = std::make_shared<const Program>(std::move(read->program));
    (void)Instance::create(program, nullptr, options);
  }
  EXPECT_GT(accepted, 100); // names and places may be anything
}

} // namespace
} // namespace cleave::rt
