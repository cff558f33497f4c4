// What processes that watch each other say: frames over a connection, each a kind and fields. Internal to
// watch/.
#ifndef CLEAVE_RUNTIME_COMM_WATCH_FRAMES_H
#define CLEAVE_RUNTIME_COMM_WATCH_FRAMES_H

#include "runtime/core/Error.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace cleave::rt {

enum class FrameKind : uint8_t {
  Hello,   // secret, process: who connects; of the roll: process, pid
  Welcome, // secret: whom it has reached; of the roll: count, (process, pid)..., itself first
  Beat,    // nothing: it lives
  Lost,    // rank, process, error: the run cannot go on; passed on to all
  Bye,     // the process leaves, as all do
  Up,      // number, count, (process, text)...: what the processes below have to say in an all-gather
  Down,    // number, count, text...: what all have said
  Ask,     // question, process that asks, process that is asked
  Answer,  // question, process that asked, text
  Here,    // process, pid: has come, on this machine
};

// Fields of a frame, one after the other.
class Packer {
public:
  Packer &add(int64_t value);
  Packer &add(const std::string &text);
  Packer &add(const Error &error);
  const std::string &bytes() const { return packed; }

private:
  std::string packed;
};

// Reads them back; what is not there reads as nothing, and the frame is not good().
class Unpacker {
public:
  explicit Unpacker(const std::string &bytes) : bytes(bytes) {}
  int64_t number();
  std::string text();
  Error error();
  bool good() const { return whole; }

private:
  const std::string &bytes;
  size_t at = 0;
  bool whole = true;
};

struct Frame {
  FrameKind kind = FrameKind::Beat;
  std::string fields;
};

// A connection to a process; nothing here waits.
class Channel {
public:
  using Clock = std::chrono::steady_clock;

  explicit Channel(int descriptor) : descriptor(descriptor), heard(Clock::now()), said(heard) {}
  ~Channel();
  Channel(const Channel &) = delete;
  Channel &operator=(const Channel &) = delete;

  int file() const { return descriptor; }
  // Puts a frame behind those that wait to be sent, and sends what it can.
  void send(FrameKind kind, const Packer &fields = {});
  void flush();
  // Nothing will be sent behind what waits now.
  void end() { isEnding = true; }
  bool hasToSend() const { return !toSend.empty(); }
  // Reads what there is. False once the other side is gone; `why()` then says how that shows.
  bool receive();
  const std::string &why() const { return reason; }
  // The next frame that is there whole.
  bool next(Frame &frame);

  Clock::time_point lastHeard() const { return heard; }
  Clock::time_point lastSaid() const { return said; }

  int64_t process = -1; // who is there; negative: not known yet
  bool isOfRoll = false;
  bool hasLeft = false; // it has said so

private:
  int descriptor;
  bool isEnding = false;
  std::string toSend, received, reason;
  Clock::time_point heard, said;
};

} // namespace cleave::rt

#endif
