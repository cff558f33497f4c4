#include "runtime/core/Ranks.h"

#include "test/unit/runtime/Programs.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

namespace cleave::rt {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace test;

constexpr int kBatch = 4, kOut = 5, kIn = 3;

// y[b, o] = sum over n of x[b, n] * w[o, n], for a block of b and of o.
template <int B, int O> void multiply(void *const *a, int64_t, int64_t) {
  auto *x = static_cast<float *>(a[0]), *w = static_cast<float *>(a[1]), *y = static_cast<float *>(a[2]);
  for (int b = 0; b < B; ++b)
    for (int o = 0; o < O; ++o) {
      y[b * O + o] = 0;
      for (int n = 0; n < kIn; ++n)
        y[b * O + o] += x[b * kIn + n] * w[o * kIn + n];
    }
}
template <int B, int O> void addUp(void *const *a, int64_t, int64_t) {
  auto *y = static_cast<float *>(a[0]);
  *static_cast<float *>(a[1]) = std::accumulate(y, y + B * O, 0.0f);
}
template <int B> void addRows(void *const *a, int64_t, int64_t) {
  auto *x = static_cast<float *>(a[0]), *g = static_cast<float *>(a[1]);
  for (int n = 0; n < kIn; ++n) {
    g[n] = 0;
    for (int b = 0; b < B; ++b)
      g[n] += x[b * kIn + n];
  }
}
// Two layers, of which the second has twice the first's.
template <int O> void update(void *const *a, int64_t, int64_t) {
  auto *g = static_cast<float *>(a[0]), *w = static_cast<float *>(a[1]);
  for (int i = 0; i < 2 * O * kIn; ++i)
    w[i] += g[i % kIn] * static_cast<float>(1 + i / (O * kIn));
}
// w[l, o, n] = the index of o in the whole, as a random number would have it.
template <int O> void fill(void *const *a, int64_t, int64_t) {
  int64_t first = *static_cast<int64_t *>(a[0]);
  for (int i = 0; i < 2 * O * kIn; ++i)
    static_cast<float *>(a[1])[i] = static_cast<float>(first + i / kIn % O);
}
void next(void *const *a, int64_t, int64_t) { ++*static_cast<int64_t *>(a[0]); }
void small(void *const *a, int64_t, int64_t) {
  *static_cast<bool *>(a[1]) = std::fabs(*static_cast<float *>(a[0])) < 1e6f;
}

Collective over(CollectiveKind kind, std::vector<AxisPart> parts, std::string name = "") {
  Collective it;
  it.kind = kind;
  it.over = std::move(parts);
  it.name = std::move(name);
  return it;
}

// What one rank runs: B of 4 rows of the batch, O of 5 outputs; all of them on a mesh of one rank.
// train(x) -> y = x w[0], loss = sum of y; w += sum of x over all rows.
template <int B, int O> std::shared_ptr<Program> part(int64_t dp, int64_t tp) {
  auto made = std::make_shared<Program>();
  Program &p = *made;
  p.mesh = {"grid", {{"dp", dp}, {"tp", tp}}};
  std::vector<AxisPart> onDp = {{0, dp, 1}}, onTp = {{1, tp, 1}}, onAll = {{0, dp, 1}, {1, tp, 1}};
  p.kernels = {{"multiply", multiply<B, O>},
               {"add_up", addUp<B, O>},
               {"add_rows", addRows<B>},
               {"update", update<O>},
               {"fill", fill<O>},
               {"next", next},
               {"small", small}};
  Shape w = {Type::F32, {2, O, kIn}, {"Layers", "Out", "In"}}, x = {Type::F32, {B, kIn}, {"Batch", "In"}};
  Shape y = {Type::F32, {B, O}, {"Batch", "Out"}}, g = {Type::F32, {kIn}, {"In"}};
  Shape counter = scalar(Type::I64), loss = scalar(Type::F32);
  p.states = {
      {"step", "counter", counter, 0},
      {"seed", "counter", counter, 8},
      {"net[*].w", "param", w, 64, {{Type::F32, {2, kOut, kIn}, {"Layers", "Out", "In"}}, {{}, {onTp}, {}}}}};
  p.stateBytes = 64 + w.bytes();
  Collective first = over(CollectiveKind::Offset, onTp);
  first.extent = kOut;
  p.collectives = {over(CollectiveKind::AllReduce, onAll, "loss"),
                   over(CollectiveKind::AllReduce, onDp, "d_w"), first};

  Operand state = at(Region::State, 64, w, {}, 0, "net[*].w"), offset = at(Region::Scratch, 0, counter);
  Entry init = {"init", {{"seed", counter, "", false, ""}}, {}, {}, {}, 8};
  init.instructions = {
      simple(Opcode::Copy, 0, {at(Region::Input, 0, counter), at(Region::State, 8, counter)}),
      simple(Opcode::Collective, 2, {offset}), launch(4, {offset, state}, 1)};

  Entry train = {"train",
                 {{"x", x, "rows", false, "m.dsl:2:3"}},
                 {{"loss", loss, "", false, ""}, {"y", y, "", false, ""}},
                 {},
                 {},
                 128};
  train.inputs[0].split = {{Type::F32, {kBatch, kIn}, {"Batch", "In"}}, {{onDp}, {}}};
  train.outputs[1].split = {{Type::F32, {kBatch, kOut}, {"Batch", "Out"}}, {{onDp}, {onTp}}};
  Operand in = at(Region::Input, 0, x), sum = at(Region::Output, 0, loss, {}, 0, "loss"),
          out = at(Region::Output, 0, y, {}, 1);
  Operand weight = at(Region::State, 64, {Type::F32, {O, kIn}, {}}), local = at(Region::Scratch, 0, loss);
  Operand rows = at(Region::Scratch, 64, g), truth = at(Region::Scratch, 32, scalar(Type::Bool));
  train.instructions = {launch(2, {in, rows}, 1),
                        simple(Opcode::Start, 1, {rows, rows}, 3),
                        launch(0, {in, weight, out}, 1, "m.dsl:4:5"),
                        launch(1, {out, local}, 1),
                        launch(6, {local, truth}, 1),
                        simple(Opcode::Assert, 0, {truth}),
                        simple(Opcode::Collective, 0, {local, sum}),
                        simple(Opcode::Guard, 0, {sum}),
                        simple(Opcode::Print, 0, {sum}),
                        simple(Opcode::Wait, 1, {rows, rows}, 3),
                        launch(3, {rows, state}, 1),
                        launch(5, {at(Region::State, 0, counter)}, 1)};
  train.instructions[5].text = "sums are small";
  train.instructions[8].text = "loss";
  p.entries = {init, train};
  return made;
}

std::shared_ptr<Program> withRows(std::shared_ptr<Program> program, const std::string &file, bool ordered) {
  program->data = {{"rows", "npy", {file}, "", "", 0, ""}};
  program->entries[1].inputs[0].ordered = ordered;
  return program;
}

std::vector<float> example(float first) {
  std::vector<float> x(kBatch * kIn);
  std::iota(x.begin(), x.end(), first);
  return x;
}

template <class Made> auto started(Made made) {
  EXPECT_TRUE(made.ok()) << made.error().message;
  EXPECT_TRUE((*made)->initialise(7).ok());
  return std::move(*made);
}

std::unique_ptr<Instance> one(std::shared_ptr<const Program> program = part<kBatch, kOut>(1, 1)) {
  InstanceOptions options;
  options.print = [](const std::string &) {};
  return started(Instance::create(std::move(program), nullptr, options));
}

RanksOptions quiet() {
  RanksOptions options;
  options.print = [](const std::string &) {};
  return options;
}

// Two rows of the batch, three or two of the outputs.
std::unique_ptr<Ranks> four(RanksOptions options = quiet()) {
  return started(Ranks::create({part<2, 3>(2, 2), part<2, 2>(2, 2)}, {0, 1, 0, 1}, nullptr, options));
}

template <class Runs> Status step(Runs &runs, const std::vector<float> &x) {
  int entry = *runs.program().entries[1].name.data() == 't' ? 1 : 0;
  if (Status status = runs.setInput(entry, "x", x.data(), x.size() * 4); !status)
    return status;
  return runs.run(entry);
}

std::vector<float> valuesOf(const Result<TensorView> &view) {
  EXPECT_TRUE(view.ok()) << view.error().message;
  return {view->as<float>(), view->as<float>() + view->shape.elements()};
}

TEST(Ranks, AreOneProgram) {
  auto all = four();
  auto alone = one();
  EXPECT_EQ(toString(all->program().states[2].shape), "f32[Layers = 2, Out = 5, In = 3]");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(step(*all, example(1.0f + i)).ok());
    ASSERT_TRUE(step(*alone, example(1.0f + i)).ok());
    for (const char *name : {"y", "loss"})
      EXPECT_EQ(valuesOf(all->output(1, name)), valuesOf(std::as_const(*alone).output(1, name))) << name;
    for (const char *path : {"net[*].w", "net[1].w"})
      EXPECT_EQ(valuesOf(all->state(path)), valuesOf(alone->state(path)));
    EXPECT_EQ(valuesOf(all->input(1, "x")), example(1.0f + i));
  }
  EXPECT_EQ(toString(all->output(1, "y")->shape), "f32[Batch = 4, Out = 5]");
  EXPECT_EQ(all->step(), 3);
  EXPECT_EQ(all->seed(), 7);
  std::vector<float> w(kOut * kIn, 2.5f);
  ASSERT_TRUE(all->setState("net[1].w", w.data(), w.size() * 4).ok());
  EXPECT_EQ(valuesOf(all->state("net[1].w")), w);
  EXPECT_EQ(all->setState("net[1].w", w.data(), 4).error().code, "E511");
  EXPECT_EQ(all->state("net[2].w").error().code, "E612");
}

TEST(Ranks, WhatOnePlanSavesAnyLoads) {
  TemporaryFolder folder;
  auto all = four();
  auto alone = one();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(step(*all, example(1.0f + i)).ok());
    ASSERT_TRUE(step(*alone, example(1.0f + i)).ok());
  }
  ASSERT_TRUE(all->save(folder / "ranks").ok());
  ASSERT_TRUE(alone->save(folder / "one").ok());
  EXPECT_EQ(read(folder / "ranks"), read(folder / "one"));
  auto other = started(Ranks::create({part<4, 3>(1, 2), part<4, 2>(1, 2)}, {0, 1}, nullptr, quiet()));
  ASSERT_TRUE(other->load(folder / "ranks").ok());
  EXPECT_EQ(valuesOf(other->state("net[*].w")), valuesOf(all->state("net[*].w")));
  EXPECT_EQ(other->step(), 2);
  ASSERT_TRUE(one()->load(folder / "ranks").ok());
  // A file that does not fit is one error, not one per rank.
  write(folder / "cut", read(folder / "one").substr(0, 300));
  Status status = all->load(folder / "cut");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E602");
  EXPECT_THAT(status.error().notes, testing::IsEmpty());
}

TEST(Ranks, EachReadsItsPartOfTheData) {
  TemporaryFolder folder;
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }";
  header.resize(118, ' ');
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(118) + '\0' + header;
  for (int i = 0; i < 30; ++i) {
    auto value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char *>(&value), 4);
  }
  std::string file = write(folder / "rows.npy", bytes);
  for (bool ordered : {false, true}) {
    auto all = started(
        Ranks::create({withRows(part<2, 3>(2, 2), file, ordered), withRows(part<2, 2>(2, 2), file, ordered)},
                      {0, 1, 0, 1}, nullptr, quiet()));
    auto alone = one(withRows(part<kBatch, kOut>(1, 1), file, ordered));
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(all->run(1).ok());
      ASSERT_TRUE(alone->run(1).ok());
      EXPECT_EQ(valuesOf(all->input(1, "x")), valuesOf(std::as_const(*alone).input(1, "x"))) << ordered << i;
      EXPECT_EQ(valuesOf(all->output(1, "loss")), valuesOf(std::as_const(*alone).output(1, "loss")));
    }
  }
}

TEST(Ranks, AFailureIsToldOnceWithItsRank) {
  auto all = four();
  // One rank's sum is too large.
  std::vector<float> x = example(1);
  x[2 * kIn] = 1e9f;
  Status status = step(*all, x);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E711");
  EXPECT_THAT(status.error().message, HasSubstr("found it false in step 0: sums are small"));
  EXPECT_THAT(status.error().notes, Contains("on rank 2 (dp = 1, tp = 0)"));
  // The ranks go on.
  ASSERT_TRUE(step(*all, example(1)).ok());
  EXPECT_EQ(all->step(), 1);
  // All see that the loss is not finite, and search together.
  x[2 * kIn] = 0;
  x[0] = NAN;
  std::vector<float> before = valuesOf(all->state("net[*].w"));
  RanksOptions lenient = quiet();
  lenient.allowNonFinite = true;
  all = four(lenient);
  EXPECT_EQ(step(*all, x).error().code, "E711"); // NaN is not small
}

TEST(Ranks, ANanIsFoundByAllTogether) {
  auto withoutAssert = [](std::shared_ptr<Program> program) {
    program->entries[1].instructions.erase(program->entries[1].instructions.begin() + 5);
    return program;
  };
  auto all = started(Ranks::create({withoutAssert(part<2, 3>(2, 2)), withoutAssert(part<2, 2>(2, 2))},
                                   {0, 1, 0, 1}, nullptr, quiet()));
  std::vector<float> x = example(1);
  x[3 * kIn] = NAN; // in what ranks 2 and 3 have
  Status status = step(*all, x);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E710");
  EXPECT_THAT(status.error().message, HasSubstr("found 'loss' not to be in step 0"));
  EXPECT_THAT(status.error().notes, Contains(HasSubstr("rank 2 (dp = 1, tp = 0): first: input 'x'")));
  ASSERT_TRUE(step(*all, example(1)).ok());
}

TEST(Ranks, WhatAllSayIsSaidOnce) {
  auto all = four();
  Status status = all->run(1); // the source has not been declared
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "E506");
  EXPECT_THAT(status.error().notes, testing::IsEmpty());
  EXPECT_EQ(all->setInput(1, "z", nullptr, 0).error().code, "E510");
  EXPECT_THAT(all->setInput(1, "x", nullptr, 8).error().message,
              HasSubstr("found 8 bytes for 'x', f32[Batch = 4, In = 3] of 48"));
}

TEST(Ranks, PrintOnceAndCountWhatTheyMove) {
  std::vector<std::string> lines;
  RanksOptions heard;
  heard.threadsPerRank = 1;
  heard.print = [&](const std::string &line) { lines.push_back(line); };
  auto all = four(heard);
  ASSERT_TRUE(step(*all, example(0)).ok());
  all->clearTraffic();
  ASSERT_TRUE(step(*all, example(0)).ok());
  EXPECT_EQ(lines.size(), 2u);
  EXPECT_EQ(all->threads(), 1);
  for (int64_t rank = 0; rank < 4; ++rank) {
    std::vector<std::string> moved;
    for (const Traffic &traffic : all->traffic(rank))
      moved.push_back(traffic.collective.name + " " + std::to_string(traffic.calls) + " " +
                      std::to_string(traffic.bytes));
    EXPECT_THAT(moved, testing::UnorderedElementsAre("loss 1 6", "d_w 1 12"));
  }
}

// y = 3 + 5 + 7: what a loop starts its next iteration ends.
TEST(Ranks, ACollectiveMayEndAnIterationLater) {
  auto made = std::make_shared<Program>();
  made->mesh = {"line", {{"x", 2}}};
  made->collectives = {over(CollectiveKind::AllReduce, {{0, 2, 1}})};
  auto add = [](void *const *a, int64_t, int64_t) {
    *static_cast<float *>(a[1]) += *static_cast<float *>(a[0]);
    *static_cast<float *>(a[2]) += 1;
  };
  auto zero = [](void *const *a, int64_t, int64_t) { *static_cast<float *>(a[0]) = 0; };
  made->kernels = {{"add", add}, {"zero", zero}};
  Shape one = {Type::F32, {1}, {"N"}};
  Operand x = at(Region::Scratch, 0, one), sum = at(Region::Scratch, 64, one), y = at(Region::Output, 0, one);
  Entry entry = {"main", {{"x", one, "", false, ""}}, {{"y", one, "", false, ""}}, {}, {}, 128};
  entry.inputs[0].split = {{Type::F32, {2}, {"N"}}, {{{{0, 2, 1}}, false}}};
  entry.instructions = {simple(Opcode::Copy, 0, {at(Region::Input, 0, one), x}),
                        launch(1, {y}, 1),
                        simple(Opcode::Start, 0, {x, sum}),
                        simple(Opcode::LoopBegin, 7, {}, 3),
                        simple(Opcode::Wait, 0, {x, sum}),
                        launch(0, {sum, y, x}, 2),
                        simple(Opcode::Start, 0, {x, sum}),
                        simple(Opcode::LoopEnd, 3),
                        simple(Opcode::Wait, 0, {x, sum})};
  made->entries = {entry};
  auto ranks = Ranks::create({made}, {}, nullptr);
  ASSERT_TRUE(ranks.ok()) << ranks.error().message;
  float values[] = {1, 2};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE((*ranks)->setInput(0, "x", values, sizeof(values)).ok());
    ASSERT_TRUE((*ranks)->run(0).ok());
    EXPECT_THAT(valuesOf((*ranks)->output(0, "y")), ElementsAre(15));
  }
}

TEST(Ranks, MustBeTheMeshs) {
  auto made = Ranks::create({part<2, 3>(2, 2)}, {0, 0, 0}, nullptr);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, "E715");
  EXPECT_THAT(made.error().message, HasSubstr("found 3 where it has [\"dp\" = 2, \"tp\" = 2]"));
  auto large = part<2, 3>(2, 2);
  large->mesh.axes.push_back({"pp", 4096});
  made = Ranks::create({large}, {}, nullptr);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().message,
              testing::MatchesRegex("the ranks of a mesh are started in this process, at most [0-9]+, found "
                                    "16384 in .*"));
}

TEST(Ranks, CanBePinned) {
  RanksOptions options = quiet();
  options.pinThreads = true;
  options.threadsPerRank = 2;
  auto all = four(options);
  EXPECT_EQ(all->threads(), 2);
  ASSERT_TRUE(step(*all, example(1)).ok());
}

} // namespace
} // namespace cleave::rt
