#include "runtime/comm/Processes.h"

#include "runtime/comm/Packet.h"

#include <sched.h>
#include <set>
#include <sstream>
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

bool areCrowded(const std::vector<Processes::Machine> &machines, const std::vector<int64_t> &firsts,
                int64_t self) {
  auto add = [](std::set<int> &all, const std::string &processors) {
    std::istringstream numbers(processors);
    for (int number; numbers >> number;)
      all.insert(number);
  };
  const Processes::Machine &mine = machines[self];
  std::set<int> own, ofMachine;
  add(own, mine.processors);
  int64_t ranks = 0, sharing = 0;
  for (size_t other = 0; other < machines.size(); ++other) {
    if (machines[other].host != mine.host)
      continue;
    int64_t its = firsts[other + 1] - firsts[other];
    ranks += its;
    if (machines[other].processors == mine.processors)
      sharing += its;
    else
      add(ofMachine, machines[other].processors);
  }
  ofMachine.insert(own.begin(), own.end());
  return ranks > static_cast<int64_t>(ofMachine.size()) || sharing > static_cast<int64_t>(own.size());
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
