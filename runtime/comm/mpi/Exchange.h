// One collective of one rank, carried by messages: members send each other directly what each needs of whom.
//
//   reduce-scatter     each member gets everybody's part of its slice and reduces them in rank order
//   all-reduce         the same, then each sends its reduced slice to all; small ones: everybody gets all of
//                      everybody and reduces it for itself
//   all that copy      each member gets what it takes of each other's operand
//
// Streams are cut into segments of which a few are under way at once, so that the network, the sums and the
// copies overlap and memory is bounded. Parts of operands that are no one run of bytes are packed.
#ifndef CLEAVE_RUNTIME_COMM_MPI_EXCHANGE_H
#define CLEAVE_RUNTIME_COMM_MPI_EXCHANGE_H

#include "runtime/comm/Communicator.h"
#include "runtime/comm/Transfer.h"
#include "runtime/comm/mpi/World.h"

#include <atomic>

namespace cleave::rt::mpi {

class Exchange : public Operation, public Running, public Sink {
public:
  // `ranks`: the members; `me`: which this rank is.
  Exchange(RankWorld &world, const std::vector<int64_t> &ranks, int64_t me, uint64_t key, const Mesh &mesh,
           const Collective &collective, const Shape &in, const Shape &out);
  ~Exchange() override;

  Status start(const void *in, void *out) override;
  Status wait() override;
  Status run(const void *in, void *out) override;
  int64_t doneAt() const override { return endedAt; }

  void arrived(const Header &header, const char *text, const char *data) override;
  void drain() override;
  void forget() override;
  void through(const Message &message, const CleaveDone &done) override;

private:
  static constexpr int64_t kWindow = 4; // segments of a stream that are under way at once

  enum What : uint32_t { Send, Receive, SendResult, ReceiveResult };
  struct Stream {
    int64_t bytes = 0, segments = 0, segment = 0; // segment: bytes of one, at most
    int64_t posted = 0, finished = 0;             // segments, in order
    bool done[kWindow] = {};                      // and not counted in `finished` yet
    char *staging = nullptr;                      // kWindow segments
    Message messages[kWindow];
    int64_t left() const { return segments - finished; }
  };
  struct Peer {
    int64_t rank = 0;
    int32_t process = 0;
    bool sends = false, expects = false; // whether there is a header for it, or from it
    bool isInline = false, getsInline = false;
    bool arrived = false;
    int32_t sendTag = 0, receiveTag = 0;
    BlockCopy out, in; // what it takes of mine, and I of its own; of reductions `in` says nothing
    bool outDense = true, inDense = true;
    BlockReduction slice; // of reductions: its own
    Stream streams[4];    // by What
  };

  void planSends(const Mesh &mesh, const Shape &in, const Shape &out, bool channel);
  void planReduction(const Mesh &mesh, const Shape &in, const Shape &out);
  static void setBytes(Stream &stream, int64_t bytes, int64_t most);
  Status begin(const void *in, void *out, bool isAwaited);
  void reset(const void *in, void *out);
  void announceTo(uint32_t peer);
  void ownPart();

  void post(uint32_t peer, What what);
  bool mayPost(const Peer &peer, What what) const;
  void *placeOf(Peer &peer, What what, int64_t segment);
  void finished(uint32_t peer, What what, int64_t segment);
  void reduceReady();
  void reduceSegment(int64_t at);
  bool isReady(int64_t segment) const;
  void advance(uint32_t peer);
  void closeOne();
  void end();
  Error missing();
  static int64_t segmentBytes(const Stream &stream, int64_t at) {
    return std::min(stream.segment, stream.bytes - at * stream.segment);
  }

  RankWorld &world;
  Engine &engine;
  int64_t me, rank;
  uint64_t key;
  Group &group;
  Collective collective;
  Type type;
  int64_t width;
  Transfer transfer; // mine
  std::string text;
  uint64_t signature;
  int64_t segment; // of reductions: bytes of one, at most

  bool reduces = false;
  bool whole = false;   // every member reduces everything
  BlockReduction slice; // that this rank reduces
  int64_t reduceBytes = 0, reduceSegments = 0, reduced = 0;
  std::vector<const void *> parts; // of one segment, by member

  std::vector<Peer> peers;     // in the order they are served in: the next member first
  std::vector<int64_t> peerOf; // by member

  const void *input = nullptr;
  void *output = nullptr;
  int64_t open = 0;     // streams, headers and sums that are not through
  int64_t underWay = 0; // messages that MPI has
  bool draining = false, isBackground = false;
  int64_t endedAt = 0; // by whichever thread ended it, before `busy` is false
  std::atomic<bool> busy{false};
};

} // namespace cleave::rt::mpi

#endif
