// What collectives of `local` take, beside a copy of as many bytes on the same threads, in the same buffers
// and in the same run.
//
//   bench-collectives [RANKS] [SECONDS per size]
//
// An all-reduce of n tensors of S bytes reads and writes 2 n S bytes at least, as much as when every rank
// copies its own: the limit is the time of that copy. Rounds of both alternate; the least of each counts.
#include "runtime/comm/local/Local.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>

using namespace cleave::rt;

namespace {

using Clock = std::chrono::steady_clock;

struct Row {
  const char *name;
  CollectiveKind kind;
};
constexpr Row kRows[] = {{"all_reduce", CollectiveKind::AllReduce},
                         {"reduce_scatter", CollectiveKind::ReduceScatter},
                         {"all_gather", CollectiveKind::AllGather},
                         {"all_to_all", CollectiveKind::AllToAll}};
constexpr size_t kCount = sizeof(kRows) / sizeof(kRows[0]);

// Microseconds of one call, the least of all rounds.
struct Times {
  double copy = 1e30;
  double collectives[kCount];
  Times() { std::fill(collectives, collectives + kCount, 1e30); }
};

Shape shapeOf(const Row &row, bool in, int64_t elements, int64_t ranks) {
  int64_t block = elements / ranks;
  if (row.kind == CollectiveKind::AllToAll)
    return {Type::F32,
            in ? std::vector<int64_t>{ranks, block} : std::vector<int64_t>{1, ranks * block},
            {"", ""}};
  bool small = row.kind == (in ? CollectiveKind::AllGather : CollectiveKind::ReduceScatter);
  return {Type::F32, {small ? block : block * ranks}, {""}};
}

class Rank {
public:
  Rank(Communicator &end, int64_t elements, double seconds) : end(end), seconds(seconds) {
    in.assign(elements, static_cast<float>(end.rank() + 1));
    out.assign(elements, 0.0f);
    Mesh mesh = {"line", {{"x", end.ranks()}}};
    Collective it;
    it.over = {{0, end.ranks(), 1}};
    Shape one = {Type::F32, {1}, {""}};
    meeting = std::move(*end.prepare(mesh, it, one, one));
    for (const Row &row : kRows) {
      it.kind = row.kind;
      it.dim2 = row.kind == CollectiveKind::AllToAll ? 1 : 0;
      Shape from = shapeOf(row, true, elements, end.ranks()), to = shapeOf(row, false, elements, end.ranks());
      operations.push_back(std::move(*end.prepare(mesh, it, from, to)));
    }
  }

  void measure(Times &times) {
    auto start = Clock::now();
    double microseconds = 20;
    for (bool more = true; more;) {
      int64_t calls = std::max<int64_t>(1, static_cast<int64_t>(5000 / microseconds));
      double copy = timed(calls, [&] { std::memcpy(out.data(), in.data(), in.size() * sizeof(float)); });
      times.copy = std::min(times.copy, copy);
      for (size_t i = 0; i < kCount; ++i)
        times.collectives[i] = std::min(times.collectives[i], timed(calls, [&] {
                                          if (!operations[i]->run(in.data(), out.data()))
                                            std::abort();
                                        }));
      float go[2] = {end.rank() == 0 && std::chrono::duration<double>(Clock::now() - start).count() < seconds
                         ? 1.0f
                         : 0.0f,
                     end.rank() == 0 ? static_cast<float>(copy) : 0.0f};
      for (float &value : go) // all do as rank 0 says
        meet(value);
      more = go[0] > 0;
      microseconds = std::max(1.0f, go[1]);
    }
  }

private:
  void meet(float &value) {
    if (!meeting->run(&value, &value))
      std::abort();
  }

  double timed(int64_t calls, const std::function<void()> &call) {
    float nothing = 0;
    meet(nothing);
    auto start = Clock::now();
    for (int64_t i = 0; i < calls; ++i)
      call();
    meet(nothing);
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count() /
           static_cast<double>(calls);
  }

  Communicator &end;
  double seconds;
  std::vector<float> in, out;
  std::unique_ptr<Operation> meeting;
  std::vector<std::unique_ptr<Operation>> operations;
};

Times measure(int64_t ranks, int64_t bytes, double seconds) {
  std::vector<std::unique_ptr<Communicator>> ends = makeLocal(ranks);
  std::vector<std::thread> threads;
  Times times; // rank 0's
  std::vector<Times> others(ranks);
  for (int64_t rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      Rank(*ends[rank], bytes / static_cast<int64_t>(sizeof(float)), seconds)
          .measure(rank ? others[rank] : times);
    });
  for (std::thread &thread : threads)
    thread.join();
  return times;
}

} // namespace

int main(int argc, char **argv) {
  int64_t ranks = argc > 1 ? std::atoll(argv[1]) : processorCount();
  double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  if (ranks < 1 || seconds <= 0) {
    std::fprintf(stderr, "usage: bench-collectives [RANKS] [SECONDS per size]\n");
    return 2;
  }
  std::printf(
      "%lld ranks, microseconds a call; in brackets, all_reduce: times the limit, a copy of the same bytes\n",
      static_cast<long long>(ranks));
  std::printf("%10s %10s %20s", "KiB a rank", "copy", kRows[0].name);
  for (size_t i = 1; i < kCount; ++i)
    std::printf(" %16s", kRows[i].name);
  std::printf("\n");
  for (int64_t bytes = int64_t{64} << 10; bytes <= int64_t{64} << 20; bytes *= 4) {
    Times times = measure(ranks, bytes, seconds);
    std::printf("%10lld %10.1f %12.1f (%4.2f)", static_cast<long long>(bytes >> 10), times.copy,
                times.collectives[0], times.collectives[0] / times.copy);
    for (size_t i = 1; i < kCount; ++i)
      std::printf(" %16.1f", times.collectives[i]);
    std::printf("\n");
    std::fflush(stdout);
  }
}
