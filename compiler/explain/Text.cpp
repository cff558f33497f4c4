#include "compiler/explain/Text.h"

#include "compiler/explain/Table.h"
#include "runtime/core/Text.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <tuple>

using namespace cleave;
using namespace cleave::explain;

std::string cleave::explain::toString(const ProofFacts &proof) {
  if (!proof.isProved)
    return proof.reason.empty() ? "" : "not proved: " + proof.reason;
  std::string trusting;
  for (const std::string &region : proof.trusted)
    trusting += (trusting.empty() ? ", trusting " : " and ") + region;
  return "proved" + trusting + ": every class of ranks computes what the program says";
}

namespace {

std::string joined(const std::vector<std::string> &parts, const char *between) {
  std::string all;
  for (const std::string &part : parts)
    all += (all.empty() ? "" : between) + part;
  return all;
}

class Renderer {
public:
  Renderer(const Facts &facts, const TextOptions &options) : facts(facts), options(options) {}

  std::string render() {
    heading();
    values();
    collectives();
    gathers();
    conflicts();
    totals();
    memory();
    return out;
  }

private:
  std::string bold(const std::string &text) const {
    return options.colour ? "\033[1m" + text + "\033[0m" : text;
  }
  std::string dim(const std::string &text) const {
    return options.colour ? "\033[2m" + text + "\033[0m" : text;
  }

  void heading() {
    std::vector<std::string> axes;
    for (const MeshAxisFacts &axis : facts.mesh.axes)
      axes.push_back(axis.name + ": " + std::to_string(axis.size) +
                     (axis.link.empty() ? "" : " over " + axis.link));
    out += bold(facts.mesh.plan.empty() ? "no plan" : "plan " + facts.mesh.plan) +
           (facts.mesh.hash.empty() ? "" : " (" + facts.mesh.hash.substr(0, 12) + ")");
    if (!axes.empty())
      out += " on mesh(" + joined(axes, ", ") + ")";
    out += ", " + std::to_string(facts.mesh.ranks) + (facts.mesh.ranks == 1 ? " rank\n" : " ranks\n");
    if (std::string proof = toString(facts.proof); !proof.empty())
      out += proof + "\n";
  }

  void values() {
    if (facts.values.empty())
      return;
    out += "\n" + bold("layouts") + "\n";
    Table table({false, false, true, false});
    for (const ValueFacts &value : facts.values)
      table.row({value.name,
                 value.layout + (value.partial.empty() ? "" : " partial " + value.partial) +
                     (value.compute == value.layout ? "" : ", computed with as " + value.compute),
                 rt::bytesText(value.bytes), value.kind});
    out += table.text(2);
  }

  // Text in lines of the width there is, the first behind `label`.
  void wrapped(const std::string &label, const std::string &text) {
    const size_t indent = 6, behind = indent + label.size() + 1;
    size_t width = options.width > behind + 20 ? options.width - behind : 20;
    std::string line, prefix = std::string(indent, ' ') + label + " ";
    auto flush = [&] {
      out += prefix + line + "\n";
      prefix = std::string(behind, ' ');
      line.clear();
    };
    for (size_t at = 0; at < text.size();) {
      size_t end = std::min(text.find(' ', at), text.size());
      std::string word = text.substr(at, end - at);
      if (!line.empty() && line.size() + 1 + word.size() > width)
        flush();
      line += (line.empty() ? "" : " ") + word;
      at = end + 1;
    }
    flush();
  }

  // The line of the text a place is in, with a caret under the column.
  void excerpt(const char *label, const std::string &place) {
    if (place.empty())
      return;
    out += "      " + std::string(label) + " " + place + "\n";
    size_t second = place.rfind(':'),
           first = second == std::string::npos ? second : place.rfind(':', second - 1);
    if (first == std::string::npos || !options.line)
      return;
    int line = std::atoi(place.c_str() + first + 1), column = std::atoi(place.c_str() + second + 1);
    std::string text = options.line(place.substr(0, first), line);
    if (text.empty() || column < 1)
      return;
    // What is too long is cut in front of the caret, then behind it.
    size_t room = options.width > 30 ? options.width - 12 : 20, at = static_cast<size_t>(column) - 1,
           skip = 0;
    size_t blank = std::min(text.find_first_not_of(' '), at);
    skip = at > room / 2 + blank ? at - room / 2 : blank;
    out += "        " + dim(text.substr(std::min(skip, text.size()), room)) + "\n";
    out += "        " + std::string(at - skip, ' ') + bold("^") + "\n";
  }

  // "nn/linear.dsl:12:23" of a longer path: the file and its folder are enough to find it.
  static std::string stepText(const std::string &step) {
    size_t file = step.rfind('/'),
           folder = file == std::string::npos || file == 0 ? file : step.rfind('/', file - 1);
    return folder == std::string::npos ? step : step.substr(folder + 1);
  }

  void spread(const std::vector<std::string> &path) {
    std::vector<std::string> steps;
    for (const std::string &step : path)
      steps.push_back(stepText(step));
    if (steps.size() > 1)
      wrapped("spread", joined(steps, " -> "));
  }

  // The reasons of what was merged into it, the first ones.
  void merged(const CollectiveFacts &fact) {
    constexpr size_t kShown = 3;
    for (size_t i = 0; i < std::min(kShown, fact.merged.size()); ++i) {
      const ReasonFacts &other = fact.merged[i];
      wrapped("also for",
              (other.value.empty() ? "" : other.value + ": ") + other.because +
                  (other.source.empty() ? "" : ", at " + stepText(other.source)) +
                  (other.plan.empty() || other.plan == fact.plan ? "" : ", by " + stepText(other.plan)));
    }
    if (fact.merged.size() > kShown)
      wrapped("also for", std::to_string(fact.merged.size() - kShown) + " more (--json has them)");
  }

  void collective(const CollectiveFacts &fact) {
    std::string line = "    " + bold(fact.op) + " over " + joined(fact.meshAxes, ", ") +
                       (fact.value.empty() ? "" : " of " + fact.value) + " " + fact.type + "\n      " +
                       (fact.count > 1 ? std::to_string(fact.count) + " x " : "") +
                       rt::bytesText(fact.bytes) + " per rank, " + secondsText(fact.seconds) +
                       (fact.count > 1 ? " each" : "") + "\n";
    out += line;
    if (!fact.overlap.empty())
      wrapped("hidden", secondsText(fact.hidden) + (fact.count > 1 ? " of each" : "") +
                            " by other work: " + fact.overlap);
    if (!fact.because.empty())
      wrapped("because", fact.because);
    excerpt("model", fact.source);
    excerpt("plan", fact.plan);
    spread(fact.path);
    merged(fact);
    if (!fact.hint.empty())
      wrapped("without it:",
              fact.hint + (fact.removedBy.empty()
                               ? ""
                               : "; then each rank sends " + rt::bytesText(fact.bytesWithout) + " in all"));
  }

  void collectives() {
    std::vector<std::string> entries, phases;
    auto note = [](std::vector<std::string> &list, const std::string &text) {
      if (std::find(list.begin(), list.end(), text) == list.end())
        list.push_back(text);
    };
    for (const CollectiveFacts &fact : facts.collectives)
      note(entries, fact.entry), note(phases, fact.phase);
    for (const std::string &entry : entries) {
      out += "\n" + bold("collectives of " + entry) + ", per step\n";
      for (const std::string &phase : phases) {
        bool first = true;
        for (const CollectiveFacts &fact : facts.collectives) {
          if (fact.entry != entry || fact.phase != phase)
            continue;
          if (first)
            out += "  " + bold(phase.empty() ? "other" : phase) + "\n";
          first = false;
          collective(fact);
        }
      }
    }
    if (facts.collectives.empty())
      out += "\nno collectives\n";
  }

  // Those of one cause together.
  void conflicts() {
    if (facts.conflicts.empty())
      return;
    out += "\n" + bold("conflicts") + "\n";
    std::vector<std::pair<const ConflictFacts *, std::vector<std::string>>> groups;
    for (const ConflictFacts &fact : facts.conflicts) {
      auto same = [&](const auto &group) {
        const ConflictFacts &other = *group.first;
        return std::tie(fact.dim, fact.axis, fact.tactic, fact.winner, fact.because) ==
               std::tie(other.dim, other.axis, other.tactic, other.winner, other.because);
      };
      auto group = std::find_if(groups.begin(), groups.end(), same);
      if (group == groups.end())
        group = groups.insert(group, {&fact, {}});
      group->second.push_back(fact.value);
    }
    for (const auto &[fact, values] : groups) {
      constexpr size_t kShown = 4;
      out += "  " + fact->dim + " is not cut over " + fact->axis + "\n";
      std::vector<std::string> shown(values.begin(), values.begin() + std::min(kShown, values.size()));
      wrapped("of", joined(shown, "; ") + (values.size() > kShown
                                               ? "; and " + std::to_string(values.size() - kShown) + " more"
                                               : ""));
      wrapped("because", fact->because);
      excerpt("wanted by", fact->tactic);
      excerpt("stands for", fact->winner);
    }
  }

  // What the backward pass does for what was gathered going forwards, and what that costs.
  void gathers() {
    struct Sum {
      int64_t count = 0, sent = 0, kept = 0;
    } kept, again;
    for (const CollectiveFacts &fact : facts.collectives)
      if (fact.regather != CollectiveFacts::Regather::None) {
        Sum &sum = fact.regather == CollectiveFacts::Regather::Kept ? kept : again;
        sum.count += fact.count;
        sum.sent += fact.count * fact.bytes;
        sum.kept += fact.count * fact.kept;
      }
    if (kept.count + again.count == 0)
      return;
    out += "\n" + bold("gathered inputs") + ", which the backward pass reads too\n";
    Table table({false, true, false});
    if (kept.count)
      table.row({"kept as gathered", std::to_string(kept.count),
                 rt::bytesText(kept.kept) + " per rank more than their parts; gathering again would send " +
                     rt::bytesText(kept.sent)});
    if (again.count)
      table.row({"kept in parts, gathered again", std::to_string(again.count),
                 rt::bytesText(again.sent) + " per rank sent again; keeping them would take " +
                     rt::bytesText(again.kept)});
    out += table.text(2);
  }

  void totals() {
    if (facts.collectives.empty())
      return;
    struct Sum {
      int64_t count = 0, bytes = 0;
      double seconds = 0;
    };
    std::map<std::string, Sum> kinds, axes;
    Sum whole;
    for (const CollectiveFacts &fact : facts.collectives)
      for (Sum *sum : {&kinds[fact.op], &axes[joined(fact.meshAxes, ", ") + " in " + fact.phase], &whole}) {
        sum->count += fact.count;
        sum->bytes += fact.count * fact.bytes;
        sum->seconds += static_cast<double>(fact.count) * fact.seconds;
      }
    out += "\n" + bold("totals") + ", per rank and step\n";
    Table table({false, true, true, true});
    auto row = [&](const std::string &name, const Sum &sum) {
      table.row({name, std::to_string(sum.count), rt::bytesText(sum.bytes), secondsText(sum.seconds)});
    };
    for (const auto &[name, sum] : kinds)
      row(name, sum);
    for (const auto &[name, sum] : axes)
      row("over " + name, sum);
    row("all", whole);
    out += table.text(2);
  }

  void memory() {
    if (facts.memory.empty())
      return;
    out += "\n" + bold("memory") + ", per rank\n";
    Table table({false, true, true, true, true, true, true, true});
    table.row(
        {"ranks", "peak", "parameters", "gradients", "optimizer", "activations", "buffers", "temporaries"});
    for (const MemoryFacts &rank : facts.memory) {
      std::string ranks = rank.ranks.empty() ? "all" : std::to_string(rank.ranks.front());
      if (rank.count > 1)
        ranks += rank.count == rank.ranks.back() - rank.ranks.front() + 1
                     ? "-" + std::to_string(rank.ranks.back())
                     : ", ... (" + std::to_string(rank.count) + ")";
      std::vector<std::string> cells = {ranks};
      for (int64_t bytes : {rank.peakBytes, rank.params, rank.gradients, rank.optimizer, rank.activations,
                            rank.buffers, rank.temporaries})
        cells.push_back(rt::bytesText(bytes));
      table.row(std::move(cells));
    }
    out += table.text(2);
  }

  const Facts &facts;
  const TextOptions &options;
  std::string out;
};

} // namespace

void Facts::keep(const std::string &entry) {
  auto isOther = [&](const auto &fact) {
    return !entry.empty() && !fact.entry.empty() && fact.entry != entry;
  };
  values.erase(std::remove_if(values.begin(), values.end(), isOther), values.end());
  collectives.erase(std::remove_if(collectives.begin(), collectives.end(), isOther), collectives.end());
}

std::string cleave::explain::renderText(const Facts &facts, const TextOptions &options) {
  return Renderer(facts, options).render();
}
