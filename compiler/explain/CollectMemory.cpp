// What of a rank's peak is parameters, gradients, activations, ...
//
// What a step leaves behind for its caller is computed forwards; what only a new state needs is computed
// backwards or by the update. A value that is made forwards and read later is an activation; one of a
// parameter's axes that is made backwards is a gradient.
#include "compiler/analysis/ActionTimes.h"
#include "compiler/analysis/MemoryReport.h"
#include "compiler/explain/Collect.h"
#include "compiler/explain/Phases.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::explain;

namespace {
enum class Use { Gradient, Activation, Temporary };

// What of an entry's scratch is alive at its fullest moment.
class Moment {
public:
  Moment(func::FuncOp entry, const std::set<std::string> &paramAxes)
      : entry(entry), paramAxes(paramAxes), times(entry), forward(entry) {}

  std::map<Use, int64_t> fullest() {
    collect();
    // A value comes at its definition and goes behind its last use; those that share a place are there once.
    struct Event {
      int64_t time;
      bool comes;
      const Held *held;
    };
    std::vector<Event> events;
    for (const Held &one : held) {
      events.push_back({one.begin, true, &one});
      events.push_back({one.end + 1, false, &one});
    }
    llvm::sort(events, [](const Event &a, const Event &b) {
      return std::tuple(a.time, a.comes, a.held) < std::tuple(b.time, b.comes, b.held);
    });
    std::map<int64_t, std::pair<int64_t, const Held *>>
        places; // how many are there; the first of them counts
    std::map<Use, int64_t> now, best;
    int64_t bytes = 0, most = -1;
    for (const Event &event : events) {
      auto &[there, first] = places[event.held->offset];
      if (event.comes ? there++ == 0 : --there == 0) {
        first = event.comes ? event.held : first;
        int64_t change = event.comes ? first->bytes : -first->bytes;
        bytes += change;
        now[first->use] += change;
      }
      if (bytes > most) {
        most = bytes;
        best = now;
      }
    }
    return best;
  }

private:
  struct Held {
    int64_t begin, end, bytes, offset;
    Use use;
  };

  void collect() {
    entry.walk([&](Operation *op) {
      for (Value value : op->getResults()) {
        pipe::PlaceAttr place = pipe::placeOf(value);
        if (place && place.getRegion() == pipe::MemoryRegion::Scratch && place.getDepths().empty())
          held.push_back({times.definition(value), times.lastUse(value), pipe::bytesOf(value.getType()),
                          place.getOffset(), useOf(value)});
      }
    });
  }

  Use useOf(Value value) {
    Block &block = entry.getBody().front();
    Operation *maker = block.findAncestorOpInBlock(*value.getDefiningOp());
    if (forward.contains(maker)) {
      bool later = llvm::any_of(value.getUsers(), [&](Operation *user) {
        return !forward.contains(block.findAncestorOpInBlock(*user));
      });
      return later ? Use::Activation : Use::Temporary;
    }
    return paramAxes.count(axesText(value.getType())) ? Use::Gradient : Use::Temporary;
  }

public:
  static std::string axesText(Type type) {
    std::string text;
    for (StringRef axis : model::axesOf(cast<RankedTensorType>(type)))
      text += axis.str() + "|";
    return text;
  }

private:
  func::FuncOp entry;
  const std::set<std::string> &paramAxes;
  analysis::ActionTimes times;
  Forward forward;
  std::vector<Held> held;
};
} // namespace

MemoryFacts cleave::explain::collectMemory(ModuleOp module) {
  analysis::MemoryReport report = analysis::reportMemory(module);
  MemoryFacts facts;
  facts.peakBytes = report.peakBytes();
  for (const auto &[kind, bytes] : report.stateBytes)
    (kind == "param" ? facts.params : kind == "optimizer" ? facts.optimizer : facts.buffers) += bytes;
  const analysis::EntryMemory *largest = nullptr;
  auto sizeOf = [](const analysis::EntryMemory &entry) {
    return entry.scratchBytes + entry.inputBytes + entry.outputBytes;
  };
  for (const analysis::EntryMemory &entry : report.entries)
    if (!largest || sizeOf(entry) > sizeOf(*largest))
      largest = &entry;
  if (!largest)
    return facts;
  facts.buffers += largest->inputBytes + largest->outputBytes;
  std::set<std::string> paramAxes;
  for (auto state : module.getOps<model::StateOp>())
    if (state.getKind() == "param")
      paramAxes.insert(Moment::axesText(state.getType()));
  auto entry = SymbolTable(module).lookup<func::FuncOp>(largest->entry);
  std::map<Use, int64_t> uses = Moment(entry, paramAxes).fullest();
  facts.gradients = uses[Use::Gradient];
  facts.activations = uses[Use::Activation];
  // What is left of the peak: temporaries, and gaps between values.
  facts.temporaries =
      facts.peakBytes - facts.params - facts.optimizer - facts.buffers - facts.gradients - facts.activations;
  return facts;
}
