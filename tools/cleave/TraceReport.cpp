#include "tools/cleave/TraceReport.h"

#include "runtime/core/VerifyCollectives.h"

#include <algorithm>
#include <cstdio>
#include <map>

namespace cleave::tool {

using Json = nlohmann::ordered_json;

namespace {

std::string milliseconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f ms", seconds * 1e3);
  return text;
}

std::string percent(double part) {
  char text[16];
  std::snprintf(text, sizeof(text), "%.0f %%", part * 100);
  return text;
}

std::string nameOf(const rt::Program &program, const rt::Collective &it) {
  return std::string(rt::nameOf(it.kind)) + " over " + rt::toString(program.mesh, it.over) +
         (it.name.empty() ? "" : " of " + it.name);
}

} // namespace

rt::Result<std::vector<TracedCollective>> compareTrace(const rt::Program &program, const std::string &name,
                                                       const rt::TraceFacts &trace) {
  auto entry = std::find_if(program.entries.begin(), program.entries.end(),
                            [&](const rt::Entry &it) { return it.name == name; });
  if (entry == program.entries.end() || trace.entry != name || trace.hash != rt::traceHash(program, *entry))
    return rt::Error{
        "E740",
        "a trace is compared with the program that was run, found a trace of " +
            (trace.entry == name ? "another program, plan or size" : "entry '" + trace.entry + "'"),
        "",
        {},
        "run it again with --trace, and with the same --plan, --mesh, --set, --overlap and --device"};
  std::vector<TracedCollective> found;
  std::map<std::string, size_t> known;
  std::vector<bool> seen(trace.messages.size());
  for (const rt::Instruction &instruction : entry->instructions) {
    bool begins = instruction.op == rt::Opcode::Collective || instruction.op == rt::Opcode::Start;
    if (!begins || instruction.target >= seen.size() || seen[instruction.target])
      continue;
    seen[instruction.target] = true;
    const rt::MessageTimes &message = trace.messages[instruction.target];
    if (message.times == 0)
      continue;
    const rt::Collective &it = program.collectives[instruction.target];
    TracedCollective one = {nameOf(program, it), instruction.source};
    auto [place, isNew] =
        known.try_emplace(one.name + "|" + one.line + "|" + std::to_string(it.seconds), found.size());
    if (isNew)
      found.push_back(one);
    TracedCollective &row = found[place->second];
    row.times += message.times;
    row.estimated += it.seconds * static_cast<double>(message.times);
    row.canHide += it.hidden * static_cast<double>(message.times);
    row.taken += message.seconds;
    row.waited += message.waited;
    row.others += message.others;
  }
  for (TracedCollective &row : found)
    for (double *sum : {&row.estimated, &row.canHide, &row.taken, &row.waited, &row.others})
      *sum /= static_cast<double>(row.times);
  return found;
}

std::string traceText(const std::vector<TracedCollective> &collectives, const rt::TraceFacts &trace) {
  std::vector<std::vector<std::string>> rows = {
      {"collective", "times", "estimated", "taken", "waited", "for others", "can hide", "hidden"}};
  for (const TracedCollective &it : collectives)
    rows.push_back({it.name, std::to_string(it.times), milliseconds(it.estimated), milliseconds(it.taken),
                    milliseconds(it.waited), milliseconds(it.others), milliseconds(it.canHide),
                    milliseconds(it.hidden())});
  std::vector<size_t> widths(rows[0].size());
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string text = "trace of " + trace.entry + " on " + std::to_string(trace.ranks) +
                     (trace.ranks < trace.ofRanks ? " of " + std::to_string(trace.ofRanks) : "") +
                     " ranks, " + milliseconds(trace.seconds) +
                     (trace.clocksWithin > 0 ? ", clocks within " + milliseconds(trace.clocksWithin) : "") +
                     "\n";
  for (const auto &row : rows) {
    text += "  " + row[0] + std::string(widths[0] - row[0].size(), ' ');
    for (size_t i = 1; i < row.size(); ++i)
      text += "  " + std::string(widths[i] - row[i].size(), ' ') + row[i];
    text += "\n";
  }
  text += "  hidden: " + percent(trace.hiddenPart()) + " of what other work can cover by the cost model";
  if (trace.hiddenParts.size() > 2)
    text += ", the median of " + std::to_string(trace.hiddenParts.size() - 1) + " steps";
  return text + "\n";
}

Json traceJson(const std::vector<TracedCollective> &collectives, const rt::TraceFacts &trace) {
  Json list = Json::array();
  for (const TracedCollective &it : collectives)
    list.push_back({{"name", it.name},
                    {"line", it.line},
                    {"times", it.times},
                    {"estimated_seconds", it.estimated},
                    {"taken_seconds", it.taken},
                    {"waited_seconds", it.waited},
                    {"waited_for_others_seconds", it.others},
                    {"can_hide_seconds", it.canHide},
                    {"hidden_seconds", it.hidden()}});
  return {{"entry", trace.entry},
          {"ranks", trace.ranks},
          {"mesh_ranks", trace.ofRanks},
          {"clocks_within_seconds", trace.clocksWithin},
          {"seconds", trace.seconds},
          {"hidden_part", trace.hiddenPart()},
          {"hidden_parts", trace.hiddenParts},
          {"collectives", list}};
}

} // namespace cleave::tool
