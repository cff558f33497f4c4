#include "runtime/comm/Processes.h"

#include "runtime/comm/Packet.h"

#include <sched.h>
#include <unistd.h>

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

Status Processes::findMachines() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  std::string processors;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &allowed))
        processors += std::to_string(cpu) + " ";
  PacketWriter writer;
  writer.text(host);
  writer.text(processors);
  Result<std::vector<std::string>> all = allGather(writer.take());
  if (!all)
    return all.error();
  for (const std::string &bytes : *all) {
    PacketReader reader(bytes);
    Machine machine;
    machine.host = reader.text();
    machine.processors = reader.text();
    allMachines.push_back(std::move(machine));
  }
  return {};
}

int64_t Processes::ranksHere(const std::vector<int64_t> &firsts) const {
  int64_t ranks = 0;
  for (int64_t other = 0; other < processes(); ++other)
    if (allMachines[other].host == allMachines[process()].host)
      ranks += firsts[other + 1] - firsts[other];
  return ranks;
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
