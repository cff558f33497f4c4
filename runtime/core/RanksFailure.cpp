// Running something on all ranks, and what is told when that fails: of all that ranks say, one error that
// names who failed or is missing, where, and who waited for it in what.
#include "runtime/core/Ranks.h"
#include "runtime/core/Text.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace cleave::rt {

namespace {

using Clock = std::chrono::steady_clock;

// Seconds, for ranks that compute while the others have failed.
constexpr double kMostGrace = 5, kLeastGrace = 1;

constexpr int64_t kMostWhereabouts = 4; // that are told
constexpr char kCollective[] = "E716";  // the code of what others' failures are for a rank

} // namespace

// One job of all ranks. Those that are late have it still when the caller has gone.
struct Ranks::Call {
  struct Ended {
    std::atomic<bool> done{false};
    Status status;
    Clock::time_point at;
  };
  Call(Job job, bool watched, size_t ranks) : job(std::move(job)), watched(watched), ended(ranks) {}
  bool isDone(size_t rank) const { return ended[rank].done.load(std::memory_order_acquire); }
  bool hasFailed(size_t rank) const { return isDone(rank) && !ended[rank].status; }
  // By itself, and not because another one did.
  bool failedItself(size_t rank) const {
    return hasFailed(rank) && ended[rank].status.error().code != kCollective;
  }

  Job job;
  bool watched;
  std::vector<Ended> ended;
  std::mutex mutex;
  std::vector<Instance::Whereabouts> whereabouts; // of all ranks when the first one failed
};

// "rank 3 (dp = 1, tp = 1)"
std::string Ranks::nameOf(int64_t here) const {
  int64_t rank = firstRank + here;
  std::string text;
  for (uint32_t axis = 0; axis < whole.mesh.axes.size(); ++axis)
    text += (text.empty() ? " (" : ", ") + whole.mesh.axes[axis].name + " = " +
            std::to_string(coordinate(whole.mesh, rank, axis));
  return "rank " + std::to_string(rank) + (text.empty() ? "" : text + ")");
}

std::vector<std::string> Ranks::whereabouts() const {
  std::vector<std::string> all;
  for (int64_t rank = 0; rank < std::min(ranks(), kMostWhereabouts); ++rank)
    all.push_back(nameOf(rank) + " " + instances[rank]->whereabouts().text);
  return all;
}

Status Ranks::each(Job job, bool watched) {
  if (stuck)
    return *stuck;
  auto call = std::make_shared<Call>(std::move(job), watched, ends.size());
  auto work = std::make_shared<Crew::Job>([this, call](int64_t rank) {
    Call::Ended &mine = call->ended[rank];
    mine.status = call->job(rank);
    if (!mine.status) {
      if (mine.status.error().code != kCollective)
        ends[rank]->fail(mine.status.error());
      std::lock_guard<std::mutex> lock(call->mutex);
      for (size_t i = call->whereabouts.size(); i < instances.size(); ++i)
        call->whereabouts.push_back(instances[i] ? instances[i]->whereabouts() : Instance::Whereabouts());
    }
    mine.at = Clock::now();
    mine.done.store(true, std::memory_order_release);
  });
  bool all = crew->run(work, [&] { return !watched || isWorthWaiting(*call); });
  bool good = all;
  for (size_t rank = 0; rank < ends.size(); ++rank)
    good &= !call->hasFailed(rank);
  if (good)
    return {};
  Error error = failureOf(*call);
  if (!all)
    stuck = error;
  for (size_t rank = 0; all && rank < ends.size(); ++rank)
    ends[rank]->recover();
  return error;
}

// Ranks end an entry within the time-out of each other. Where a collective has failed they are given less:
// whoever has not come by then is what it failed for, or will be told as soon as it waits.
bool Ranks::isWorthWaiting(const Call &call) const {
  if (timeoutSeconds <= 0)
    return true;
  auto first = Clock::time_point::max(), firstFailed = first;
  bool byItself = false;
  for (size_t rank = 0; rank < ends.size(); ++rank) {
    if (!call.isDone(rank))
      continue;
    first = std::min(first, call.ended[rank].at);
    if (call.hasFailed(rank))
      firstFailed = std::min(firstFailed, call.ended[rank].at);
    byItself |= call.failedItself(rank);
  }
  auto since = [](Clock::time_point from) {
    return from == Clock::time_point::max() ? 0 : std::chrono::duration<double>(Clock::now() - from).count();
  };
  return since(first) <= timeoutSeconds &&
         (byItself || since(firstFailed) <= std::clamp(timeoutSeconds, kLeastGrace, kMostGrace));
}

// What a rank says about its failure, with what the others add to it.
Error Ranks::failureOf(const Call &call) const {
  auto count = static_cast<int64_t>(ends.size());
  int64_t told = -1;
  std::vector<int64_t> late;
  bool isAll = count == whole.mesh.ranks();
  for (int64_t rank = 0; rank < count; ++rank) {
    if (!call.isDone(rank))
      late.push_back(rank);
    isAll &= call.hasFailed(rank);
    if (call.hasFailed(rank) && (told < 0 || (call.failedItself(rank) && !call.failedItself(told))))
      told = rank;
  }
  Error error;
  if (told < 0) {
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%g", timeoutSeconds);
    error = {"E739",
             std::string("ranks must end an entry within ") + seconds + " s of each other, found " +
                 nameOf(late[0]) + " at work still",
             "",
             {},
             ""};
  } else {
    error = call.ended[told].status.error();
    // What all ranks say alike is no matter of ranks.
    for (int64_t rank = 0; isAll && rank < count; ++rank) {
      const Error &other = call.ended[rank].status.error();
      isAll = other.code != kCollective && other.message == error.message && other.notes == error.notes;
    }
    if (isAll)
      return error;
    error.notes.push_back("on " + nameOf(told));
  }
  addOthers(call, told, error);
  if (call.watched)
    addWhereabouts(call, told, error);
  return error;
}

// What other ranks have to say about failures of their own.
void Ranks::addOthers(const Call &call, int64_t told, Error &error) const {
  auto count = static_cast<int64_t>(ends.size());
  for (int64_t rank = told + 1, more = 0; told >= 0 && rank < count && more < 2; ++rank) {
    if (!call.failedItself(rank))
      continue;
    const Error &other = call.ended[rank].status.error();
    if (other.message == error.message && other.notes.empty())
      continue;
    error.notes.push_back(nameOf(rank) + ": " +
                          (other.message == error.message ? other.notes[0] : other.message));
    ++more;
  }
}

// Who is missing first, then who tells, who had something else to do than to wait, and who waits.
void Ranks::addWhereabouts(const Call &call, int64_t told, Error &error) const {
  auto count = static_cast<int64_t>(ends.size());
  // What a rank that came too late did meanwhile.
  bool wereWaitedFor = told >= 0 && !call.failedItself(told);
  auto wasBusy = [&](int64_t rank) { return wereWaitedFor && !call.whereabouts[rank].waits; };
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  auto place = [&](int64_t rank) {
    int64_t group = !call.isDone(rank) ? 0 : rank == told ? 1 : wasBusy(rank) ? 2 : 3;
    return std::pair(group, rank);
  };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return place(a) < place(b); });
  for (int64_t i = 0; i < std::min(count, kMostWhereabouts); ++i) {
    int64_t rank = order[i];
    bool isLate = !call.isDone(rank);
    Instance::Whereabouts at =
        !isLate && wasBusy(rank) ? call.whereabouts[rank] : instances[rank]->whereabouts();
    error.notes.push_back(nameOf(rank) + (isLate ? " has not ended and " : " ") + at.text);
  }
  if (count > kMostWhereabouts)
    error.notes.push_back("and " + std::to_string(count - kMostWhereabouts) + " ranks more");
}

} // namespace cleave::rt
