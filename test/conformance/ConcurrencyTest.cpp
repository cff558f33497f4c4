// What ranks do at once, or fail to do.
#include "test/conformance/Suite.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <gmock/gmock.h>
#include <map>
#include <mutex>
#include <random>
#include <thread>

namespace cleave::rt::test {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

class Concurrency : public Conformance {};

// Both axes of a mesh at once, started in one order and ended in another one on every rank.
TEST_P(Concurrency, GroupsOverlapInAnyOrder) {
  Mesh mesh = {"grid", {{"dp", 2}, {"tp", 3}}};
  std::vector<CollectiveCase> tests;
  for (int i = 0; i < 12; ++i) {
    Collective it = make(i % 3 ? CollectiveKind::AllReduce : CollectiveKind::AllGather, {});
    it.over = {i % 2 ? AxisPart{0, 2, 1} : AxisPart{1, 3, 1}};
    tests.push_back({mesh, it, Type::F32, {100 + 70 * i}});
  }
  GetParam().run(6, kTimeout, [&](Communicator &end) {
    std::mt19937 random(static_cast<unsigned>(end.rank()));
    std::vector<std::unique_ptr<Operation>> operations;
    std::vector<std::vector<char>> ins, outs;
    std::vector<size_t> order;
    for (const CollectiveCase &test : tests) {
      Shape in = test.in(end.rank()), out = test.out(end.rank());
      order.push_back(operations.size());
      operations.push_back(std::move(*end.prepare(mesh, test.collective, in, out)));
      ins.push_back(test.input(end.rank()));
      outs.emplace_back(out.bytes());
    }
    for (int round = 0; round < 10; ++round) {
      for (size_t i = 0; i < tests.size(); ++i) {
        std::fill(outs[i].begin(), outs[i].end(), static_cast<char>(round));
        ASSERT_TRUE(operations[i]->start(ins[i].data(), outs[i].data()).ok());
      }
      std::shuffle(order.begin(), order.end(), random);
      for (size_t i : order)
        ASSERT_TRUE(operations[i]->wait().ok());
      for (size_t i = 0; i < tests.size(); ++i)
        ASSERT_EQ(difference(tests[i], end.rank(), outs[i]), "");
    }
  });
}

// More at once than a group may have room for.
TEST_P(Concurrency, ManyAreStartedBeforeOneIsEnded) {
  Shape shape = {Type::I32, {2}, {"N"}};
  GetParam().run(2, kTimeout, [&](Communicator &end) {
    std::vector<std::unique_ptr<Operation>> operations;
    std::vector<std::array<int32_t, 2>> data(200);
    for (int32_t i = 0; i < 200; ++i) {
      auto made = end.prepare(lineOf(2), make(CollectiveKind::AllReduce, all(lineOf(2))), shape, shape);
      operations.push_back(std::move(*made));
      data[i] = {i, static_cast<int32_t>(end.rank())};
      ASSERT_TRUE(operations[i]->start(data[i].data(), data[i].data()).ok());
    }
    for (int32_t i = 200; i-- > 0;) {
      ASSERT_TRUE(operations[i]->wait().ok());
      ASSERT_EQ(data[i], (std::array<int32_t, 2>{2 * i, 1}));
    }
  });
}

// The end of a message, and not that of the wait for it.
TEST_P(Concurrency, SaysWhenAMessageWasThere) {
  auto now = [] {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  GetParam().run(2, kTimeout, [&](Communicator &end) {
    Shape shape = {Type::F32, {1000}, {"N"}};
    auto sum = end.prepare(lineOf(2), make(CollectiveKind::AllReduce, all(lineOf(2))), shape, shape);
    std::vector<float> data(1000);
    int early = 0;
    for (int round = 0; round < 6; ++round) {
      int64_t begin = now();
      ASSERT_TRUE((*sum)->start(data.data(), data.data()).ok());
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      int64_t waits = now();
      ASSERT_TRUE((*sum)->wait().ok());
      int64_t done = (*sum)->doneAt();
      EXPECT_TRUE(done == 0 || (done >= begin && done <= now()));
      early += done != 0 && done < waits;
    }
    EXPECT_TRUE(early > 0 || !GetParam().hasOwnThread);
  });
}

TEST_P(Concurrency, MoreRanksThanProcessors) {
  Mesh mesh = {"big", {{"a", 4}, {"b", 4}}};
  std::vector<CollectiveCase> tests;
  for (int i = 0; i < 30; ++i)
    tests.push_back(
        {mesh, make(CollectiveKind::AllReduce, {{static_cast<uint32_t>(i % 2), 4, 1}}), Type::F32, {257}});
  expectRight(tests, 3);
}

TEST_P(Concurrency, SendAndReceiveAlongAChainAndBack) {
  Shape shape = {Type::F32, {1000}, {"N"}};
  Mesh mesh = {"grid", {{"stage", 3}, {"dp", 2}}};
  GetParam().run(6, kTimeout, [&](Communicator &end) {
    int64_t stage = coordinate(mesh, end.rank(), 0), dp = coordinate(mesh, end.rank(), 1);
    auto link = [&](CollectiveKind kind, int64_t from, int64_t to) {
      Collective it = make(kind, {{0, 3, 1}});
      it.pairs = {{from, to}};
      return std::move(*end.prepare(mesh, it, shape, shape));
    };
    std::vector<float> data(1000), more(1000);
    for (int round = 0; round < 10; ++round) {
      auto first = static_cast<float>(round + 10 * dp);
      std::fill(data.begin(), data.end(), stage == 0 ? first : -1.0f);
      if (stage > 0)
        ASSERT_TRUE(link(CollectiveKind::Recv, stage - 1, stage)->run(nullptr, data.data()).ok());
      std::transform(data.begin(), data.end(), more.begin(), [](float x) { return x + 1; });
      if (stage < 2) {
        auto there = link(CollectiveKind::Send, stage, stage + 1);
        auto back = link(CollectiveKind::Recv, stage + 1, stage);
        ASSERT_TRUE(there->start(more.data(), nullptr).ok());
        ASSERT_TRUE(back->start(nullptr, data.data()).ok());
        ASSERT_TRUE(back->wait().ok());
        ASSERT_TRUE(there->wait().ok());
      } else {
        data = more;
      }
      if (stage > 0)
        ASSERT_TRUE(link(CollectiveKind::Send, stage, stage - 1)->run(data.data(), nullptr).ok());
      EXPECT_EQ(data[999], first + 3);
    }
  });
}

// Messages of two ranks of which rank 1 does something else; those of this process.
std::vector<std::string> mismatch(const CommunicatorKind &kind,
                                  const std::function<void(Collective &, Shape &)> &change) {
  std::map<int64_t, std::string> messages;
  std::mutex mutex;
  kind.run(2, kTimeout, [&](Communicator &end) {
    Collective it = make(CollectiveKind::AllReduce, all(lineOf(2)));
    it.name = "d_w";
    Shape shape = {Type::F32, {8}, {"N"}};
    if (end.rank() == 1)
      change(it, shape);
    std::vector<char> in(64), out(64);
    auto made = end.prepare(lineOf(2), it, shape, shape);
    Status status = (*made)->run(in.data(), out.data());
    std::lock_guard<std::mutex> lock(mutex);
    messages[end.rank()] = status ? "" : status.error().code + ": " + status.error().message;
  });
  std::vector<std::string> all;
  for (const auto &[rank, message] : messages)
    all.push_back(message);
  return all;
}

TEST_P(Concurrency, DifferentCollectivesAreFound) {
  using Change = std::function<void(Collective &, Shape &)>;
  EXPECT_THAT(mismatch(GetParam(), [](Collective &, Shape &) {}), Each(""));
  for (const Change &change : {Change([](Collective &it, Shape &) { it.kind = CollectiveKind::Broadcast; }),
                               Change([](Collective &it, Shape &) { it.reduction = Reduction::Max; }),
                               Change([](Collective &, Shape &shape) { shape.sizes = {7}; }),
                               Change([](Collective &, Shape &shape) { shape.type = Type::I32; })})
    EXPECT_THAT(mismatch(GetParam(), change),
                Each(HasSubstr("E716: the members of a group must start the same collectives, found rank 0 "
                               "at all_reduce 'd_w' of f32[N = 8] over \"x\" and rank 1 at ")));
}

TEST_P(Concurrency, AMissingMemberIsNamed) {
  GetParam().run(3, 0.3, [&](Communicator &end) {
    Shape shape = {Type::F32, {8}, {"N"}};
    Collective it = make(CollectiveKind::AllReduce, all(lineOf(3)));
    it.name = "loss";
    std::vector<float> data(8);
    auto made = end.prepare(lineOf(3), it, shape, shape);
    ASSERT_TRUE((*made)->run(data.data(), data.data()).ok());
    if (end.rank() == 1)
      return; // and never comes again
    Status status = (*made)->run(data.data(), data.data());
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, "E716");
    EXPECT_THAT(status.error().message,
                HasSubstr("must be reached by all its members within 0.3 s, found rank 1 missing at "
                          "all_reduce 'loss' of f32[N = 8] over \"x\", where rank "));
    EXPECT_THAT(status.error().notes,
                ElementsAre("rank 1 has last started all_reduce 'loss' of f32[N = 8] over \"x\""));
  });
}

TEST_P(Concurrency, AFailingRankReleasesTheOthers) {
  GetParam().run(3, kTimeout, [&](Communicator &end) {
    if (end.rank() == 2) {
      end.fail({"E710", "the loss is nan", "", {}, ""});
      return;
    }
    Shape shape = {Type::F32, {8}, {"N"}};
    std::vector<float> data(8);
    auto made = end.prepare(lineOf(3), make(CollectiveKind::AllReduce, all(lineOf(3))), shape, shape);
    Status status = (*made)->run(data.data(), data.data());
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, "E716");
    EXPECT_THAT(status.error().message,
                HasSubstr("needs all its members, found that rank 2 has failed, at all_reduce"));
    EXPECT_THAT(status.error().notes, ElementsAre("E710: the loss is nan"));
  });
}

// As the watch between processes does: by another thread, while a rank waits.
TEST_P(Concurrency, ALostRankReleasesTheOthers) {
  GetParam().run(3, kTimeout, [&](Communicator &end) {
    if (end.rank() == 1)
      return; // and never comes
    Shape shape = {Type::F32, {8}, {"N"}};
    std::vector<float> data(8);
    auto made = end.prepare(lineOf(3), make(CollectiveKind::AllReduce, all(lineOf(3))), shape, shape);
    std::thread watch([&end] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      end.lose(1, {"E738", "its process has died", "", {}, ""});
    });
    Status status = (*made)->run(data.data(), data.data());
    watch.join();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, "E716");
    EXPECT_THAT(status.error().message,
                HasSubstr("needs all its members, found that rank 1 has failed, at all_reduce"));
    EXPECT_THAT(status.error().notes, ElementsAre("E738: its process has died"));
  });
}

TEST_P(Concurrency, AMeshOfAnotherSizeIsRefused) {
  GetParam().run(2, kTimeout, [&](Communicator &end) {
    Shape shape = {Type::F32, {8}, {"N"}};
    auto made = end.prepare(lineOf(3), make(CollectiveKind::AllReduce, all(lineOf(3))), shape, shape);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code, "E715");
    EXPECT_THAT(made.error().message, HasSubstr("found 2 where it has [\"x\" = 3]"));
  });
}

INSTANTIATE_TEST_SUITE_P(Communicators, Concurrency, testing::ValuesIn(communicators()),
                         [](const auto &info) { return info.param.name; });

} // namespace
} // namespace cleave::rt::test
