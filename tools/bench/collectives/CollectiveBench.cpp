// What collectives take, beside a copy of as many bytes on the same threads, in the same buffers and in the
// same run. Started by mpirun, ranks are its processes and what the MPI library's own collectives take stands
// beside.
//
//   bench-collectives [RANKS] [SECONDS per size]
//   mpirun -n 2 bench-collectives [SECONDS per size]
//
// An all-reduce of n tensors of S bytes reads and writes 2 n S bytes at least, as much as when every rank
// copies its own: the limit is the time of that copy. Rounds of both alternate; the least of each counts.
#include "runtime/comm/Processes.h"
#include "runtime/comm/local/Local.h"
#include "runtime/comm/mpi/Library.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <thread>

using namespace cleave::rt;

namespace {

using Clock = std::chrono::steady_clock;

struct Row {
  const char *name;
  CollectiveKind kind;
  CleaveOwnCollective own;
};
constexpr Row kRows[] = {{"all_reduce", CollectiveKind::AllReduce, CleaveOwnReduce},
                         {"reduce_scatter", CollectiveKind::ReduceScatter, CleaveOwnScatter},
                         {"all_gather", CollectiveKind::AllGather, CleaveOwnGather},
                         {"all_to_all", CollectiveKind::AllToAll, CleaveOwnExchange}};
constexpr size_t kCount = sizeof(kRows) / sizeof(kRows[0]);

// Microseconds of one call, the least of all rounds.
struct Times {
  double copy = 1e30;
  double collectives[kCount], own[kCount]; // own: the MPI library's
  Times() {
    std::fill(collectives, collectives + kCount, 1e30);
    std::fill(own, own + kCount, 1e30);
  }
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
  // `library`: whose own collectives are measured too; null: none's.
  Rank(Communicator &end, int64_t elements, double seconds, const CleaveTransport *library)
      : end(end), seconds(seconds), library(library) {
    std::fill(std::begin(expected), std::end(expected), 500.0);
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

  // Each gets as much time in a round as the others, whatever a call takes.
  void measure(Times &times) {
    auto start = Clock::now();
    float more = 1;
    while (more > 0) {
      turn(kCopy, times.copy, [&] { std::memcpy(out.data(), in.data(), in.size() * sizeof(float)); });
      for (size_t i = 0; i < kCount; ++i) {
        turn(1 + i, times.collectives[i], [&] {
          if (!operations[i]->run(in.data(), out.data()))
            std::abort();
        });
        if (library)
          turn(1 + kCount + i, times.own[i], [&] { runOwn(kRows[i]); });
      }
      bool goesOn = std::chrono::duration<double>(Clock::now() - start).count() < seconds;
      more = end.rank() == 0 && goesOn ? 1.0f : 0.0f;
      meet(more); // all do as rank 0 says
    }
  }

private:
  static constexpr size_t kCopy = 0;
  static constexpr double kTurn = 3000; // microseconds

  void turn(size_t which, double &least, const std::function<void()> &call) {
    auto took = timed(std::max<int64_t>(1, static_cast<int64_t>(kTurn / expected[which])), call);
    least = std::min(least, took);
    auto rank0s = end.rank() == 0 ? static_cast<float>(took) : 0.0f;
    meet(rank0s);
    expected[which] = std::max(1.0f, rank0s);
  }

  void runOwn(const Row &row) {
    int64_t elements = static_cast<int64_t>(in.size());
    int64_t count = row.own == CleaveOwnReduce ? elements : elements / end.ranks();
    if (library->own(row.own, in.data(), out.data(), count))
      std::abort();
  }

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
  const CleaveTransport *library;
  double expected[1 + 2 * kCount]; // microseconds a call, by what is measured
  std::vector<float> in, out;
  std::unique_ptr<Operation> meeting;
  std::vector<std::unique_ptr<Operation>> operations;
};

Times measure(int64_t ranks, int64_t elements, double seconds) {
  std::vector<std::unique_ptr<Communicator>> ends = makeLocal(ranks);
  std::vector<std::thread> threads;
  Times times; // rank 0's
  std::vector<Times> others(ranks);
  for (int64_t rank = 0; rank < ranks; ++rank)
    threads.emplace_back(
        [&, rank] { Rank(*ends[rank], elements, seconds, nullptr).measure(rank ? others[rank] : times); });
  for (std::thread &thread : threads)
    thread.join();
  return times;
}

// This process's rank.
Times measure(Processes &processes, const CleaveTransport &library, int64_t elements, double seconds) {
  std::vector<int64_t> firsts(processes.processes() + 1);
  std::iota(firsts.begin(), firsts.end(), 0);
  Times times;
  Rank(*processes.connect(firsts, 600)[0], elements, seconds, &library).measure(times);
  return times;
}

void showHead(int64_t ranks, const std::string &by) {
  std::printf("%lld ranks%s, microseconds a call; in brackets, ", static_cast<long long>(ranks), by.c_str());
  if (by.empty())
    std::printf("all_reduce: times the limit, a copy of the same bytes\n");
  else
    std::printf("times what the library's own collective takes\n");
  std::printf("%10s %10s", "KiB a rank", "copy");
  for (const Row &row : kRows)
    std::printf(" %20s", row.name);
  std::printf("\n");
}

void show(int64_t bytes, const Times &times, bool hasOwn) {
  std::printf("%10lld %10.1f", static_cast<long long>(bytes >> 10), times.copy);
  for (size_t i = 0; i < kCount; ++i) {
    std::printf(" %12.1f", times.collectives[i]);
    if (hasOwn)
      std::printf(" (%5.2f)", times.collectives[i] / times.own[i]);
    else if (i == 0)
      std::printf(" (%5.2f)", times.collectives[i] / times.copy);
    else
      std::printf("%8s", "");
  }
  std::printf("\n");
  std::fflush(stdout);
}

constexpr int64_t kLeastBytes = int64_t{64} << 10, kMostBytes = int64_t{64} << 20;
constexpr int64_t kWidth = sizeof(float);

int usage() {
  std::fprintf(stderr, "usage: bench-collectives [RANKS] [SECONDS per size]\n"
                       "       mpirun -n RANKS bench-collectives [SECONDS per size]\n");
  return 2;
}

int runLaunched(const Launch &launch, double seconds) {
  Result<std::shared_ptr<Processes>> joined = joinProcesses(launch);
  if (!joined) {
    std::fprintf(stderr, "%s: %s\n", joined.error().code.c_str(), joined.error().message.c_str());
    return 1;
  }
  bool shows = launch.process == 0;
  if (shows)
    showHead(launch.processes, " of " + (*joined)->library());
  const CleaveTransport *library = *mpi::loadTransport(launch.library);
  for (int64_t bytes = kLeastBytes; bytes <= kMostBytes; bytes *= 4) {
    int64_t elements = bytes / kWidth / launch.processes * launch.processes;
    Times times = measure(**joined, *library, elements, seconds);
    if (shows)
      show(bytes, times, /*hasOwn=*/true);
  }
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  Result<Launch> launch = findLaunch({});
  bool launched = launch && launch->processes > 1;
  const char *secondsText = argc > (launched ? 1 : 2) ? argv[launched ? 1 : 2] : nullptr;
  int64_t ranks = !launched && argc > 1 ? std::atoll(argv[1]) : processorCount();
  double seconds = secondsText ? std::atof(secondsText) : 3;
  if (ranks < 1 || seconds <= 0)
    return usage();
  if (launched)
    return runLaunched(*launch, seconds);
  showHead(ranks, "");
  for (int64_t bytes = kLeastBytes; bytes <= kMostBytes; bytes *= 4)
    show(bytes, measure(ranks, bytes / kWidth, seconds), /*hasOwn=*/false);
}
