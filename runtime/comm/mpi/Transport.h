// What the runtime asks of an MPI library: a table of functions, so that one build of the runtime serves
// every library. Each library's ABI differs, so each has a plug-in of its own (Plugin.cpp, compiled with its
// headers), which is loaded when asked for. Plain C types, no exceptions.
//
// One thread at a time calls it (MPI_THREAD_SERIALIZED). Nothing here waits, but join() and leave().
#ifndef CLEAVE_RUNTIME_COMM_MPI_TRANSPORT_H
#define CLEAVE_RUNTIME_COMM_MPI_TRANSPORT_H

#include <cstdint>

extern "C" {

// Rises whenever the table changes.
constexpr int32_t kCleaveTransportVersion = 1;

// A message that is through. `error` is 0, or what describe() explains: one that is longer than its buffer.
struct CleaveDone {
  void *token; // what it was sent or received with
  int64_t bytes;
  int32_t source; // process; of what was received
  int32_t error;
};

// Collectives of the library itself, for those who compare (f32, sums): they wait.
enum CleaveOwnCollective : int32_t { CleaveOwnReduce, CleaveOwnScatter, CleaveOwnGather, CleaveOwnExchange };

struct CleaveTransport {
  int32_t version;
  // Of the library: "Open MPI v4.1.4".
  const char *(*library)();
  // Becomes a process among those of the launcher. Zero, or the reason in `why`.
  int32_t (*join)(char *why, int64_t bytes);
  // Ends MPI; all processes do.
  void (*leave)();
  int32_t (*processes)();
  int32_t (*process)(); // this one
  int32_t (*largestTag)();
  // At most 2^31 - 1 bytes. Zero, or an error. Messages of two processes with one tag arrive in order.
  int32_t (*send)(const void *data, int64_t bytes, int32_t to, int32_t tag, void *token);
  // `from`: a process, or -1 for any.
  int32_t (*receive)(void *data, int64_t bytes, int32_t from, int32_t tag, void *token);
  // Moves everything on, and reports up to `most` messages that are through.
  int32_t (*poll)(CleaveDone *done, int32_t most);
  // Gives up every receive that is not through; what was sent goes on.
  void (*forgetReceives)();
  void (*describe)(int32_t error, char *text, int64_t bytes);
  // `count`: elements of a process's block.
  int32_t (*own)(CleaveOwnCollective kind, const float *in, float *out, int64_t count);
};

// What a plug-in exports.
const CleaveTransport *cleaveTransport();
}

#endif
