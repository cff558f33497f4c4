// How the ranks of a program talk to each other. One Communicator is one rank's end; what carries the bytes
// is its own affair (local/: threads of this process).
//
//   Result<std::unique_ptr<Operation>> sum = communicator.prepare(mesh, collective, shape, shape);
//   (*sum)->start(mine, result);      // returns at once
//   ...                               // neither buffer may be touched
//   Status status = (*sum)->wait();
//
// The members of a group start the same collectives in the same order; they may wait for them in any order,
// and groups know nothing of each other. Sums are taken in rank order, so the bits are the same on every
// member, with every communicator and in every run. One thread at a time uses a communicator.
#ifndef CLEAVE_RUNTIME_COMM_COMMUNICATOR_H
#define CLEAVE_RUNTIME_COMM_COMMUNICATOR_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"

#include <memory>
#include <string>
#include <vector>

namespace cleave::rt {

class ThreadPool;

// One collective of one rank, prepared: nothing is looked up or allocated from here on.
class Operation {
public:
  virtual ~Operation() = default;

  // `in` and `out` are dense tensors of the shapes it was prepared for; null where there is none. One start
  // before each wait.
  virtual Status start(const void *in, void *out) = 0;

  // Returns when both buffers are the caller's again; at once where nothing is started. E716: another rank
  // failed, is missing after the time-out, or has called another collective.
  virtual Status wait() = 0;

  virtual Status run(const void *in, void *out) {
    Status status = start(in, out);
    return status ? wait() : status;
  }

  // When the one waited for last was done, in nanoseconds of the steady clock; 0: nobody knows but that it
  // was before wait() returned.
  virtual int64_t doneAt() const { return 0; }
};

// What one collective of a program has moved, by a convention that knows no algorithm. Of a tensor of S bytes
// and n members a rank sends
//   all_reduce                     2 S (n-1)/n
//   reduce_scatter, all_gather     S (n-1)/n       S: the whole, padding included
//   all_to_all                     S (n-1)/n       S: what it has
//   permute, halo, broadcast, send what others take of it
struct Traffic {
  Collective collective;
  Shape shape; // of what is sent, or received where nothing is
  int64_t members = 1;
  int64_t calls = 0;
  int64_t bytes = 0; // sent, over all calls
  int64_t bytesPerCall = 0;
};

// The bytes by that convention.
int64_t bytesSent(const Mesh &mesh, const Collective &collective, const Shape &in, const Shape &out,
                  int64_t rank);

// `all_reduce 'd_w' of f32[N = 8] over "dp"`: what diagnostics call it. `in` is what is sent, or received
// where nothing is.
std::string textOf(const Mesh &mesh, const Collective &collective, const Shape &in);

class Communicator {
public:
  virtual ~Communicator() = default;

  virtual int64_t rank() const = 0;
  virtual int64_t ranks() const = 0;

  // Resolves a collective for this rank: its group, blocks and neighbours. `in` and `out` are this rank's
  // operands, which fit (verify()); one of them is given twice where there is only one. E715: a mesh of
  // another number of ranks.
  Result<std::unique_ptr<Operation>> prepare(const Mesh &mesh, const Collective &collective, const Shape &in,
                                             const Shape &out);

  // Ends every wait of every rank with an error that names this rank and `why`, now and from now on. Buffers
  // of what was started must stay until all ranks have ended: another one may be at work on them.
  virtual void fail(const Error &why) = 0;

  // The same for another rank, of which is known by other means that it is gone: the error names that one.
  // Any thread may call it at any time.
  virtual void lose(int64_t rank, const Error &why) = 0;

  // Makes a communicator that has failed usable again; what was started is forgotten. Every end, by one
  // thread, while no rank is inside.
  virtual void recover() = 0;

  // The threads that may help with the work of this rank's collectives; null: none. Before prepare().
  void setThreads(ThreadPool *pool) { threads = pool; }

  // Lets collectives take the time that the program says (SlowLinks.h). Before prepare().
  void slowDown() { isSlow = true; }

  // By collective and shape, in the order they were prepared in.
  std::vector<Traffic> traffic() const;
  void clearTraffic();

protected:
  virtual Result<std::unique_ptr<Operation>> prepareGroup(const Mesh &mesh, const Collective &collective,
                                                          const Shape &in, const Shape &out) = 0;
  ThreadPool *threads = nullptr;

private:
  friend class CountedOperation;
  std::vector<std::unique_ptr<Traffic>> counted;
  std::vector<int64_t> clocks; // LinkClocks
  bool isSlow = false;
};

} // namespace cleave::rt

#endif
