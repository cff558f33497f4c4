// Everything of one process that goes through MPI: messages of its ranks, under one lock, and the thread that
// moves them on while ranks compute. Internal to mpi/.
//
// Each message of data is announced by a header, which names the collective it is of and the tag it comes
// under: so any groups may talk at once, whoever has started what first, and members compare what they do. A
// sender gives tags in turn; headers of two processes arrive in the order they were sent in.
#ifndef CLEAVE_RUNTIME_COMM_MPI_ENGINE_H
#define CLEAVE_RUNTIME_COMM_MPI_ENGINE_H

#include "runtime/comm/mpi/Transport.h"
#include "runtime/core/Error.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace cleave::rt {

// Whom a message is of; told when it is through. The engine's lock is held.
struct Message;
class Sink {
public:
  virtual ~Sink() = default;
  virtual void through(const Message &message, const CleaveDone &done) = 0;
};
struct Message {
  Sink *sink = nullptr;
  uint32_t what = 0, peer = 0, slot = 0; // the sink's own
};

// A rank has started a collective, or failed.
struct Header {
  enum Kind : int32_t { Start, Fail };
  int32_t kind = Start;
  int32_t world = 0;        // Engine::addWorld()
  int32_t from = 0, to = 0; // ranks
  uint64_t group = 0, number = 0, signature = 0;
  int32_t tag = 0; // of the data; results come under the next one
  int32_t textBytes = 0, inlineBytes = 0;
  int64_t bytes = 0, results = 0; // that follow in messages
  int64_t segment = 0;            // of these, at most
};
constexpr int64_t kLargestHeader = 3584; // with text and inline data: libraries send so much at once
constexpr int64_t kLargestText = 256;
constexpr int64_t kLargestInline = 2048;

// Gets the headers for one set of ranks.
class World {
public:
  virtual ~World() = default;
  virtual void arrived(const Header &header, const char *text, const char *data) = 0;
  // Between rounds of poll(): a failure that others must be told of.
  virtual void tell() = 0;
  // From now on all that was promised is sent, whatever it is worth, and what comes is thrown away.
  virtual void drain() = 0;
  // As if nothing had been started.
  virtual void reset() = 0;
};

class Engine {
public:
  explicit Engine(const CleaveTransport &transport);
  ~Engine();
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  const int32_t processes, process;

  // Held for all that follows here.
  std::mutex mutex;

  // One round: whether anything came. Nothing once it is abandoned.
  bool poll();
  // The message's object stays until its sink is told.
  void send(const void *data, int64_t bytes, int32_t to, int32_t tag, Message *message);
  void receive(void *data, int64_t bytes, int32_t from, int32_t tag, Message *message);
  void announce(int32_t to, Header header, std::string_view text, const void *inlined);
  // A tag, and the next one.
  int32_t newTags(int32_t to);

  // Memory for segments, kept for the next one.
  char *takeBuffer(int64_t bytes);
  void giveBuffer(char *buffer, int64_t bytes);

  // Numbers are alike in all processes, which make their worlds in one order.
  int32_t addWorld(World *world);
  void removeWorld(int32_t number);

  // Receives and drops what a header has announced.
  void dropAnnounced(const Header &header, int32_t from);
  // What is left of a stream from a segment on: received and dropped, or sent with any content.
  void drop(int64_t bytes, int64_t segment, int64_t firstSegment, int32_t from, int32_t tag);
  void fill(int64_t bytes, int64_t segment, int64_t firstSegment, int32_t to, int32_t tag);

  // Without the lock. Polls until `done`, which is asked with the lock held, or the error of who has
  // abandoned all, or E754 after the time-out (0: none).
  Status pollUntil(const std::function<bool()> &done, double timeoutSeconds, const char *what);
  // All that ranks have started is let go, in all processes: see Processes::settle(). `exchange`: of how many
  // headers each process has sent to each.
  Status settle(const std::function<Result<std::vector<std::string>>(const std::string &)> &exchange);

  // Any thread, at any time, without the lock.
  void abandon(const Error &why);
  bool abandoned() const { return hasBeenAbandoned.load(std::memory_order_acquire); }
  Error reason() const;

  // Counts of what the thread must look after: collectives begun and not waited for, failures untold.
  void addBackground(int by);
  // Ranks that wait poll themselves.
  std::atomic<int> waiting{0};
  // More ranks on this machine than processors: who spins takes time from those it waits for.
  std::atomic<bool> crowded{false};

  const CleaveTransport &transport;

private:
  struct HeaderSlot {
    Message message;
    char bytes[kLargestHeader];
  };
  class HeaderSink : public Sink {
  public:
    explicit HeaderSink(Engine &engine) : engine(engine) {}
    void through(const Message &message, const CleaveDone &done) override;
    Engine &engine;
  };
  class TrashSink : public Sink {
  public:
    explicit TrashSink(Engine &engine) : engine(engine) {}
    void through(const Message &message, const CleaveDone &done) override;
    Engine &engine;
  };
  struct Loop { // messages of a process to itself under one tag
    std::deque<std::pair<const void *, std::pair<int64_t, Message *>>> sent;
    std::deque<std::pair<void *, std::pair<int64_t, Message *>>> wanted;
  };

  void receiveHeader(HeaderSlot &slot);
  void headerArrived(const char *bytes, int64_t size, int32_t source);
  Message *trashMessage(int64_t segment);
  void matchLoop(int32_t tag);
  void work(); // the thread
  void broken(int32_t error);

  HeaderSink headers{*this};
  TrashSink trash{*this};
  std::vector<std::unique_ptr<HeaderSlot>> incoming; // posted, in order
  std::vector<std::unique_ptr<HeaderSlot>> outgoing;
  std::vector<HeaderSlot *> freeOutgoing;            // not under way
  std::vector<int64_t> headersSent, headersReceived; // by process
  std::vector<int32_t> tags;                         // by process
  std::map<int32_t, Loop> loops;
  std::deque<std::string> loopHeaders;
  std::deque<CleaveDone> loopDone;
  std::map<int64_t, std::vector<char *>> freeBuffers;
  std::vector<std::unique_ptr<char[]>> buffers;
  std::map<int32_t, World *> worlds;
  int32_t nextWorld = 0;
  std::vector<std::pair<int32_t, std::string>> early; // headers of worlds that are not made yet
  int64_t underWay = 0;                               // messages, but for headers that are waited for

  mutable std::mutex reasonMutex;
  Error why;
  std::atomic<bool> hasBeenAbandoned{false};

  std::mutex sleepMutex;
  std::condition_variable wake;
  int background = 0;
  bool stopping = false;
  std::thread thread;
};

} // namespace cleave::rt

#endif
