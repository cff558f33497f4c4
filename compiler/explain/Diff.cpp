#include "compiler/explain/Diff.h"

#include "compiler/explain/Table.h"
#include "runtime/core/Text.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

using namespace cleave;
using namespace cleave::explain;
using Json = nlohmann::ordered_json;

//===------------------------------------------------------------------===//
// What changes
//===------------------------------------------------------------------===//

static std::string joined(const std::vector<std::string> &parts) {
  std::string all;
  for (const std::string &part : parts)
    all += (all.empty() ? "" : ", ") + part;
  return all;
}

static std::string layoutOf(const ValueFacts &value) {
  return value.layout + (value.partial.empty() ? "" : " partial " + value.partial) +
         (value.compute == value.layout ? "" : ", computed with as " + value.compute);
}

static void addLayouts(PlanDiff &found, const Facts &before, const Facts &after) {
  std::map<std::pair<std::string, std::string>, size_t> known; // in `all`
  std::vector<LayoutChange> all;
  auto at = [&](const ValueFacts &value) -> LayoutChange & {
    auto [place, isNew] = known.try_emplace({value.entry, value.name}, all.size());
    if (isNew)
      all.push_back({value.name, value.kind, "", "", 0, 0});
    return all[place->second];
  };
  for (const ValueFacts &value : before.values) {
    LayoutChange &change = at(value);
    change.before = layoutOf(value);
    change.bytesBefore = value.bytes;
  }
  for (const ValueFacts &value : after.values) {
    LayoutChange &change = at(value);
    change.after = layoutOf(value);
    change.bytesAfter = value.bytes;
  }
  found.values = static_cast<int64_t>(all.size());
  for (LayoutChange &change : all)
    if (change.before != change.after || change.bytesBefore != change.bytesAfter)
      found.layouts.push_back(std::move(change));
}

static void addCollectives(PlanDiff &found, const Facts &before, const Facts &after) {
  std::map<std::string, CollectiveChange> all;
  std::map<std::string, Quantity> sent;
  auto add = [&](const CollectiveFacts &facts, bool isAfter) {
    std::string over = joined(facts.meshAxes);
    std::string key = facts.entry + "|" + facts.op + "|" + over + "|" + facts.value + "|" + facts.phase;
    CollectiveChange &change = all[key];
    change.entry = facts.entry;
    change.op = facts.op;
    change.meshAxes = facts.meshAxes;
    change.value = facts.value;
    change.phase = facts.phase;
    if (change.source.empty() || isAfter)
      change.source = facts.source;
    int64_t bytes = facts.count * facts.bytes;
    (isAfter ? change.countAfter : change.countBefore) += facts.count;
    (isAfter ? change.bytesAfter : change.bytesBefore) += bytes;
    Quantity &sum = sent[facts.op + " over " + over];
    auto part = [&](Quantity &quantity) -> double & { return isAfter ? quantity.after : quantity.before; };
    part(sum) += static_cast<double>(bytes);
    part(found.count) += static_cast<double>(facts.count);
    part(found.bytes) += static_cast<double>(bytes);
    part(found.seconds) += static_cast<double>(facts.count) * facts.seconds;
  };
  for (const CollectiveFacts &facts : before.collectives)
    add(facts, false);
  for (const CollectiveFacts &facts : after.collectives)
    add(facts, true);
  for (auto &[key, change] : all)
    if (change.isChanged())
      found.collectives.push_back(std::move(change));
    else
      ++found.unchanged;
  auto orderOf = [](const CollectiveChange &one) {
    return std::tuple(-std::abs(one.bytesAfter - one.bytesBefore), one.phase, one.op, one.value, one.source,
                      one.meshAxes, one.entry);
  };
  std::sort(found.collectives.begin(), found.collectives.end(),
            [&](const CollectiveChange &a, const CollectiveChange &b) { return orderOf(a) < orderOf(b); });
  for (auto &[name, quantity] : sent) {
    quantity.name = name;
    found.sent.push_back(quantity);
  }
}

static const MemoryFacts &fullest(const Facts &facts) {
  static const MemoryFacts none;
  const MemoryFacts *most = &none;
  for (const MemoryFacts &memory : facts.memory)
    if (memory.peakBytes > most->peakBytes)
      most = &memory;
  return *most;
}

static void addMemory(PlanDiff &found, const Facts &before, const Facts &after) {
  const MemoryFacts &a = fullest(before), &b = fullest(after);
  auto add = [&](const char *name, int64_t MemoryFacts::*part) {
    found.memory.push_back({name, static_cast<double>(a.*part), static_cast<double>(b.*part)});
  };
  add("peak_bytes", &MemoryFacts::peakBytes);
  add("params", &MemoryFacts::params);
  add("gradients", &MemoryFacts::gradients);
  add("optimizer", &MemoryFacts::optimizer);
  add("activations", &MemoryFacts::activations);
  add("buffers", &MemoryFacts::buffers);
  add("temporaries", &MemoryFacts::temporaries);
}

PlanDiff cleave::explain::diff(const Facts &before, const Facts &after) {
  PlanDiff found;
  found.before = before.mesh;
  found.after = after.mesh;
  found.ranks = {"ranks", static_cast<double>(before.mesh.ranks), static_cast<double>(after.mesh.ranks)};
  found.count.name = "collectives";
  found.bytes.name = "sent";
  found.seconds.name = "time of collectives";
  addLayouts(found, before, after);
  addCollectives(found, before, after);
  addMemory(found, before, after);
  return found;
}

bool PlanDiff::differs() const {
  auto changes = [](const Quantity &quantity) { return quantity.before != quantity.after; };
  return !layouts.empty() || !collectives.empty() || changes(ranks) ||
         std::any_of(memory.begin(), memory.end(), changes);
}

//===------------------------------------------------------------------===//
// For people
//===------------------------------------------------------------------===//

static std::string headingOf(const MeshFacts &mesh) {
  std::string axes;
  for (const MeshAxisFacts &axis : mesh.axes)
    axes += (axes.empty() ? "" : ", ") + axis.name + ": " + std::to_string(axis.size);
  return mesh.plan + " (" + mesh.hash.substr(0, 12) + ") on mesh(" + axes + ")";
}

static std::string bytesText(double bytes) { return rt::bytesText(static_cast<int64_t>(bytes)); }

// "-25 %"
static std::string change(double before, double after) {
  if (before == after)
    return "same";
  if (before == 0)
    return "new";
  if (after == 0)
    return "gone";
  char text[32];
  std::snprintf(text, sizeof(text), "%+.0f %%", (after / before - 1) * 100);
  return text;
}

static std::string times(int64_t count, int64_t bytes) {
  if (count == 0)
    return "-";
  return (count > 1 ? std::to_string(count) + " x " : "") + rt::bytesText(bytes / count);
}

static std::string collectivesText(const PlanDiff &diff) {
  Table table({false, false, false, true, false, true});
  for (const CollectiveChange &one : diff.collectives)
    table.row({one.countBefore == 0  ? "+"
               : one.countAfter == 0 ? "-"
                                     : "~",
               one.op + " over " + joined(one.meshAxes), one.value + " (" + one.phase + ")",
               times(one.countBefore, one.bytesBefore), "->", times(one.countAfter, one.bytesAfter)});
  return table.text(2);
}

std::string cleave::explain::renderText(const PlanDiff &diff, bool colour) {
  auto bold = [&](const std::string &text) { return colour ? "\033[1m" + text + "\033[0m" : text; };
  std::string out =
      bold("from") + " " + headingOf(diff.before) + "\n" + bold("to  ") + " " + headingOf(diff.after) + "\n";
  if (!diff.differs())
    return out + "\nnothing changes: layouts, collectives and memory are the same\n";
  out += "\n" + bold("layouts") + ", " + std::to_string(diff.layouts.size()) + " of " +
         std::to_string(diff.values) + " change\n";
  for (const LayoutChange &one : diff.layouts)
    out += "  " + one.name + "\n    - " + (one.before.empty() ? "(not there)" : one.before) + ", " +
           rt::bytesText(one.bytesBefore) + "\n    + " + (one.after.empty() ? "(not there)" : one.after) +
           ", " + rt::bytesText(one.bytesAfter) + "\n";
  out += "\n" + bold("collectives") + " per rank and step, " + std::to_string(diff.collectives.size()) +
         " change, " + std::to_string(diff.unchanged) + " do not\n" + collectivesText(diff);
  Table table({false, true, true, true});
  table.row({"", diff.before.plan, diff.after.plan, ""});
  auto row = [&](const Quantity &one, const std::string &before, const std::string &after) {
    table.row({one.name, before, after, change(one.before, one.after)});
  };
  auto number = [](double value) { return std::to_string(static_cast<int64_t>(value)); };
  row(diff.ranks, number(diff.ranks.before), number(diff.ranks.after));
  row(diff.count, number(diff.count.before), number(diff.count.after));
  row(diff.seconds, secondsText(diff.seconds.before), secondsText(diff.seconds.after));
  row(diff.bytes, bytesText(diff.bytes.before), bytesText(diff.bytes.after));
  for (const Quantity &one : diff.sent)
    row({"  " + one.name, one.before, one.after}, bytesText(one.before), bytesText(one.after));
  for (const Quantity &one : diff.memory) {
    bool isPeak = one.name == "peak_bytes";
    row({isPeak ? "peak memory" : "  " + (one.name == "params" ? "parameters" : one.name), one.before,
         one.after},
        bytesText(one.before), bytesText(one.after));
  }
  return out + "\n" + bold("totals") + ", per rank\n" + table.text(2);
}

//===------------------------------------------------------------------===//
// For programs
//===------------------------------------------------------------------===//

static Json meshOf(const MeshFacts &mesh) {
  Json axes = Json::array();
  for (const MeshAxisFacts &axis : mesh.axes)
    axes.push_back({{"name", axis.name}, {"size", axis.size}});
  return {{"plan", mesh.plan}, {"hash", mesh.hash}, {"ranks", mesh.ranks}, {"axes", axes}};
}

static Json pair(const Quantity &quantity) {
  return {{"before", quantity.before}, {"after", quantity.after}};
}

std::string cleave::explain::renderJson(const PlanDiff &diff) {
  Json layouts = Json::array(), collectives = Json::array(), sent = Json::object(), memory = Json::object();
  for (const LayoutChange &one : diff.layouts)
    layouts.push_back({{"name", one.name},
                       {"kind", one.kind},
                       {"before", one.before},
                       {"after", one.after},
                       {"bytes_before", one.bytesBefore},
                       {"bytes_after", one.bytesAfter}});
  for (const CollectiveChange &one : diff.collectives)
    collectives.push_back({{"entry", one.entry},
                           {"op", one.op},
                           {"mesh_axes", one.meshAxes},
                           {"value", one.value},
                           {"phase", one.phase},
                           {"source", one.source},
                           {"count_before", one.countBefore},
                           {"count_after", one.countAfter},
                           {"bytes_before", one.bytesBefore},
                           {"bytes_after", one.bytesAfter}});
  for (const Quantity &one : diff.sent)
    sent[one.name] = pair(one);
  for (const Quantity &one : diff.memory)
    memory[one.name] = pair(one);
  Json all = {{"before", meshOf(diff.before)},
              {"after", meshOf(diff.after)},
              {"differs", diff.differs()},
              {"layouts", layouts},
              {"values", diff.values},
              {"collectives", collectives},
              {"unchanged_collectives", diff.unchanged},
              {"count", pair(diff.count)},
              {"bytes_per_rank", pair(diff.bytes)},
              {"seconds", pair(diff.seconds)},
              {"sent", sent},
              {"memory", memory}};
  return all.dump(2) + "\n";
}
