#include "runtime/comm/Processes.h"

#include "runtime/comm/Packet.h"

namespace cleave::rt {

Result<std::vector<std::string>> Processes::allGather(const std::string &mine, double timeoutSeconds) {
  std::vector<std::string> all(processes());
  std::string together;
  if (process() == 0) {
    all[0] = mine;
    for (int64_t other = 1; other < processes(); ++other) {
      Result<std::string> theirs = receive(other, timeoutSeconds);
      if (!theirs)
        return theirs.error();
      all[other] = std::move(*theirs);
    }
    PacketWriter writer;
    for (const std::string &bytes : all)
      writer.text(bytes);
    together = writer.take();
  } else if (Status status = send(0, mine); !status) {
    return status.error();
  }
  if (Status status = broadcast(together, timeoutSeconds); !status)
    return status.error();
  PacketReader reader(together);
  for (std::string &bytes : all)
    bytes = reader.text();
  return all;
}

Status Processes::broadcast(std::string &bytes, double timeoutSeconds) {
  if (process() != 0) {
    Result<std::string> received = receive(0, timeoutSeconds);
    if (!received)
      return received.error();
    bytes = std::move(*received);
    return {};
  }
  for (int64_t other = 1; other < processes(); ++other)
    if (Status status = send(other, bytes); !status)
      return status;
  return {};
}

} // namespace cleave::rt
