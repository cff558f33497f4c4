// The table of Transport.h for one MPI library: compiled once per library, with its headers, and linked to
// it.
#include "runtime/comm/mpi/Transport.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mpi.h>
#include <vector>

namespace {

// Requests that are under way; a request, its token and its kind stand at one place.
struct Requests {
  std::vector<MPI_Request> requests;
  std::vector<void *> tokens;
  std::vector<bool> receives;
  std::vector<int> finished;
  std::vector<MPI_Status> statuses;

  void add(MPI_Request request, void *token, bool isReceive) {
    requests.push_back(request);
    tokens.push_back(token);
    receives.push_back(isReceive);
  }
  // Keeps the order of what stays.
  void removeNull() {
    size_t to = 0;
    for (size_t from = 0; from < requests.size(); ++from) {
      if (requests[from] == MPI_REQUEST_NULL)
        continue;
      requests[to] = requests[from];
      tokens[to] = tokens[from];
      receives[to++] = receives[from];
    }
    requests.resize(to);
    tokens.resize(to);
    receives.resize(to);
  }
};

Requests underWay;
// Receives from anybody, in order: what comes is the first one's, so that the others need not be looked at.
struct FromAny {
  MPI_Request request;
  void *token;
};
std::deque<FromAny> fromAny;
std::vector<CleaveDone> through; // and not reported yet
MPI_Comm world = MPI_COMM_NULL;
char name[MPI_MAX_LIBRARY_VERSION_STRING];

void describe(int32_t error, char *text, int64_t bytes) {
  char found[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(error, found, &length);
  std::snprintf(text, static_cast<size_t>(bytes), "%s", found);
}

// "Open MPI v4.1.4" of what may be several lines.
const char *library() {
  int length = 0;
  MPI_Get_library_version(name, &length);
  name[std::strcspn(name, ",\n")] = 0;
  for (char *at = name; *at; ++at)
    if (*at == '\t')
      *at = ' ';
  return name;
}

int32_t join(char *why, int64_t bytes) {
#ifdef OPEN_MPI
  // When a process dies the library may end this one without a word: it is given time to say who did.
  setenv("OMPI_MCA_opal_abort_delay", "5", /*overwrite=*/0);
#endif
  int level = MPI_THREAD_SINGLE, started = 0;
  MPI_Initialized(&started);
  int error =
      started ? MPI_Query_thread(&level) : MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level);
  if (error != MPI_SUCCESS) { // which the library cannot explain before it has started
    std::snprintf(why, static_cast<size_t>(bytes), "MPI_Init_thread gives %d, and says why above, if it does",
                  error);
    return error;
  }
  if (level < MPI_THREAD_SERIALIZED) {
    std::snprintf(why, static_cast<size_t>(bytes), "it cannot be used by several threads");
    return 1;
  }
  error = MPI_Comm_dup(MPI_COMM_WORLD, &world);
  if (error != MPI_SUCCESS) {
    describe(error, why, bytes);
    return error;
  }
  MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
  return 0;
}

void forgetReceives() {
  for (FromAny &each : fromAny) {
    MPI_Cancel(&each.request);
    MPI_Wait(&each.request, MPI_STATUS_IGNORE);
  }
  fromAny.clear();
  for (size_t i = 0; i < underWay.requests.size(); ++i)
    if (underWay.receives[i]) {
      MPI_Cancel(&underWay.requests[i]);
      MPI_Wait(&underWay.requests[i], MPI_STATUS_IGNORE);
    }
  underWay.removeNull();
}

void leave() {
  MPI_Comm_free(&world);
  MPI_Finalize();
}

int32_t processes() {
  int count = 1;
  MPI_Comm_size(world, &count);
  return count;
}

int32_t process() {
  int self = 0;
  MPI_Comm_rank(world, &self);
  return self;
}

int32_t largestTag() {
  int *most = nullptr, found = 0;
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, static_cast<void *>(&most), &found);
  return found ? *most : 32767;
}

int32_t send(const void *data, int64_t bytes, int32_t to, int32_t tag, void *token) {
  MPI_Request request;
  int error = MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, to, tag, world, &request);
  if (error == MPI_SUCCESS)
    underWay.add(request, token, false);
  return error;
}

int32_t receive(void *data, int64_t bytes, int32_t from, int32_t tag, void *token) {
  MPI_Request request;
  int error = MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, from < 0 ? MPI_ANY_SOURCE : from, tag, world,
                        &request);
  if (error == MPI_SUCCESS && from < 0)
    fromAny.push_back({request, token});
  else if (error == MPI_SUCCESS)
    underWay.add(request, token, true);
  return error;
}

int32_t poll(CleaveDone *done, int32_t most) {
  Requests &all = underWay;
  bool tests = through.empty();
  for (int isThrough = tests; isThrough && !fromAny.empty();) {
    MPI_Status status;
    int error = MPI_Test(&fromAny.front().request, &isThrough, &status), bytes = 0;
    if (!isThrough)
      break;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    through.push_back({fromAny.front().token, bytes, status.MPI_SOURCE, error});
    fromAny.pop_front();
  }
  auto count = static_cast<int>(all.requests.size());
  int found = 0;
  if (count > 0 && tests) {
    all.finished.resize(count);
    all.statuses.resize(count);
    int error = MPI_Testsome(count, all.requests.data(), &found, all.finished.data(), all.statuses.data());
    found = found == MPI_UNDEFINED ? 0 : found;
    for (int i = 0; i < found; ++i) {
      int at = all.finished[i], bytes = 0;
      MPI_Get_count(&all.statuses[i], MPI_BYTE, &bytes);
      bool received = all.receives[at];
      through.push_back({all.tokens[at], received ? bytes : 0, received ? all.statuses[i].MPI_SOURCE : -1,
                         error == MPI_ERR_IN_STATUS ? all.statuses[i].MPI_ERROR : MPI_SUCCESS});
    }
    if (found > 0)
      all.removeNull();
  }
  auto reported = std::min(most, static_cast<int32_t>(through.size()));
  std::copy_n(through.begin(), reported, done);
  through.erase(through.begin(), through.begin() + reported);
  return reported;
}

int32_t own(CleaveOwnCollective kind, const float *in, float *out, int64_t count) {
  auto block = static_cast<int>(count);
  switch (kind) {
  case CleaveOwnReduce:
    return MPI_Allreduce(in, out, block, MPI_FLOAT, MPI_SUM, world);
  case CleaveOwnScatter:
    return MPI_Reduce_scatter_block(in, out, block, MPI_FLOAT, MPI_SUM, world);
  case CleaveOwnGather:
    return MPI_Allgather(in, block, MPI_FLOAT, out, block, MPI_FLOAT, world);
  case CleaveOwnExchange:
    return MPI_Alltoall(in, block, MPI_FLOAT, out, block, MPI_FLOAT, world);
  }
  return 1;
}

} // namespace

extern "C" __attribute__((visibility("default"))) const CleaveTransport *cleaveTransport() {
  static const CleaveTransport kTransport = {
      kCleaveTransportVersion, library,  join, leave, processes, process, largestTag, send, receive, poll,
      forgetReceives,          describe, own};
  return &kTransport;
}
