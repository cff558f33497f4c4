#include "runtime/trace/Trace.h"

#include "runtime/core/Encoding.h"
#include "runtime/core/VerifyCollectives.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

namespace cleave::rt {

using Json = nlohmann::ordered_json;

namespace {

constexpr char kFormat[] = "cleave-trace-1";

bool isMessage(const Instruction &instruction) {
  return instruction.op == Opcode::Collective || instruction.op == Opcode::Start ||
         instruction.op == Opcode::Wait;
}

// `all_reduce over "dp" gpt.w`.
std::string textOf(const Program &program, const Collective &it) {
  return std::string(nameOf(it.kind)) + " over " + toString(program.mesh, it.over) +
         (it.name.empty() ? "" : " of " + it.name);
}

std::string nameOf(const Program &program, const Instruction &instruction) {
  if (isMessage(instruction))
    return (instruction.op == Opcode::Start  ? "start "
            : instruction.op == Opcode::Wait ? "wait "
                                             : "") +
           textOf(program, program.collectives[instruction.target]);
  for (size_t i = instruction.operands.size(); i-- > 0;)
    if (!instruction.operands[i].name.empty())
      return instruction.operands[i].name;
  return instruction.op == Opcode::Copy ? "copy" : program.kernels[instruction.target].name;
}

// What an instruction reads and writes.
int64_t bytesOf(const Instruction &instruction) {
  int64_t bytes = 0;
  for (const Operand &operand : instruction.operands)
    bytes += operand.shape.bytes();
  return bytes;
}

class Writer {
public:
  Writer(const RankTrace &trace, int entry, int64_t zero)
      : rank(trace.rank), program(*trace.program), entry(program.entries[entry]), log(*trace.log),
        clock(trace.clock), zero(zero) {}

  void write(Json &events) {
    name(events, "process_name", 0, "rank " + std::to_string(rank));
    if (clock.within() > 0)
      events.push_back(
          {{"name", "process_labels"},
           {"ph", "M"},
           {"pid", rank},
           {"args", {{"labels", "clock within " + std::to_string(clock.within() / 1000 + 1) + " us"}}}});
    name(events, "thread_name", 0, "compute");
    for (const TraceEvent &own : log.events) {
      TraceEvent event = translated(own);
      const Instruction &instruction = entry.instructions[event.instruction];
      Json args = {{"instruction", event.instruction}, {"run", event.run}, {"bytes", bytesOf(instruction)}};
      if (!instruction.source.empty())
        args["line"] = instruction.source;
      if (instruction.op == Opcode::Launch)
        args["kernel"] = program.kernels[instruction.target].name;
      if (isMessage(instruction))
        args["collective"] = instruction.target;
      const char *kind = isMessage(instruction) ? "wait" : instruction.op == Opcode::Copy ? "copy" : "kernel";
      add(events, nameOf(program, instruction), kind, 0, event.begin, event.end, std::move(args));
      if (event.sent != 0)
        message(events, event, instruction);
    }
    for (size_t lane = 0; lane < lanes.size(); ++lane)
      name(events, "thread_name", static_cast<int>(lane) + 1, "messages");
  }

private:
  TraceEvent translated(TraceEvent event) const {
    bool hasMessage = event.sent != 0;
    for (int64_t *time : {&event.begin, &event.end, &event.sent, &event.received})
      *time = clock.translate(*time);
    if (!hasMessage)
      event.sent = event.received = 0;
    return event;
  }

  void name(Json &events, const char *what, int thread, const std::string &text) const {
    events.push_back(
        {{"name", what}, {"ph", "M"}, {"pid", rank}, {"tid", thread}, {"args", {{"name", text}}}});
  }

  void add(Json &events, const std::string &name, const char *kind, int thread, int64_t begin, int64_t end,
           Json args) const {
    auto microseconds = [](int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; };
    events.push_back({{"name", name},
                      {"cat", kind},
                      {"ph", "X"},
                      {"pid", rank},
                      {"tid", thread},
                      {"ts", microseconds(begin - zero)},
                      {"dur", microseconds(std::max<int64_t>(0, end - begin))},
                      {"args", std::move(args)}});
  }

  // On the first row that is free.
  void message(Json &events, const TraceEvent &event, const Instruction &instruction) {
    size_t lane = 0;
    while (lane < lanes.size() && lanes[lane] > event.sent)
      ++lane;
    lanes.resize(std::max(lanes.size(), lane + 1));
    lanes[lane] = event.received;
    const Collective &it = program.collectives[instruction.target];
    Json over = Json::array();
    for (const AxisPart &part : it.over)
      over.push_back(part.axis);
    add(events, textOf(program, it), "message", static_cast<int>(lane) + 1, event.sent, event.received,
        {{"collective", instruction.target},
         {"run", event.run},
         {"over", over},
         {"group", groupOf(program.mesh, it.over, rank).front()},
         {"bytes", instruction.operands.front().shape.bytes()},
         {"line", instruction.source},
         {"because", it.because},
         {"estimated_us", it.seconds * 1e6},
         {"hidden_us", it.hidden * 1e6},
         {"wait_end_us", static_cast<double>(event.end - zero) / 1e3},
         {"waited_us", static_cast<double>(event.end - event.begin) / 1e3},
         {"start_us", static_cast<double>(event.starting) / 1e3}});
  }

  int64_t rank;
  const Program &program;
  const Entry &entry;
  const TraceLog &log;
  ClockRelation clock;
  int64_t zero;
  std::vector<int64_t> lanes; // until when each is taken
};

Error malformed(const std::string &path, const std::string &why) {
  return {"E741",
          "a trace is a file that `cleave run --trace` has written, found that '" + path + "' " + why,
          "",
          {},
          ""};
}

// One time of one collective of one group: when its last member began. In microseconds.
using Meeting = std::tuple<int64_t, int64_t, int64_t>; // collective, group, which time
using Meetings = std::map<Meeting, double>;

// The meeting that a message is of; `times` counts those of one rank.
Meeting meetingOf(const Json &event, std::map<std::pair<int64_t, int64_t>, int64_t> &times) {
  int64_t collective = event.at("args").at("collective"), group = event.at("args").at("group");
  return {collective, group, times[{collective, group}]++};
}

void addBegins(const std::vector<const Json *> &events, Meetings &begins) {
  std::map<std::pair<int64_t, int64_t>, int64_t> times;
  for (const Json *event : events) {
    double &last = begins.try_emplace(meetingOf(*event, times), 0).first->second;
    last = std::max(last, event->at("ts").get<double>());
  }
}

// Microseconds that can be hidden, and are.
struct Hidden {
  double can = 0, is = 0;
};

// Adds up one rank's messages, each from when it was sent or its links were free. What a rank waits for
// others that have not begun yet is not the message's fault, nor how long it takes to go on once it is there.
void addMessages(const std::vector<const Json *> &events, const Meetings &begins,
                 std::vector<MessageTimes> &messages, std::map<int64_t, Hidden> &runs) {
  std::map<int, double> free; // by mesh axis, in microseconds
  std::map<std::pair<int64_t, int64_t>, int64_t> times;
  std::map<std::pair<int64_t, size_t>, Hidden> collectives; // by run
  for (const Json *event : events) {
    const Json &args = event->at("args");
    double begin = event->at("ts"), end = begin + event->at("dur").get<double>();
    double waitEnd = args.at("wait_end_us"), waitBegin = waitEnd - args.at("waited_us").get<double>();
    double all = begins.at(meetingOf(*event, times)); // when all had begun
    double waited =
        args.at("start_us").get<double>() + std::max(0.0, std::min(waitEnd, end) - std::max(waitBegin, all));
    double others = std::max(0.0, std::min(waitEnd, all) - waitBegin);
    double from = begin;
    for (int axis : args.at("over")) {
      from = std::max(from, std::min(free[axis], end));
      free[axis] = end;
    }
    size_t number = args.at("collective");
    if (number > 1 << 20)
      throw std::out_of_range("collective");
    messages.resize(std::max(messages.size(), number + 1));
    messages[number].times += 1;
    messages[number].seconds += (end - from) * 1e-6;
    messages[number].waited += waited * 1e-6;
    messages[number].others += others * 1e-6;
    Hidden &one = collectives[{args.at("run"), number}];
    one.can += args.at("hidden_us").get<double>(); // the mean of a loop's turns
    one.is += std::max(0.0, end - from - waited);
  }
  for (const auto &[of, one] : collectives) {
    runs[of.first].can += one.can;
    runs[of.first].is += std::min(one.is, one.can);
  }
}

TraceFacts factsOf(const Json &json) {
  TraceFacts facts;
  const Json &other = json.at("otherData");
  facts.entry = other.at("entry");
  facts.hash = other.at("hash");
  facts.ranks = other.at("ranks");
  facts.ofRanks = other.at("mesh_ranks");
  facts.clocksWithin = other.at("clocks_within_us").get<double>() * 1e-6;
  std::map<int64_t, std::vector<const Json *>> byRank;
  double first = INFINITY, last = 0;
  for (const Json &event : json.at("traceEvents")) {
    if (event.at("ph") != "X")
      continue;
    double begin = event.at("ts");
    first = std::min(first, begin);
    last = std::max(last, begin + event.at("dur").get<double>());
    if (event.at("cat") == "message")
      byRank[event.at("pid")].push_back(&event);
  }
  facts.seconds = std::max(0.0, last - first) * 1e-6;
  Meetings begins;
  for (auto &[rank, events] : byRank) {
    std::sort(events.begin(), events.end(), [](const Json *a, const Json *b) {
      return std::pair(a->at("ts").get<double>(), a) < std::pair(b->at("ts").get<double>(), b);
    });
    addBegins(events, begins);
  }
  std::map<int64_t, Hidden> runs;
  for (auto &[rank, events] : byRank)
    addMessages(events, begins, facts.messages, runs);
  for (const auto &[run, hidden] : runs)
    if (hidden.can > 0)
      facts.hiddenParts.push_back(hidden.is / hidden.can);
  auto ranks = static_cast<double>(std::max<int64_t>(1, facts.ranks));
  for (MessageTimes &message : facts.messages) {
    message.times /= std::max<int64_t>(1, facts.ranks);
    message.seconds /= ranks;
    message.waited /= ranks;
    message.others /= ranks;
  }
  return facts;
}

} // namespace

std::string traceHash(const Program &program, const Entry &entry) {
  std::string text = toString(program.mesh) + "|" + program.planHash + "|" + entry.name;
  for (const Instruction &instruction : entry.instructions) {
    text += "\n" + std::to_string(static_cast<int>(instruction.op)) + " " + std::to_string(instruction.count);
    if (isMessage(instruction))
      text += " " + textOf(program, program.collectives[instruction.target]);
    for (const Operand &operand : instruction.operands)
      text += " " + toString(operand.shape) + " " + operand.name;
  }
  char hex[20];
  std::snprintf(hex, sizeof(hex), "%016llx",
                static_cast<unsigned long long>(checksum(text.data(), static_cast<int64_t>(text.size()))));
  return hex;
}

TraceLog lastOf(const TraceLog &log, size_t most) {
  TraceLog last;
  size_t from = log.events.size() > most ? log.events.size() - most : 0;
  last.events.assign(log.events.begin() + static_cast<std::ptrdiff_t>(from), log.events.end());
  last.left = log.left + static_cast<int64_t>(from);
  return last;
}

std::string traceText(const std::vector<RankTrace> &ranks, int entry) {
  const Program &first = *ranks.front().program;
  int64_t zero = INT64_MAX, left = 0, within = 0;
  for (const RankTrace &rank : ranks) {
    left += rank.log->left;
    within = std::max(within, rank.clock.within());
    if (!rank.log->events.empty())
      zero = std::min(zero, rank.clock.translate(rank.log->events.front().begin));
  }
  Json events = Json::array();
  for (const RankTrace &rank : ranks)
    Writer(rank, entry, zero).write(events);
  Json json = {{"displayTimeUnit", "ms"},
               {"otherData",
                {{"format", kFormat},
                 {"entry", first.entries[entry].name},
                 {"plan", first.plan},
                 {"hash", traceHash(first, first.entries[entry])},
                 {"ranks", ranks.size()},
                 {"mesh_ranks", first.mesh.ranks()},
                 {"zero_ns", zero == INT64_MAX ? 0 : zero}, // process 0's clock then
                 {"clocks_within_us", static_cast<double>(within) / 1e3},
                 {"events_left_out", left}}},
               {"traceEvents", std::move(events)}};
  return json.dump();
}

double TraceFacts::hiddenPart() const {
  std::vector<double> parts(hiddenParts.begin() + (hiddenParts.size() > 1), hiddenParts.end());
  std::sort(parts.begin(), parts.end());
  return parts.empty() ? 1 : parts[(parts.size() - 1) / 2];
}

Result<TraceFacts> readTrace(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return malformed(path, "cannot be read");
  Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  try {
    if (!json.is_object() || !json.contains("otherData") || json["otherData"].value("format", "") != kFormat)
      return malformed(path, "is another file");
    return factsOf(json);
  } catch (const std::exception &) { // fields that are missing, or of another type
    return malformed(path, "was changed");
  }
}

} // namespace cleave::rt
