#include "runtime/core/ProcessWatch.h"

#include "runtime/core/Fault.h"
#include "runtime/core/Ranks.h"

#include <chrono>
#include <thread>

namespace cleave::rt {

namespace {

constexpr double kLeastSilence = 10;  // seconds: a machine may be busy
constexpr double kDeathSeconds = 0.5; // the same after a death: launchers end all a second later, or less
constexpr double kGraceSeconds = 4;   // for ranks that compute to come to a wait, and for the process to end

std::vector<std::string> linesOf(const std::string &text) {
  std::vector<std::string> lines;
  for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
  }
  return lines;
}

} // namespace

Result<std::shared_ptr<ProcessWatch>> ProcessWatch::start(const Launch &launch,
                                                          const ProcessWatchOptions &options) {
  std::shared_ptr<ProcessWatch> made(new ProcessWatch());
  made->options = options;
  WatchOptions given;
  given.process = made->process = launch.process;
  given.processes = launch.processes;
  given.roll = launch.name;
  given.onMachine = launch.onMachine;
  for (int64_t process = 0; process <= given.processes; ++process)
    given.firstRank.push_back(process * options.ranksPerProcess);
  given.joinSeconds = options.joinSeconds;
  given.silenceSeconds = options.timeoutSeconds > 0 ? std::max(options.timeoutSeconds, kLeastSilence) : 0;
  given.graceSeconds = kGraceSeconds;
  given.deathSeconds = [it = made.get(), atOnce = launch.killsAtOnce] {
    std::lock_guard<std::mutex> lock(it->mutex);
    return atOnce || !it->shown ? 0 : kDeathSeconds; // without ranks it has nothing to add
  };
  given.whereabouts = [it = made.get()] { return it->whereabouts(); };
  given.onLoss = [it = made.get()](const Loss &loss) { it->end(loss); };
  given.isHurried = options.isHurried;
  given.moment = [process = made->process](const char *moment) { faultAt(moment, process); };
  given.end = options.end;
  if (options.lastWord)
    given.lastWord = [it = made.get()](const Loss &loss) { it->options.lastWord(it->lastError(loss)); };
  Result<std::unique_ptr<Watch>> watch = Watch::start(std::move(given));
  if (!watch)
    return watch.error();
  made->watch = std::move(*watch);
  return made;
}

Status ProcessWatch::meet(std::shared_ptr<Processes> with) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    processes = with;
  }
  if (isOver()) // before it had anything to end
    with->abandon(lossError());
  return watch->meet([&](const std::string &mine) { return with->allGather(mine, options.joinSeconds); });
}

void ProcessWatch::is(std::string atWhat) {
  std::lock_guard<std::mutex> lock(mutex);
  at = std::move(atWhat);
}

void ProcessWatch::speakOrEnd() {
  while (!hasWord && !(hasWord = watch->speak()) && options.end)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

Error ProcessWatch::lossError() const { return lastError(*watch->loss()); }

void ProcessWatch::show(const Ranks *ranks) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!ranks && shown)
    places = shown->whereabouts();
  shown = ranks;
}

// What this process is at: its ranks, or what they were at last, or itself. The mutex is held.
std::vector<std::string> ProcessWatch::linesOfPlaces() const {
  if (shown)
    return shown->whereabouts();
  if (!places.empty())
    return places;
  int64_t first = process * options.ranksPerProcess, last = first + options.ranksPerProcess - 1;
  return {(first == last ? "rank " + std::to_string(first)
                         : "the process of ranks " + std::to_string(first) + " to " + std::to_string(last)) +
          " " + at};
}

std::string ProcessWatch::whereabouts() const {
  std::lock_guard<std::mutex> lock(mutex);
  std::string text;
  for (const std::string &line : linesOfPlaces())
    text += line + "\n";
  return text;
}

std::vector<std::string> ProcessWatch::ask(int64_t process) const { return linesOf(watch->ask(process)); }

void ProcessWatch::fail(const Error &why) { watch->fail(process * options.ranksPerProcess, why); }

// By the watch's thread: the waits of this process end.
void ProcessWatch::end(const Loss &loss) const {
  std::lock_guard<std::mutex> lock(mutex);
  if (!processes)
    return;
  Error why = loss.why;
  if (!shown) // no rank will add its own
    for (const std::string &line : linesOfPlaces())
      why.notes.push_back(line);
  processes->lose(loss.rank, why);
}

void ProcessWatch::retire() {
  std::shared_ptr<Processes> gone;
  std::lock_guard<std::mutex> lock(mutex);
  gone.swap(processes);
}

// What is told where the ranks do not come to an end by themselves.
Error ProcessWatch::lastError(const Loss &loss) const {
  Error error = loss.why;
  for (const std::string &line : linesOf(whereabouts()))
    error.notes.push_back(line);
  return error;
}

} // namespace cleave::rt
