// The ranks of one program among several processes, as one process sees them. Internal to mpi/.
#ifndef CLEAVE_RUNTIME_COMM_MPI_WORLD_H
#define CLEAVE_RUNTIME_COMM_MPI_WORLD_H

#include "runtime/comm/Agreement.h"
#include "runtime/comm/mpi/Engine.h"

#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace cleave::rt::mpi {

// A collective that a rank has started and not ended. Engine::mutex is held.
class Running {
public:
  virtual ~Running() = default;
  virtual void arrived(const Header &header, const char *text, const char *data) = 0;
  // Sends what was promised with any content, and has nothing more to do with what comes.
  virtual void drain() = 0;
  // As if it had never been started.
  virtual void forget() = 0;
  uint64_t number = 0;
};

// One group as one of its ranks sees it. Its collectives are numbered from 1.
struct Group {
  struct Early { // a header that came before its collective was started
    Header header;
    std::string text, data;
  };
  struct Recent {
    uint64_t number = 0, signature = 0;
    std::string text;
  };
  static constexpr uint64_t kRecent = 8;

  uint64_t started = 0;
  std::vector<Running *> running;
  std::multimap<uint64_t, Early> early; // by number
  Recent recent[kRecent];               // for those who start something else too late
};

class RankWorld : public World {
public:
  RankWorld(Engine &engine, std::vector<int64_t> firsts, double timeoutSeconds);
  ~RankWorld() override;

  int64_t ranks() const { return firsts.back(); }
  int64_t first() const { return firsts[engine.process]; }
  int64_t localRanks() const { return firsts[engine.process + 1] - first(); }
  int32_t processOf(int64_t rank) const;

  // A failure, here or elsewhere. `spread`: the others are told.
  void fail(int64_t rank, Error why, bool own, bool spread);
  Failure failure;

  // Engine::mutex is held for what follows.
  Group &group(int64_t rank, uint64_t key);
  void remove(Running *running);
  void setLast(int64_t rank, std::string_view text) { last[rank].assign(text); }
  std::string whereIs(int64_t rank) const;

  void arrived(const Header &header, const char *text, const char *data) override;
  void tell() override;
  void drain() override;
  void reset() override;

  Engine &engine;
  int32_t number = 0;
  const double timeoutSeconds;

private:
  void tooLate(Group &group, const Header &header, const std::string &text);

  std::vector<int64_t> firsts;
  std::map<std::pair<int64_t, uint64_t>, Group> groups; // by rank and key
  std::map<int64_t, std::string> last;                  // what a rank has last started, as is known here
  std::vector<Running *> drained;
  std::atomic<bool> untold{false};
  bool draining = false;
};

} // namespace cleave::rt::mpi

#endif
