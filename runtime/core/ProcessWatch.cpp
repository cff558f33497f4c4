#include "runtime/core/ProcessWatch.h"

#include "runtime/core/Ranks.h"

namespace cleave::rt {

namespace {

constexpr double kLeastSilence = 10; // seconds: a machine may be busy
constexpr double kGraceSeconds = 4;  // for ranks that compute to come to a wait, and for the process to end

std::vector<std::string> linesOf(const std::string &text) {
  std::vector<std::string> lines;
  for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
  }
  return lines;
}

} // namespace

Result<std::shared_ptr<ProcessWatch>> ProcessWatch::start(std::shared_ptr<Processes> processes,
                                                          const ProcessWatchOptions &options) {
  std::shared_ptr<ProcessWatch> made(new ProcessWatch());
  made->processes = std::move(processes);
  made->options = options;
  WatchOptions given;
  given.process = made->process = made->processes->process();
  given.processes = made->processes->processes();
  for (int64_t process = 0; process <= given.processes; ++process)
    given.firstRank.push_back(process * options.ranksPerProcess);
  given.exchange = [it = made.get(), seconds = given.startSeconds](const std::string &mine) {
    return it->processes->allGather(mine, seconds);
  };
  given.silenceSeconds = options.timeoutSeconds > 0 ? std::max(options.timeoutSeconds, kLeastSilence) : 0;
  given.graceSeconds = kGraceSeconds;
  given.whereabouts = [it = made.get()] { return it->whereabouts(); };
  given.onLoss = [it = made.get()](const Loss &loss) { it->end(loss); };
  given.isHurried = options.isHurried;
  if (options.lastWord)
    given.lastWord = [it = made.get()](const Loss &loss) { it->options.lastWord(it->lastError(loss)); };
  Result<std::unique_ptr<Watch>> watch = Watch::start(std::move(given));
  if (!watch)
    return watch.error();
  made->watch = std::move(*watch);
  return made;
}

void ProcessWatch::show(const Ranks *ranks) {
  std::lock_guard<std::mutex> lock(mutex);
  shown = ranks;
}

std::string ProcessWatch::whereabouts() const {
  std::lock_guard<std::mutex> lock(mutex);
  std::string text;
  if (shown)
    for (const std::string &line : shown->whereabouts())
      text += line + "\n";
  return text;
}

std::vector<std::string> ProcessWatch::ask(int64_t process) const { return linesOf(watch->ask(process)); }

void ProcessWatch::fail(const Error &why) { watch->fail(process * options.ranksPerProcess, why); }

// By the watch's thread: the waits of this process end.
void ProcessWatch::end(const Loss &loss) const {
  std::lock_guard<std::mutex> lock(mutex);
  if (processes)
    processes->lose(loss.rank, loss.why);
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
