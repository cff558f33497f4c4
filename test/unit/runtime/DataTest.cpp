#include "runtime/core/Data.h"

#include "runtime/core/Blocks.h"
#include "runtime/core/Npy.h"
#include "test/unit/runtime/Programs.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

namespace cleave::rt {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

class DataTest : public testing::Test {
protected:
  DataSource source(const std::string &kind, std::vector<std::string> paths, const std::string &option = "") {
    DataSource result;
    result.name = "corpus";
    result.kind = kind;
    result.paths = std::move(paths);
    result.folder = folder.path;
    result.option = option;
    result.location = "model.dsl:4:6";
    return result;
  }

  static Port port(Type type, std::vector<int64_t> sizes, bool ordered = false) {
    Port result = {"text", {type, std::move(sizes), {}}, "corpus", ordered, "model.dsl:8:13"};
    return result;
  }

  static Error errorOf(const DataSource &source, const Port &input = port(Type::U8, {1, 1})) {
    auto opened = Dataset::open(source);
    if (!opened)
      return opened.error();
    Status status = (*opened)->check(input);
    return status.ok() ? Error() : status.error();
  }

  template <class T>
  static std::vector<T> fill(const DataSource &source, const Port &input, int64_t seed = 0,
                             int64_t step = 0) {
    auto opened = Dataset::open(source);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    Status status = (*opened)->check(input);
    EXPECT_TRUE(status.ok()) << status.error().message;
    std::vector<T> values(input.shape.elements());
    (*opened)->fill(input, seed, step, values.data());
    return values;
  }

  std::string text(const DataSource &source, const Port &input, int64_t seed = 0, int64_t step = 0) {
    auto bytes = fill<char>(source, input, seed, step);
    return {bytes.begin(), bytes.end()};
  }

  template <class T>
  std::string npy(const std::string &name, const Shape &shape, const std::vector<T> &values) {
    EXPECT_TRUE(writeNpy(folder / name, shape, values.data()).ok());
    return name;
  }

  TemporaryFolder folder;
};

TEST_F(DataTest, BytesOfSeveralFilesInOrder) {
  write(folder / "b.txt", "defg");
  write(folder / "a.txt", "abc");
  write(folder / "empty.txt", "");
  DataSource corpus = source("bytes", {"*.txt"});
  Port input = port(Type::U8, {2, 2}, true);
  EXPECT_EQ(text(corpus, input, 0, 0), "abcd");
  EXPECT_EQ(text(corpus, input, 0, 1), "efab") << "windows wrap round";
  EXPECT_EQ(text(corpus, port(Type::U8, {7}), 0, 3), "abcdefg") << "rank 1 takes one window";
}

TEST_F(DataTest, AFileCountsOnceHoweverOftenItIsMatched) {
  write(folder / "a.txt", "abc");
  std::filesystem::create_symlink("a.txt", folder / "b.txt");
  auto paths = expandGlobs(source("bytes", {"a.*", "*.txt"}));
  ASSERT_TRUE(paths.ok());
  EXPECT_THAT(*paths, ElementsAre(folder / "a.txt"));
}

TEST_F(DataTest, RandomWindowsAreAFunctionOfSeedStepAndRow) {
  std::string letters;
  for (int i = 0; i < 256; ++i)
    letters += static_cast<char>(i);
  write(folder / "a.txt", letters);
  DataSource corpus = source("bytes", {"a.txt"});
  Port input = port(Type::U8, {64, 4});
  std::string first = text(corpus, input, 1, 5);
  EXPECT_EQ(text(corpus, input, 1, 5), first);
  EXPECT_NE(text(corpus, input, 1, 6), first);
  EXPECT_NE(text(corpus, input, 2, 5), first);
  std::set<char> starts;
  for (int row = 0; row < 64; ++row) {
    starts.insert(first[4 * row]);
    EXPECT_EQ(static_cast<uint8_t>(first[4 * row + 3]), static_cast<uint8_t>(first[4 * row]) + 3);
  }
  EXPECT_GT(starts.size(), 40u) << "rows are drawn on their own";
}

TEST_F(DataTest, BadBytesAreDiagnosed) {
  EXPECT_EQ(errorOf(source("bytes", {"missing.txt"})).code, "E501");
  EXPECT_EQ(errorOf(source("bytes", {"missing.txt"})).location, "model.dsl:4:6");
  EXPECT_THAT(errorOf(source("bytes", {"missing.txt"})).message, HasSubstr("No such file or directory"));
  EXPECT_THAT(errorOf(source("bytes", {folder.path})).message, HasSubstr("Is a directory"));
  EXPECT_EQ(errorOf(source("bytes", {"*.txt"})).code, "E502");
  EXPECT_THAT(errorOf(source("bytes", {"*.txt"})).message, HasSubstr("must match a file, found none"));
  write(folder / "empty.txt", "");
  EXPECT_EQ(errorOf(source("bytes", {"empty.txt"})).code, "E502");
  write(folder / "short.txt", "abc");
  Error tooShort = errorOf(source("bytes", {"short.txt"}), port(Type::U8, {2, 4}));
  EXPECT_EQ(tooShort.code, "E503");
  EXPECT_THAT(tooShort.message, HasSubstr("found 3 elements in 'corpus' where input 'text' takes 4"));
  EXPECT_EQ(errorOf(source("bytes", {"short.txt"}), port(Type::U8, {2, 3})).code, "");
  Error type = errorOf(source("bytes", {"short.txt"}), port(Type::I32, {1, 2}));
  EXPECT_EQ(type.code, "E504");
  EXPECT_EQ(type.location, "model.dsl:8:13");
  EXPECT_EQ(errorOf(source("bytes", {})).code, "E506");
  EXPECT_EQ(errorOf(source("video", {"short.txt"})).code, "E506");
}

TEST_F(DataTest, AnUnreadableFileIsDiagnosed) {
  write(folder / "locked.txt", "abc");
  std::filesystem::permissions(folder / "locked.txt", std::filesystem::perms::none);
  std::filesystem::permissions(folder.path, std::filesystem::perms(0755));
  uid_t user = geteuid();
  constexpr uid_t kNobody = 65534;
  if (user == 0) // root reads everything
    ASSERT_EQ(seteuid(kNobody), 0);
  Error error = errorOf(source("bytes", {"locked.txt"}));
  if (user == 0)
    ASSERT_EQ(seteuid(user), 0);
  EXPECT_EQ(error.code, "E501");
  EXPECT_THAT(error.message, HasSubstr("Permission denied"));
}

TEST_F(DataTest, TokensWiden) {
  write(folder / "t.bin", std::string("\x01\x00\xff\xff\x03\x00", 6));
  DataSource tokens = source("tokens", {"t.bin"}, "u16");
  EXPECT_THAT(fill<int32_t>(tokens, port(Type::I32, {3})), ElementsAre(1, 65535, 3));
  EXPECT_THAT(fill<int64_t>(tokens, port(Type::I64, {1, 3})), ElementsAre(1, 65535, 3));
  EXPECT_THAT(fill<uint8_t>(source("tokens", {"t.bin"}, "u8"), port(Type::U8, {6})),
              ElementsAre(1, 0, 255, 255, 3, 0));
  write(folder / "i.bin", std::string("\xfe\xff\xff\xff", 4));
  EXPECT_THAT(fill<int64_t>(source("tokens", {"i.bin"}, "i32"), port(Type::I64, {1})), ElementsAre(-2));
}

TEST_F(DataTest, BadTokensAreDiagnosed) {
  write(folder / "t.bin", "12345");
  EXPECT_EQ(errorOf(source("tokens", {"missing.bin"}, "u16")).code, "E501");
  EXPECT_THAT(errorOf(source("tokens", {"t.bin"}, "u16")).message,
              HasSubstr("whole tokens, found 5 bytes of u16"));
  EXPECT_EQ(errorOf(source("tokens", {"t.bin"}, "f32")).code, "E506");
  EXPECT_EQ(errorOf(source("tokens", {"t.bin"}, "u8"), port(Type::I32, {6})).code, "E503");
  write(folder / "empty.bin", "");
  EXPECT_EQ(errorOf(source("tokens", {"empty.bin"}, "u8")).code, "E502");
  write(folder / "8.bin", "12345678");
  EXPECT_THAT(errorOf(source("tokens", {"8.bin"}, "i64"), port(Type::I32, {1})).message,
              HasSubstr("must hold every token of its source, found i64 tokens"));
}

TEST_F(DataTest, RowsOfArraysStayTogether) {
  std::vector<float> images(20 * 3);
  std::vector<int32_t> labels(20);
  for (int i = 0; i < 20; ++i) {
    labels[i] = i;
    for (int j = 0; j < 3; ++j)
      images[3 * i + j] = static_cast<float>(i);
  }
  DataSource x = source("npy", {npy("x.npy", {Type::F32, {20, 3}, {}}, images)});
  DataSource y = source("npy", {npy("y.npy", {Type::I32, {20}, {}}, labels)});
  auto rows = fill<float>(x, port(Type::F32, {8, 3}), 3, 9);
  auto marks = fill<int32_t>(y, port(Type::I32, {8}), 3, 9);
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(rows[3 * i + 2], static_cast<float>(marks[i]));
  EXPECT_THAT(fill<int32_t>(y, port(Type::I32, {3}, true), 0, 6), ElementsAre(18, 19, 0));
  auto windows = fill<int32_t>(y, port(Type::I32, {2, 4}), 0, 0);
  EXPECT_EQ(windows[3], windows[0] + 3);
  EXPECT_THAT(fill<int32_t>(y, port(Type::I32, {2, 4}, true)), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST_F(DataTest, RowsInOrderAreReadWhereTheyLie) {
  std::vector<float> values(20 * 3);
  std::iota(values.begin(), values.end(), 0.0F);
  auto opened = Dataset::open(source("npy", {npy("x.npy", {Type::F32, {20, 3}, {}}, values)}));
  ASSERT_TRUE(opened.ok());
  const Dataset &data = **opened;
  auto view = [&](const Port &input, int64_t step) {
    return data.view(input, InputPart::of(input, Mesh(), 0), 0, step);
  };
  auto *rows = static_cast<const float *>(view(port(Type::F32, {8, 3}, true), 1));
  ASSERT_NE(rows, nullptr);
  EXPECT_TRUE(std::equal(rows, rows + 24, values.begin() + 24));
  EXPECT_EQ(view(port(Type::F32, {8, 3}, true), 2), nullptr); // round the end
  EXPECT_EQ(view(port(Type::F32, {8, 3}), 1), nullptr);       // at random
}

// What ranks read together is what one rank reads, of every kind of source and however they share it.
TEST_F(DataTest, PartsAreThoseOfTheWhole) {
  std::string letters;
  for (int i = 0; i < 997; ++i)
    letters += static_cast<char>(i * 31 % 251);
  DataSource bytes = source("bytes", {write(folder / "b", letters)});
  DataSource tokens = source("tokens", {write(folder / "t", letters + letters.substr(0, 1))});
  tokens.option = "u16";
  std::vector<float> numbers(50 * 6);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  DataSource rows = source("npy", {npy<float>("r.npy", {Type::F32, {50, 2, 3}, {}}, numbers)});
  DataSource line = source("npy", {npy<float>("l.npy", {Type::F32, {300}, {}}, numbers)});
  DataSource drawn = source("synthetic", {});
  drawn.option = "normal";
  Mesh mesh = {"m", {{"a", 2}, {"b", 3}}};
  std::vector<DimSplit> dims = {
      {{{0, 2, 1}}, false}, {{{1, 3, 1}}, true}, {{{0, 2, 1}, {1, 3, 1}}, false}, {}};
  for (auto &[from, shape] : std::vector<std::pair<DataSource, Shape>>{{bytes, {Type::U8, {7, 5}, {}}},
                                                                       {bytes, {Type::U8, {9}, {}}},
                                                                       {tokens, {Type::I64, {5, 4, 3}, {}}},
                                                                       {rows, {Type::F32, {8, 2, 3}, {}}},
                                                                       {line, {Type::F32, {8, 4}, {}}},
                                                                       {line, {Type::F32, {9}, {}}},
                                                                       {drawn, {Type::F64, {3, 4, 5}, {}}}})
    for (bool ordered : {false, true})
      for (size_t dim = 0; dim < shape.sizes.size(); ++dim)
        for (const DimSplit &split : dims) {
          Port whole = port(shape.type, shape.sizes, ordered);
          auto opened = Dataset::open(from);
          ASSERT_TRUE(opened.ok() && (*opened)->check(whole).ok());
          std::vector<char> all(shape.bytes()), together(shape.bytes(), 0x55);
          (*opened)->fill(whole, 3, 2, all.data());
          for (int64_t rank = 0; rank < 6; ++rank) {
            Port mine = whole;
            mine.split = {shape, std::vector<DimSplit>(shape.sizes.size())};
            mine.split.dims[dim] = split;
            InputPart part = InputPart::of(mine, mesh, rank);
            std::vector<char> local(shape.bytes() * 2);
            (*opened)->fill(whole, part, 3, 2, local.data());
            if (const void *seen = (*opened)->view(whole, part, 3, 2))
              EXPECT_EQ(std::memcmp(seen, local.data(), part.blocks[0].size * shape.bytes() / shape.sizes[0]),
                        0);
            copyFromBlock(shape, part.blocks, local.data(), together.data());
          }
          EXPECT_EQ(together, all) << from.kind << " " << ordered << " " << dim;
        }
}

TEST_F(DataTest, BadArraysAreDiagnosed) {
  DataSource x = source("npy", {npy<float>("x.npy", {Type::F32, {2, 3}, {}}, {1, 2, 3, 4, 5, 6})});
  EXPECT_THAT(errorOf(x, port(Type::F64, {1, 3})).message,
              HasSubstr("must have the element type of its source"));
  EXPECT_THAT(errorOf(x, port(Type::F32, {1, 4})).message, HasSubstr("rows of an input must have the shape"));
  EXPECT_EQ(errorOf(x, port(Type::F32, {})).code, "E504");
  DataSource line = source("npy", {npy<float>("l.npy", {Type::F32, {2}, {}}, {1, 2})});
  EXPECT_EQ(errorOf(line, port(Type::F32, {1, 3})).code, "E503");
  DataSource none = source("npy", {npy<float>("n.npy", {Type::F32, {0, 3}, {}}, {})});
  EXPECT_EQ(errorOf(none, port(Type::F32, {1, 3})).code, "E502");
  EXPECT_EQ(errorOf(source("npy", {"missing.npy"})).code, "E501");
}

TEST_F(DataTest, SyntheticNumbers) {
  Port input = port(Type::F64, {4000});
  auto normal = fill<double>(source("synthetic", {}, "normal"), input, 1);
  double sum = 0, squares = 0;
  for (double value : normal) {
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 4000, 0, 0.06);
  EXPECT_NEAR(squares / 4000, 1, 0.1);
  for (float value : fill<float>(source("synthetic", {}, "uniform"), port(Type::F32, {4000}), 1))
    EXPECT_TRUE(value >= 0 && value < 1);
  DataSource integers = source("synthetic", {}, "integers");
  integers.below = 3;
  std::set<int32_t> seen;
  for (int32_t value : fill<int32_t>(integers, port(Type::I32, {100})))
    seen.insert(value);
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
  EXPECT_EQ(errorOf(integers, port(Type::F32, {1})).code, "E504");
  integers.below = 300;
  EXPECT_THAT(errorOf(integers, port(Type::U8, {1})).message, HasSubstr("found 300"));
}

//===-- .npy --------------------------------------------------------------===//

class NpyTest : public DataTest {
protected:
  std::string header(const std::string &dictionary, int major = 1) {
    std::string bytes = "\x93NUMPY";
    bytes += static_cast<char>(major);
    bytes += '\0';
    bytes += static_cast<char>(dictionary.size());
    bytes += std::string(major == 1 ? 1 : 3, '\0');
    return bytes + dictionary;
  }
  std::string errorFor(const std::string &bytes) {
    auto opened = Npy::open(write(folder / "a.npy", bytes));
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? "" : opened.error().code + " " + opened.error().message;
  }
};

TEST_F(NpyTest, RoundTripsEveryType) {
  std::vector<int64_t> zeros(6, 0);
  for (Type type : {Type::F32, Type::F64, Type::F16, Type::I8, Type::I32, Type::I64, Type::U8, Type::Bool})
    for (std::vector<int64_t> sizes : {std::vector<int64_t>{}, {6}, {2, 3}, {1, 2, 3}}) {
      ASSERT_TRUE(writeNpy(folder / "a.npy", {type, sizes, {}}, zeros.data()).ok());
      auto opened = Npy::open(folder / "a.npy");
      ASSERT_TRUE(opened.ok()) << opened.error().message;
      EXPECT_EQ(opened->shape().type, type);
      EXPECT_EQ(opened->shape().sizes, sizes);
    }
  uint16_t brains[] = {0x3f80, 0xbf80};
  ASSERT_TRUE(writeNpy(folder / "b.npy", {Type::BF16, {2}, {}}, brains).ok());
  auto opened = Npy::open(folder / "b.npy");
  EXPECT_EQ(opened->shape().type, Type::F32);
  float values[2];
  std::memcpy(values, opened->data(), sizeof(values));
  EXPECT_THAT(values, ElementsAre(1.0f, -1.0f));
}

TEST_F(NpyTest, ReadsVersions1To3) {
  for (int major : {1, 2, 3}) {
    write(folder / "a.npy",
          header("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n", major) + "abc");
    auto opened = Npy::open(folder / "a.npy");
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(std::string(opened->data(), 3), "abc");
  }
}

TEST_F(NpyTest, MalformedFilesAreDiagnosed) {
  const std::string good = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
  EXPECT_THAT(errorFor(""),
              HasSubstr("E505 a .npy file must be a valid array of format 1 to 3, found no magic"));
  EXPECT_THAT(errorFor("not an array at all"), HasSubstr("found no magic number"));
  EXPECT_THAT(errorFor(header(good, 4) + "abc"), HasSubstr("found format version 4"));
  EXPECT_THAT(errorFor(header(good).substr(0, 30)), HasSubstr("found a truncated header"));
  EXPECT_THAT(errorFor(header("{'descr': '|u1'}")), HasSubstr("found the header {'descr': '|u1'}"));
  EXPECT_THAT(errorFor(header("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}") + "abcd"),
              HasSubstr("elements of dtype '>f4'"));
  EXPECT_THAT(errorFor(header("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 3)}") + "abc"),
              HasSubstr("found Fortran order"));
  EXPECT_THAT(errorFor(header(good) + "ab"), HasSubstr("found 2 bytes of data where u8[3] takes 3"));
  EXPECT_THAT(errorFor(header("{'descr': '<f8', 'fortran_order': False, 'shape': "
                              "(999999999999999999, 999999999999999999)}")),
              HasSubstr("a shape whose size overflows"));
}

TEST_F(NpyTest, AFailedDumpIsDiagnosed) {
  Status status = writeNpy(folder / "no/such/folder.npy", {Type::U8, {1}, {}}, "a");
  EXPECT_EQ(status.error().code, "E507");
}

} // namespace
} // namespace cleave::rt
