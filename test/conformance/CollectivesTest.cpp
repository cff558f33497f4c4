// What every collective must give: Oracle.h says what is right.
#include "runtime/device/cpu/ThreadPool.h"
#include "test/conformance/Suite.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace cleave::rt::test {
namespace {

TEST_P(Conformance, EveryTypeAndReduction) {
  for (int64_t ranks : {1, 2, 3, 4}) {
    std::vector<CollectiveCase> tests;
    for (CollectiveKind kind :
         {CollectiveKind::AllReduce, CollectiveKind::ReduceScatter, CollectiveKind::Only})
      for (Type type : kTypes)
        for (Reduction reduction : kReductions) {
          Collective it = make(kind, all(lineOf(ranks)));
          it.reduction = reduction;
          it.dim = 1;
          tests.push_back({lineOf(ranks), it, type, {3, 11, 7}});
        }
    expectRight(tests);
  }
}

TEST_P(Conformance, EveryKindMovesEveryType) {
  for (int64_t ranks : {1, 2, 3, 5}) {
    std::vector<CollectiveCase> tests;
    for (CollectiveKind kind :
         {CollectiveKind::AllGather, CollectiveKind::AllToAll, CollectiveKind::Permute,
          CollectiveKind::Broadcast, CollectiveKind::Slice, CollectiveKind::Halo, CollectiveKind::Offset})
      for (Type type : kTypes)
        for (bool padded : {false, true}) {
          Collective it = make(kind, all(lineOf(ranks)));
          it.dim = 1;
          it.dim2 = 2;
          it.padded = padded;
          it.fill = 1;
          it.root = ranks - 1;
          it.low = 2;
          it.high = 1;
          for (int64_t member = 0; member + 1 < ranks; ++member)
            it.pairs.push_back({member, member + 1});
          tests.push_back({lineOf(ranks), it, type, {3, 11, 7}});
        }
    expectRight(tests);
  }
}

TEST_P(Conformance, SizesFromNothingToLarge) {
  for (int64_t ranks : {2, 3}) {
    std::vector<CollectiveCase> tests;
    for (int64_t size : {0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 1023, 4096, 4097, 20'003})
      for (CollectiveKind kind : {CollectiveKind::AllReduce, CollectiveKind::ReduceScatter,
                                  CollectiveKind::AllGather, CollectiveKind::Broadcast})
        for (Type type : {Type::F32, Type::BF16})
          tests.push_back({lineOf(ranks), make(kind, all(lineOf(ranks))), type, {size}});
    expectRight(tests);
  }
  expectRight({{lineOf(2), make(CollectiveKind::AllReduce, all(lineOf(2))), Type::F64, {}}});
}

// More than the caches hold; what the oracle says is checked here and there.
TEST_P(Conformance, BeyondTheCaches) {
  constexpr int64_t kSize = 6'000'001;
  Shape shape = {Type::F32, {kSize}, {"N"}};
  GetParam().run(2, kTimeout, [&](Communicator &end) {
    auto sum = end.prepare(lineOf(2), make(CollectiveKind::AllReduce, all(lineOf(2))), shape, shape);
    std::vector<float> in(kSize), out(kSize);
    auto value = [](int64_t rank, int64_t i) { return static_cast<float>((i * 7 + rank * 1001) % 4099); };
    for (int64_t i = 0; i < kSize; ++i)
      in[i] = value(end.rank(), i);
    ASSERT_TRUE((*sum)->run(in.data(), out.data()).ok());
    for (int64_t i = 0; i < kSize; ++i)
      ASSERT_EQ(out[i], value(0, i) + value(1, i)) << i;
  });
}

TEST_P(Conformance, HalosReachOverSeveralMembersAndCut) {
  std::vector<CollectiveCase> tests;
  using Widths = std::pair<int64_t, int64_t>;
  for (auto [low, high] : {Widths{0, 0}, {1, 0}, {0, 3}, {5, 4}, {20, 20}, {-1, 2}, {1, -1}})
    for (bool padded : {false, true})
      for (int64_t extent : {8, 9, 11}) {
        Collective it = make(CollectiveKind::Halo, all(lineOf(4)));
        it.dim = 1;
        it.low = low;
        it.high = high;
        it.padded = padded;
        it.fill = -2.5;
        tests.push_back({lineOf(4), it, Type::F32, {2, extent, 3}});
      }
  expectRight(tests);
}

// 1 to 3 axes of 12 ranks at most.
Mesh randomMesh(std::mt19937 &random) {
  Mesh mesh = {"m", {}};
  for (int64_t axes = 1 + random() % 3; axes > 0; --axes)
    mesh.axes.push_back({"a" + std::to_string(axes), std::vector<int64_t>{1, 2, 2, 3, 4}[random() % 5]});
  while (mesh.ranks() > 12)
    mesh.axes.pop_back();
  return mesh;
}

CollectiveCase randomCase(const Mesh &mesh, std::mt19937 &random) {
  auto below = [&](int64_t bound) { return static_cast<int64_t>(random() % bound); };
  std::vector<AxisPart> parts; // the whole mesh; an axis of 4 as two parts
  for (uint32_t i = 0; i < mesh.axes.size(); ++i)
    if (mesh.axes[i].size == 4 && below(2))
      parts.insert(parts.end(), {{i, 2, 2}, {i, 2, 1}});
    else
      parts.push_back({i, mesh.axes[i].size, 1});
  std::shuffle(parts.begin(), parts.end(), random);
  parts.resize(below(static_cast<int64_t>(parts.size()) + 1));
  constexpr CollectiveKind kKinds[] = {CollectiveKind::AllReduce, CollectiveKind::ReduceScatter,
                                       CollectiveKind::AllGather, CollectiveKind::AllToAll,
                                       CollectiveKind::Permute,   CollectiveKind::Broadcast,
                                       CollectiveKind::Slice,     CollectiveKind::Halo};
  Collective it = make(kKinds[below(8)], parts);
  int64_t dims = 2 + below(3), members = membersOf(it.over);
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < dims; ++i)
    sizes.push_back(1 + below(7) + (below(2) ? members : 0));
  it.dim = below(dims);
  it.dim2 = (it.dim + 1 + below(dims - 1)) % dims;
  it.reduction = kReductions[below(4)];
  it.padded = below(2);
  it.fill = 3;
  it.low = below(3);
  it.high = below(4);
  it.root = below(members);
  for (int64_t member = 0; member < members; ++member)
    if (below(3))
      it.pairs.push_back({below(members), member});
  return {mesh, it, kTypes[below(9)], sizes};
}

// Whole axes and parts of them in any order, any dim, uneven and padded blocks, empty ones too.
TEST_P(Conformance, RandomCasesOnRandomMeshes) {
  std::mt19937 random(1);
  for (int round = 0; round < 25; ++round) {
    Mesh mesh = randomMesh(random);
    std::vector<CollectiveCase> tests;
    for (int i = 0; i < 24; ++i)
      tests.push_back(randomCase(mesh, random));
    expectRight(tests, 1);
  }
}

TEST_P(Conformance, AllReduceInPlace) {
  CollectiveCase test(lineOf(3), make(CollectiveKind::AllReduce, all(lineOf(3))), Type::F16, {5000});
  GetParam().run(3, kTimeout, [&](Communicator &end) {
    auto made = end.prepare(test.mesh, test.collective, test.in(end.rank()), test.out(end.rank()));
    std::vector<char> data = test.input(end.rank());
    EXPECT_TRUE((*made)->run(data.data(), data.data()).ok());
    EXPECT_EQ(difference(test, end.rank(), data), "");
  });
}

// Each rank's block lies in the whole already.
TEST_P(Conformance, AllGatherInPlace) {
  for (int64_t block : {5, 5000, 300000}) {
    CollectiveCase test(lineOf(3), make(CollectiveKind::AllGather, all(lineOf(3))), Type::F32,
                        {3 * block, 2});
    GetParam().run(3, kTimeout, [&](Communicator &end) {
      auto made = end.prepare(test.mesh, test.collective, test.in(end.rank()), test.out(end.rank()));
      std::vector<char> mine = test.input(end.rank()), data(test.out(end.rank()).bytes());
      char *own = data.data() + end.rank() * static_cast<int64_t>(mine.size());
      std::copy(mine.begin(), mine.end(), own);
      EXPECT_TRUE((*made)->run(own, data.data()).ok());
      EXPECT_EQ(difference(test, end.rank(), data), "");
    });
  }
}

TEST_P(Conformance, ANanStaysANan) {
  for (Reduction reduction : kReductions)
    GetParam().run(3, kTimeout, [&](Communicator &end) {
      Collective it = make(CollectiveKind::AllReduce, all(lineOf(3)));
      it.reduction = reduction;
      Shape shape = {Type::F32, {3}, {"N"}};
      auto made = end.prepare(lineOf(3), it, shape, shape);
      float data[3] = {1, 2, 3};
      data[end.rank()] = NAN;
      EXPECT_TRUE((*made)->run(data, data).ok());
      for (float value : data)
        EXPECT_TRUE(std::isnan(value)) << nameOf(reduction);
    });
}

TEST_P(Conformance, BitsAreTheSameInEveryRunAndWithAnyThreads) {
  Mesh mesh = lineOf(3);
  CollectiveCase sum(mesh, make(CollectiveKind::AllReduce, all(mesh)), Type::F32, {100'001});
  CollectiveCase scatter(mesh, make(CollectiveKind::ReduceScatter, all(mesh)), Type::BF16, {301, 301});
  for (int threads : {1, 3})
    GetParam().run(3, kTimeout, [&](Communicator &end) {
      ThreadPool pool(threads);
      end.setThreads(&pool);
      EXPECT_EQ(runOne(sum, end, 3), "");
      EXPECT_EQ(runOne(scatter, end, 3), "");
      end.setThreads(nullptr);
    });
}

TEST_P(Conformance, BytesAreCountedByTheConvention) {
  Mesh mesh = lineOf(4);
  GetParam().run(4, kTimeout, [&](Communicator &end) {
    auto bytes = [&](CollectiveKind kind, bool padded, std::vector<int64_t> sizes) {
      Collective it = make(kind, all(mesh));
      it.padded = padded;
      it.dim2 = 1;
      it.low = 1;
      it.high = 2;
      it.pairs = {{0, 1}, {0, 2}, {3, 3}};
      CollectiveCase test(mesh, it, Type::F32, std::move(sizes));
      end.clearTraffic();
      EXPECT_EQ(runOne(test, end, 2), "");
      Traffic last = end.traffic().back();
      EXPECT_EQ(last.calls, 2);
      EXPECT_EQ(last.bytes, last.calls * last.bytesPerCall);
      return last.bytesPerCall;
    };
    int64_t rank = end.rank();
    EXPECT_EQ(bytes(CollectiveKind::AllReduce, false, {100, 1}), 2 * 400 * 3 / 4);
    EXPECT_EQ(bytes(CollectiveKind::ReduceScatter, false, {10, 5}), 200 * 3 / 4);
    EXPECT_EQ(bytes(CollectiveKind::ReduceScatter, true, {10, 5}), 12 * 20 * 3 / 4);
    EXPECT_EQ(bytes(CollectiveKind::AllGather, true, {10, 5}), 12 * 20 * 3 / 4);
    EXPECT_EQ(bytes(CollectiveKind::AllToAll, false, {8, 12}), 8 * 3 * 4 * 3 / 4);
    EXPECT_EQ(bytes(CollectiveKind::Broadcast, false, {100, 1}), rank == 0 ? 400 : 0);
    EXPECT_EQ(bytes(CollectiveKind::Permute, false, {100, 1}), rank == 0 ? 800 : 0);
    // Two elements go down and one goes up, but for the ends.
    EXPECT_EQ(bytes(CollectiveKind::Halo, false, {8, 3}), ((rank > 0 ? 2 : 0) + (rank < 3 ? 1 : 0)) * 12);
  });
}

INSTANTIATE_TEST_SUITE_P(Communicators, Conformance, testing::ValuesIn(communicators()),
                         [](const auto &info) { return info.param.name; });

} // namespace
} // namespace cleave::rt::test
