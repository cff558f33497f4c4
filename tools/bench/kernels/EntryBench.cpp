// What a call of an entry costs beside its kernels: data, addresses, the list, the pool.
//
//   bench-entries [--benchmark_filter=...]     CLEAVE_BENCH_THREADS=2
#include "runtime/core/Ranks.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace cleave::bench {
namespace {

using namespace cleave::rt;

constexpr int kStates = 64;

Operand scalar(Region region, int64_t offset, uint32_t slot = 0) {
  return {{region, slot, offset, {}}, {Type::F32, {}, {}}, "", ""};
}

/// y = x + 1 by `launches` kernels of `rows` rows, in an instance of 64 states.
std::unique_ptr<Instance> makeInstance(int launches, int64_t rows) {
  auto program = std::make_shared<Program>();
  auto add = [](void *const *arguments, int64_t begin, int64_t) {
    if (begin == 0)
      *static_cast<float *>(arguments[1]) = *static_cast<float *>(arguments[0]) + 1;
  };
  Kernel kernel;
  kernel.name = "add";
  kernel.function = add;
  kernel.rows = rows;
  program->kernels = {kernel};
  for (int i = 0; i < kStates; ++i)
    program->states.push_back(
        {"model.decoder.weight" + std::to_string(i), "param", {Type::F32, {}, {}}, 64 * i});
  program->states.push_back({"seed", "counter", {Type::I64, {}, {}}, int64_t{64} * kStates});
  program->states.push_back({"step", "counter", {Type::I64, {}, {}}, int64_t{64} * kStates + 64});
  program->stateBytes = int64_t{64} * kStates + 128;
  Entry entry;
  entry.name = "apply";
  entry.inputs = {{"x", {Type::F32, {}, {}}, "", false, ""}};
  entry.outputs = {{"y", {Type::F32, {}, {}}, "", false, ""}};
  for (int i = 0; i < launches; ++i) {
    Instruction launch;
    launch.outputs = 1;
    launch.operands = {scalar(Region::Input, 0), scalar(Region::Output, 0)};
    entry.instructions.push_back(launch);
  }
  Instruction guard;
  guard.op = Opcode::Guard;
  guard.operands = {scalar(Region::Output, 0)};
  entry.instructions.push_back(guard);
  program->entries = {entry};
  InstanceOptions options;
  const char *threads = std::getenv("CLEAVE_BENCH_THREADS");
  options.threads = threads ? std::atoi(threads) : 2;
  auto instance = Instance::create(program, nullptr, options);
  if (!instance) {
    std::fprintf(stderr, "%s\n", instance.error().message.c_str());
    std::exit(1);
  }
  return std::move(*instance);
}

void runEntry(benchmark::State &state) {
  auto instance = makeInstance(static_cast<int>(state.range(0)), state.range(1));
  float x = 1;
  if (!instance->bindInput(0, "x", &x, sizeof(x)))
    std::abort();
  for (auto _ : state)
    benchmark::DoNotOptimize(instance->run(0));
}
BENCHMARK(runEntry)
    ->Name("entry/launches,rows")
    ->Args({1, 1})
    ->Args({20, 1})
    ->Args({1, 2})
    ->Args({20, 2})
    ->UseRealTime();

/// All by name, values copied: as an application calls.
void runByName(benchmark::State &state) {
  auto instance = makeInstance(1, 1);
  float x = 1, sum = 0;
  for (auto _ : state) {
    if (!instance->setInput("apply", "x", &x, sizeof(x)) || !instance->run("apply"))
      std::abort();
    sum += *instance->output("apply", "y")->as<float>();
  }
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(runByName)->Name("entry by name")->UseRealTime();

/// The workers sleep when the call comes.
void runAfterSleep(benchmark::State &state) {
  auto instance = makeInstance(1, state.range(0));
  float x = 1;
  if (!instance->bindInput(0, "x", &x, sizeof(x)))
    std::abort();
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(instance->run(0));
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
}
BENCHMARK(runAfterSleep)->Name("entry after sleep/rows")->Arg(1)->Arg(2)->UseManualTime()->Iterations(500);

constexpr int kActions = 1000;

/// One entry of kActions instructions of a kind, for a mesh of so many ranks.
std::shared_ptr<const Program> makeActions(Opcode kind, int64_t rows, int64_t ranks) {
  auto program = std::make_shared<Program>();
  Kernel kernel;
  kernel.name = "nothing";
  kernel.function = [](void *const *, int64_t, int64_t) {};
  kernel.rows = rows;
  program->kernels = {kernel};
  program->mesh = {"line", {{"x", ranks}}};
  Collective sum;
  sum.over = {{0, ranks, 1}};
  program->collectives = {sum};
  program->states = {{"seed", "counter", {Type::I64, {}, {}}, 0},
                     {"step", "counter", {Type::I64, {}, {}}, 64}};
  program->stateBytes = 128;
  Entry entry;
  entry.name = "apply";
  entry.scratchBytes = program->scratchBytes = 128;
  Instruction action;
  action.op = kind;
  action.outputs = 1;
  action.operands = {scalar(Region::Scratch, 0), scalar(Region::Scratch, 64)};
  entry.instructions.assign(kActions, action);
  program->entries = {entry};
  return program;
}

/// What one instruction takes whose work is nothing, or one number.
void runActions(benchmark::State &state, Opcode kind, int threads, int64_t ranks) {
  RanksOptions options;
  options.threadsPerRank = threads;
  auto made = Ranks::create({makeActions(kind, threads, ranks)}, {}, nullptr, options);
  if (!made) {
    std::fprintf(stderr, "%s\n", made.error().message.c_str());
    std::exit(1);
  }
  for (auto _ : state)
    if (Status status = (*made)->run(0); !status) {
      std::fprintf(stderr, "%s\n", status.error().message.c_str());
      std::exit(1);
    }
  state.SetItemsProcessed(state.iterations() * kActions);
}
BENCHMARK_CAPTURE(runActions, launch, Opcode::Launch, 1, 1)->Name("action/launch")->UseRealTime();
BENCHMARK_CAPTURE(runActions, shared, Opcode::Launch, 2, 1)
    ->Name("action/launch on two threads")
    ->UseRealTime();
BENCHMARK_CAPTURE(runActions, copy, Opcode::Copy, 1, 1)->Name("action/copy")->UseRealTime();
BENCHMARK_CAPTURE(runActions, sum, Opcode::Collective, 1, 2)
    ->Name("action/all_reduce of two ranks")
    ->UseRealTime();

} // namespace
} // namespace cleave::bench

BENCHMARK_MAIN();
