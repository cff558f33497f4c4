#include "runtime/core/RankClasses.h"

#include <algorithm>

namespace cleave::rt {

namespace {

// What other ranks see of a collective.
std::string described(const Mesh &mesh, const Collective &it) {
  std::string text = nameOf(it.kind) + (" over " + toString(mesh, it.over)) + " " + nameOf(it.reduction);
  for (int64_t number : {it.dim, it.dim2, it.low, it.high, it.root, it.extent, int64_t{it.padded}})
    text += " " + std::to_string(number);
  for (const MemberPair &pair : it.pairs)
    text += " " + std::to_string(pair.from) + ">" + std::to_string(pair.to);
  return text;
}

// What an entry tells other ranks, in order, each with the counts of the loops around it.
std::vector<std::string> meetingsOf(const Program &program, const Entry &entry) {
  std::vector<std::string> meetings;
  std::vector<int64_t> counts;
  for (const Instruction &instruction : entry.instructions) {
    if (instruction.op == Opcode::LoopBegin)
      counts.push_back(instruction.count);
    if (instruction.op == Opcode::LoopEnd && !counts.empty())
      counts.pop_back();
    // Whoever waits, and where, is nobody else's affair.
    if ((instruction.op != Opcode::Collective && instruction.op != Opcode::Start) ||
        instruction.target >= program.collectives.size())
      continue;
    const Collective &collective = program.collectives[instruction.target];
    if (!communicates(collective.kind))
      continue;
    std::string text = instruction.ahead ? "ahead " : "";
    for (int64_t count : counts)
      text += std::to_string(count) + "x ";
    meetings.push_back(text + described(program.mesh, collective));
  }
  return meetings;
}

template <class T, class Name>
bool sameNames(const std::vector<T> &a, const std::vector<T> &b, const Name &name) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const T &x, const T &y) { return name(x) == name(y); });
}

std::string faultOfClass(const Program &first, const Program &other) {
  auto axis = [](const MeshAxis &it) { return it.name + "=" + std::to_string(it.size); };
  if (!sameNames(first.mesh.axes, other.mesh.axes, axis))
    return "it has another mesh";
  if (!sameNames(first.states, other.states, [](const State &it) { return it.path; }))
    return "it has other states";
  if (!sameNames(first.entries, other.entries, [](const Entry &it) { return it.name; }))
    return "it has other entries";
  for (size_t i = 0; i < first.entries.size(); ++i)
    if (meetingsOf(first, first.entries[i]) != meetingsOf(other, other.entries[i]))
      return "entry '" + first.entries[i].name + "' has other collectives, or another order of them";
  return "";
}

} // namespace

std::string faultOfClasses(const Program &first, const RankClasses &classes) {
  if (classes.others.empty() && classes.classOf.empty())
    return "";
  if (static_cast<int64_t>(classes.classOf.size()) != first.mesh.ranks())
    return "not every rank has a class";
  for (uint32_t number : classes.classOf)
    if (number > classes.others.size())
      return "a rank is of a class that does not exist";
  for (size_t i = 0; i < classes.others.size(); ++i)
    if (std::string fault = faultOfClass(first, classes.others[i]); !fault.empty())
      return "class " + std::to_string(i + 1) + ": " + fault;
  return "";
}

} // namespace cleave::rt
