#include "runtime/core/Profile.h"

#include <algorithm>
#include <map>

namespace cleave::rt {

size_t ReuseDistance::touch(const void *address, int64_t bytes) {
  Touch &before = last[address];
  bool isNew = before.bytes == 0;
  int64_t distance = std::min(clock - before.clock, footprint) + bytes;
  footprint += std::max<int64_t>(0, bytes - before.bytes);
  clock += bytes;
  before = {clock, std::max(bytes, before.bytes)};
  size_t level = 0;
  while (level + 1 < roofline->levels.size() && (isNew || distance > roofline->levels[level].bytes))
    ++level;
  return level;
}

namespace {

std::string stateAt(const Program &program, const Address &address) {
  for (const State &state : program.states)
    if (address.region == Region::State && address.offset >= state.offset &&
        address.offset < state.offset + std::max<int64_t>(1, state.shape.bytes()))
      return state.path;
  return "";
}

// The names of what an instruction writes.
std::string nameOf(const Program &program, const Instruction &instruction) {
  size_t outputs = instruction.op == Opcode::Launch ? instruction.outputs : 1;
  std::string text;
  for (size_t i = instruction.operands.size() - outputs; i < instruction.operands.size(); ++i) {
    const Operand &operand = instruction.operands[i];
    std::string name = operand.name.empty() ? stateAt(program, operand.address) : operand.name;
    if (!name.empty())
      text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

Work workOf(const Program &program, const Instruction &instruction) {
  if (instruction.op == Opcode::Launch)
    return rt::workOf(program.kernels[instruction.target]);
  return {0, 2 * instruction.operands[0].shape.bytes()};
}

// Sets what bounds a row: the arithmetic of `work`, or its bytes shared out to levels as the operands were.
void setRoof(ProfileRow &row, const Roofline &roofline, const InstructionProfile &measured, Type arithmetic) {
  row.roofSeconds = row.flops / roofline.flopsPerSecond(arithmetic);
  row.roof = row.flops > 0 ? "arithmetic" : "";
  double touched = 0, memory = 0, most = 0;
  for (size_t level = 0; level < measured.read.size(); ++level)
    touched += static_cast<double>(measured.read[level] + measured.written[level]);
  std::string slowest;
  for (size_t level = 0; level < measured.read.size() && touched > 0; ++level) {
    double scale = row.bytes / touched; // a gather reads less than its operands hold
    double written = scale * static_cast<double>(measured.written[level]);
    double seconds =
        roofline.secondsFor(level, scale * static_cast<double>(measured.read[level]) + written, written);
    memory += seconds;
    if (seconds <= most)
      continue;
    most = seconds;
    slowest = roofline.levels[level].name;
  }
  if (memory <= row.roofSeconds)
    return;
  row.roofSeconds = memory;
  row.roof = slowest;
}

// What runs: a kernel's name, "all_reduce", ..., "copy".
std::string runnerOf(const Program &program, const Instruction &instruction) {
  switch (instruction.op) {
  case Opcode::Launch:
    return program.kernels[instruction.target].name;
  case Opcode::Collective:
  case Opcode::Start:
  case Opcode::Wait:
    return nameOf(program.collectives[instruction.target].kind);
  default:
    return "copy";
  }
}

ProfileRow rowOf(const Program &program, const Instruction &instruction, const Profile &profile,
                 const InstructionProfile &measured) {
  ProfileRow row;
  bool launches = instruction.op == Opcode::Launch;
  row.name = nameOf(program, instruction);
  row.kernel = runnerOf(program, instruction);
  if (instruction.lines.empty() && !instruction.source.empty())
    row.lines.push_back(instruction.source);
  for (const std::string &line : instruction.lines)
    if (!line.empty() && std::find(row.lines.begin(), row.lines.end(), line) == row.lines.end())
      row.lines.push_back(line);
  row.calls = measured.times;
  row.seconds = 1e-9 * static_cast<double>(measured.nanoseconds);
  row.waiting =
      std::max(0.0, row.seconds * profile.roofline.threads - 1e-9 * static_cast<double>(measured.busy));
  Work work = workOf(program, instruction);
  row.flops = static_cast<double>(work.flops) * static_cast<double>(row.calls);
  row.bytes = static_cast<double>(work.bytes) * static_cast<double>(row.calls);
  setRoof(row, profile.roofline, measured,
          launches ? program.kernels[instruction.target].arithmetic : Type::F32);
  return row;
}

void sortBySeconds(std::vector<ProfileRow> &rows) {
  std::sort(rows.begin(), rows.end(),
            [](const ProfileRow &a, const ProfileRow &b) { return a.seconds > b.seconds; });
}

// "a.dsl:3:14" -> "a.dsl:3"
std::string withoutColumn(const std::string &line) { return line.substr(0, line.rfind(':')); }

struct Share {
  std::string line;
  double flops, bytes, weight;
};

// What each line of an op has of its work and, by weight, of its time.
std::vector<Share> sharesOf(const Program &program, const Instruction &instruction,
                            const Roofline &roofline) {
  std::string only = withoutColumn(instruction.source);
  Work whole = workOf(program, instruction);
  if (instruction.op != Opcode::Launch ||
      instruction.lines.size() != program.kernels[instruction.target].parts.size())
    return {{only, static_cast<double>(whole.flops), static_cast<double>(whole.bytes), 1}};
  std::vector<Share> shares;
  double total = 0;
  const Kernel &kernel = program.kernels[instruction.target];
  for (size_t i = 0; i < kernel.parts.size(); ++i) {
    auto flops = static_cast<double>(kernel.parts[i].flops),
         bytes = static_cast<double>(kernel.parts[i].bytes);
    double seconds = flops / roofline.flopsPerSecond(kernel.arithmetic);
    if (!roofline.levels.empty())
      seconds += bytes / roofline.levels.back().readPerSecond;
    shares.push_back(
        {instruction.lines[i].empty() ? only : withoutColumn(instruction.lines[i]), flops, bytes, seconds});
    total += seconds;
  }
  for (Share &share : shares)
    share.weight = total > 0 ? share.weight / total : 1 / static_cast<double>(shares.size());
  return shares;
}

// Calls `visit` for each instruction that was measured.
template <typename Visit> void eachMeasured(const Entry &entry, const Profile &profile, Visit visit) {
  for (size_t i = 0; i < profile.instructions.size(); ++i)
    if (profile.instructions[i].times > 0)
      visit(entry.instructions[i], profile.instructions[i]);
}

} // namespace

std::vector<ProfileRow> profileByOp(const Program &program, const Entry &entry, const Profile &profile) {
  std::vector<ProfileRow> rows;
  eachMeasured(entry, profile, [&](const Instruction &instruction, const InstructionProfile &measured) {
    rows.push_back(rowOf(program, instruction, profile, measured));
  });
  sortBySeconds(rows);
  return rows;
}

std::vector<ProfileRow> profileByLine(const Program &program, const Entry &entry, const Profile &profile) {
  std::map<std::string, ProfileRow> lines;
  std::map<std::string, std::map<std::string, double>> roofs; // line: roof: seconds
  eachMeasured(entry, profile, [&](const Instruction &instruction, const InstructionProfile &measured) {
    ProfileRow op = rowOf(program, instruction, profile, measured);
    std::vector<std::string> counted; // an op counts as one call of each of its lines
    for (const Share &share : sharesOf(program, instruction, profile.roofline)) {
      ProfileRow &row = lines[share.line];
      row.lines = {share.line};
      if (std::find(counted.begin(), counted.end(), share.line) == counted.end())
        row.calls += op.calls;
      counted.push_back(share.line);
      row.seconds += op.seconds * share.weight;
      row.waiting += op.waiting * share.weight;
      row.flops += share.flops * static_cast<double>(op.calls);
      row.bytes += share.bytes * static_cast<double>(op.calls);
      row.roofSeconds += op.roofSeconds * share.weight;
      roofs[share.line][op.roof] += op.seconds * share.weight;
    }
  });
  std::vector<ProfileRow> rows;
  for (auto &[line, row] : lines) {
    double most = -1;
    for (const auto &[roof, seconds] : roofs[line])
      if (seconds > most) {
        most = seconds;
        row.roof = roof;
      }
    rows.push_back(row);
  }
  sortBySeconds(rows);
  return rows;
}

ProfileSummary summarise(const Program &program, const Entry &entry, const Profile &profile) {
  ProfileSummary summary;
  summary.runs = profile.runs;
  summary.seconds = 1e-9 * static_cast<double>(profile.nanoseconds);
  summary.between = summary.seconds;
  summary.bound.emplace_back("arithmetic", 0);
  for (const Roofline::Level &level : profile.roofline.levels)
    summary.bound.emplace_back(level.name, 0);
  summary.bound.emplace_back("", 0);
  for (const ProfileRow &row : profileByOp(program, entry, profile)) {
    summary.between -= row.seconds;
    summary.waiting += row.waiting;
    summary.roofSeconds += row.roofSeconds;
    for (auto &[roof, seconds] : summary.bound)
      if (roof == row.roof)
        seconds += row.seconds;
  }
  summary.between = std::max(0.0, summary.between);
  return summary;
}

} // namespace cleave::rt
