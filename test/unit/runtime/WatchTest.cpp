#include "runtime/comm/watch/Watch.h"

#include "runtime/comm/watch/Frames.h"
#include "runtime/comm/watch/Sockets.h"
#include "test/unit/runtime/Programs.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <sys/wait.h>
#include <thread>

namespace cleave::rt {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;
using namespace test;

std::string setting(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

// Processes that are started without a launcher meet in a folder.
Result<std::vector<std::string>> meetIn(const std::string &folder, int64_t process, int64_t processes,
                                        const std::string &mine) {
  std::string path = folder + "/peer." + std::to_string(process);
  write(path + ".new", mine);
  std::rename((path + ".new").c_str(), path.c_str());
  std::vector<std::string> all;
  for (int64_t other = 0; other < processes; ++other) {
    std::string theirs = folder + "/peer." + std::to_string(other);
    while (access(theirs.c_str(), R_OK) != 0)
      usleep(1000);
    all.push_back(read(theirs));
  }
  return all;
}

// One of the processes. What it does, by WATCH_ACT:
//   leave   gathers texts three times and leaves
//   wait    waits for the loss         stick   does not even do that: its last word must end it
//   kill    dies                       stop    is stopped
//   fail    has failed                 ask     asks the last process where it is, then all leave
//   vanish  dies before they meet, once others have come       join    waits for that, and never meets
// What it has seen is in the file `report.N`.
class Child {
public:
  int run() {
    Result<std::unique_ptr<Watch>> started = Watch::start(options());
    if (!started)
      return report(started.error().code + ": " + started.error().message);
    watch = std::move(*started);
    std::string what = setting("WATCH_ACT");
    if (what == "vanish" || what == "join")
      return meetNobody(what == "vanish");
    Status met = watch->meet([this](const std::string &mine) {
      return meetIn(setting("WATCH_FOLDER"), process, processes, mine);
    });
    if (!met && watch->speak())
      return report(met.error().code + ": " + met.error().message);
    act();
    return 0;
  }

private:
  WatchOptions options() {
    WatchOptions it;
    it.process = process;
    it.processes = processes;
    it.branches = std::stoll(setting("WATCH_BRANCHES"));
    it.roll = setting("WATCH_FOLDER");
    it.onMachine = processes;
    it.silenceSeconds = std::stod(setting("WATCH_SILENCE"));
    it.joinSeconds = std::stod(setting("WATCH_START"));
    it.graceSeconds = 0.3;
    it.whereabouts = [this] { return "rank " + std::to_string(process) + " is at instruction 7"; };
    it.onLoss = [this](const Loss &) { told = true; };
    it.lastWord = [this](const Loss &loss) {
      saidAt = std::chrono::steady_clock::now();
      std::string notes;
      for (const std::string &note : loss.why.notes)
        notes += "; " + note;
      report("last word: " + loss.why.message + notes);
    };
    it.end = [this] {
      std::chrono::duration<double> since = std::chrono::steady_clock::now() - saidAt;
      report(since.count() > 0.2 ? "ends later" : "ends at once");
      _exit(3);
    };
    return it;
  }

  int meetNobody(bool dies) {
    while (dies && !watch->hasCompany())
      usleep(1000);
    if (dies)
      raise(SIGKILL);
    while (true) // in something that waits for all
      pause();
  }

  void act() {
    std::string what = setting("WATCH_ACT");
    if (what == "leave" || what == "ask") {
      for (int round = 0; round < 3; ++round)
        gather(round);
      if (what == "ask" && process == 0)
        report(watch->ask(processes - 1, 20));
      report(watch->leave() ? "left" : "missed");
      return;
    }
    gather(0); // all are there
    if (what == "kill")
      raise(SIGKILL);
    if (what == "stop")
      raise(SIGSTOP);
    if (what == "fail")
      watch->fail(process, {"E711", "sums are small", "m.dsl:1:2", {"a note"}, "a hint"});
    auto start = std::chrono::steady_clock::now();
    while (!watch->loss() || what == "stick")
      usleep(1000);
    while (!told && what != "fail")
      usleep(1000);
    std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
    Result<std::vector<std::string>> after = watch->allGather("");
    report("rank " + std::to_string(watch->loss()->rank) + " " + watch->loss()->why.code + ": " +
           watch->loss()->why.message + (waited.count() < 5 ? "" : ", too late") +
           (after ? ", and goes on" : ""));
  }

  void gather(int round) {
    std::string mine = std::string(1000, 'x') + std::to_string(process * 100 + round);
    Result<std::vector<std::string>> all = watch->allGather(mine);
    for (int64_t other = 0; all && other < processes; ++other)
      if ((*all)[other] != std::string(1000, 'x') + std::to_string(other * 100 + round))
        report("wrong text");
  }

  int report(const std::string &text) {
    std::lock_guard<std::mutex> lock(reporting);
    reported += text + "\n";
    write(setting("WATCH_FOLDER") + "/report." + std::to_string(process), reported);
    return 0;
  }

  int64_t process = std::stoll(setting("WATCH_PROCESS")), processes = std::stoll(setting("WATCH_PROCESSES"));
  std::unique_ptr<Watch> watch;
  std::atomic<bool> told{false};
  std::chrono::steady_clock::time_point saidAt;
  std::mutex reporting;
  std::string reported;
};

// The tests run this in processes of their own: threads of other tests do not survive a fork.
class ChildEnvironment : public testing::Environment {
public:
  void SetUp() override {
    if (setting("WATCH_ACT").empty())
      return;
    int status = Child().run();
    exit(status);
  }
};
testing::Environment *const kChild = testing::AddGlobalTestEnvironment(new ChildEnvironment);

class Watches : public testing::Test {
protected:
  // Starts a process for each act (none for an empty one) and waits until all have ended; one that is stopped
  // is killed then.
  void run(const std::vector<std::string> &acts, double silence = 60, double start = 60, int branches = 2) {
    std::vector<pid_t> children(acts.size());
    for (size_t i = 0; i < acts.size(); ++i) {
      if (acts[i].empty())
        continue;
      std::vector<std::string> own = {"WATCH_ACT=" + acts[i],
                                      "WATCH_PROCESS=" + std::to_string(i),
                                      "WATCH_PROCESSES=" + std::to_string(acts.size()),
                                      "WATCH_FOLDER=" + (folder / ""),
                                      "WATCH_SILENCE=" + std::to_string(silence),
                                      "WATCH_START=" + std::to_string(start),
                                      "WATCH_BRANCHES=" + std::to_string(branches)};
      children[i] = spawn(own);
    }
    for (size_t i = 0; i < acts.size(); ++i)
      if (children[i] && acts[i] != "stop")
        waitpid(children[i], nullptr, 0);
    for (size_t i = 0; i < acts.size(); ++i)
      if (acts[i] == "stop") {
        kill(children[i], SIGKILL);
        waitpid(children[i], nullptr, 0);
      }
  }

  std::string reportOf(size_t process) const {
    std::string path = folder / ("report." + std::to_string(process));
    return access(path.c_str(), R_OK) == 0 ? read(path) : "";
  }

  TemporaryFolder folder;

private:
  static pid_t spawn(std::vector<std::string> own) {
    for (char **it = environ; *it; ++it)
      own.emplace_back(*it);
    std::vector<char *> environment;
    for (std::string &one : own)
      environment.push_back(one.data());
    environment.push_back(nullptr);
    const char *arguments[] = {"watch-child", "--gtest_filter=WatchFrames.*", nullptr};
    pid_t child = fork();
    if (child == 0) {
      freopen("/dev/null", "w", stdout);
      execve("/proc/self/exe", const_cast<char **>(arguments), environment.data());
      _exit(127);
    }
    return child;
  }
};

std::vector<std::string> allBut(size_t count, const std::string &act,
                                const std::vector<std::pair<size_t, std::string>> &others) {
  std::vector<std::string> acts(count, act);
  for (const auto &[process, other] : others)
    acts[process] = other;
  return acts;
}

TEST_F(Watches, TellAllToAllAndLeaveTogether) {
  run(allBut(9, "leave", {}));
  for (size_t process = 0; process < 9; ++process)
    EXPECT_EQ(reportOf(process), "left\n") << process;
}

// More than one level, and more than one process below each.
TEST_F(Watches, AreAsManyAsThereAre) {
  run(allBut(20, "leave", {}), 60, 60, /*branches=*/8);
  for (size_t process = 0; process < 20; ++process)
    EXPECT_EQ(reportOf(process), "left\n") << process;
}

TEST_F(Watches, ADeathBeforeTheyMeetIsKnown) {
  for (size_t dead : {size_t{0}, size_t{2}}) {
    std::filesystem::remove_all(folder / "");
    std::filesystem::create_directories(folder / "");
    run(allBut(4, "join", {{dead, "vanish"}}));
    for (size_t process = 0; process < 4; ++process)
      if (process != dead)
        EXPECT_THAT(reportOf(process),
                    MatchesRegex("last word: every process must live until the run has ended, found that of "
                                 "rank " +
                                 std::to_string(dead) + " \\(process [0-9]+ on .*\\) dead: .*\nends later\n"))
            << process;
  }
}

TEST_F(Watches, WhoHasNotComeIsNamed) {
  run({"join", "join", ""}, 60, /*start=*/0.5);
  for (size_t process : {0, 1})
    EXPECT_THAT(
        reportOf(process),
        StartsWith("last word: processes must join within 0.5 s, found some that were never started, or "
                   "have died; the process of rank 2 has not come\n"))
        << process;
}

TEST_F(Watches, AskWhereAProcessIs) {
  run(allBut(7, "ask", {}));
  EXPECT_EQ(reportOf(0), "rank 6 is at instruction 7\nleft\n");
}

// 1 has 3 and 4 below it: the tree falls apart, and every part knows.
TEST_F(Watches, ADeathIsKnownToAll) {
  for (size_t dead : {size_t{1}, size_t{0}, size_t{6}}) {
    std::filesystem::remove_all(folder / "");
    std::filesystem::create_directories(folder / "");
    run(allBut(7, "wait", {{dead, "kill"}}));
    for (size_t process = 0; process < 7; ++process)
      if (process != dead)
        EXPECT_THAT(reportOf(process),
                    AllOf(StartsWith("rank " + std::to_string(dead) +
                                     " E738: every process must live until the run has ended, found that of "
                                     "rank " +
                                     std::to_string(dead) + " (process "),
                          testing::Not(HasSubstr("too late")), testing::Not(HasSubstr("goes on"))))
            << process;
  }
}

TEST_F(Watches, OfTwoDeathsOneIsKnown) {
  run(allBut(7, "wait", {{1, "kill"}, {5, "kill"}}));
  for (size_t process : {0, 2, 3, 4, 6})
    EXPECT_THAT(reportOf(process), MatchesRegex("rank [15] E738: .*\n")) << process;
}

TEST_F(Watches, AStoppedProcessIsSilent) {
  run(allBut(4, "wait", {{1, "stop"}}), /*silence=*/0.5);
  for (size_t process : {0, 2, 3})
    EXPECT_THAT(reportOf(process),
                AllOf(StartsWith("rank 1 E738: "), HasSubstr(" silent for 0.5 s: it is stopped, or")))
        << process;
}

TEST_F(Watches, AFailureIsToldAsItIs) {
  run(allBut(5, "wait", {{3, "fail"}}));
  for (size_t process = 0; process < 5; ++process)
    EXPECT_EQ(reportOf(process), "rank 3 E711: sums are small\n") << process;
}

TEST_F(Watches, WhoDoesNotEndHasTheLastWordSaid) {
  run(allBut(3, "wait", {{1, "kill"}, {2, "stick"}}));
  EXPECT_THAT(reportOf(0), StartsWith("rank 1 E738: "));
  EXPECT_THAT(reportOf(2),
              StartsWith("last word: every process must live until the run has ended, found that "
                         "of rank 1 (process "));
}

// What a process that is not there would have said, with a port that nobody listens at.
std::string nobody() {
  return Packer().add("secret").add("elsewhere").add(1).add(1).add(1).add("127.0.0.1").bytes();
}

TEST_F(Watches, MustReachEachOther) {
  write(folder / "peer.1", nobody());
  run({"wait", ""}, 60, 0.3);
  EXPECT_THAT(reportOf(0),
              StartsWith("E738: the processes of a run must be able to watch each other, found 1 "
                         "not to have reached rank 0 (process "));
  std::filesystem::remove(folder / "peer.1");
  write(folder / "peer.0", nobody());
  run({"", "wait"}, 60, 0.3);
  EXPECT_THAT(reportOf(1),
              AllOf(HasSubstr(" not to reach rank 0 (process 1 on elsewhere): "), HasSubstr("refused")));
}

TEST(WatchFrames, AreReadAsTheyAreWritten) {
  Error error = {"E711", "sums are small", "m.dsl:1:2", {"a note", ""}, "a hint"};
  std::string bytes = Packer().add(int64_t{-5}).add("text").add(error).bytes();
  Unpacker whole(bytes);
  EXPECT_EQ(whole.number(), -5);
  EXPECT_EQ(whole.text(), "text");
  Error back = whole.error();
  EXPECT_TRUE(whole.good());
  EXPECT_EQ(back.message, error.message);
  EXPECT_EQ(back.location, error.location);
  EXPECT_EQ(back.notes, error.notes);
  EXPECT_EQ(back.hint, error.hint);
  for (size_t length = 0; length < bytes.size(); ++length) {
    std::string part = bytes.substr(0, length);
    Unpacker cut(part);
    cut.number();
    cut.text();
    cut.error();
    EXPECT_FALSE(cut.good()) << length;
  }
}

} // namespace
} // namespace cleave::rt
