#include "test/unit/verify/RandomPlans.h"

#include <algorithm>

using namespace cleave::test;

const std::vector<PlannedProgram> &cleave::test::plannedPrograms() {
  static const std::vector<PlannedProgram> programs = {
      {"dense",
       {"Batch", "In", "Hidden", "Classes"},
       {{"net.up.w", {"In", "Hidden"}, true},
        {"net.down.w", {"Hidden", "Classes"}, true},
        {"net.h", {"Batch", "Hidden"}},
        {"logits", {"Batch", "Classes"}}},
       "Batch"},
      {"transformer",
       {"Batch", "Seq", "Vocab", "Embed", "Heads", "Head", "Hidden"},
       {{"model.embedding.table", {"Vocab", "Embed"}, true},
        {"model.blocks[*].up.w", {"Embed", "Hidden"}, true},
        {"model.blocks[*].h", {"Batch", "Seq", "Embed"}},
        {"model.blocks[*].wide", {"Batch", "Seq", "Hidden"}},
        {"logits", {"Batch", "Seq", "Vocab"}}},
       "Batch"},
      {"images",
       {"Batch", "Rows", "Columns", "HalfRows", "Features", "Colours", "Classes"},
       {{"net.out.w", {"Features", "Classes"}, true},
        {"net.a", {"Batch", "Rows", "Columns", "Features"}},
        {"net.pooled", {"Batch", "Features"}}},
       "Batch"},
      {"control",
       {"Batch", "Time", "Wide", "Buckets"},
       {{"net.w", {"Wide", "Wider"}, true},
        {"net.table", {"Buckets", "Wide"}, true},
        {"net.start", {"Batch", "Wide"}},
        {"net.counted", {"Buckets"}}},
       "Batch"},
      {"shapes",
       {"Batch", "Rows", "Columns", "Both", "Half"},
       {{"net.mixed", {"Both", "Columns"}, true},
        {"net.turned", {"Columns", "Batch", "Rows"}},
        {"net.joined", {"Batch", "Both"}},
        {"net.out", {"Batch", "Both"}}},
       "Batch"}};
  return programs;
}

namespace {

// SplitMix64.
class Random {
public:
  explicit Random(uint64_t seed) : state((seed + 1) * 0xd1342543de82ef95u) {}
  // In [0, below).
  uint64_t below(uint64_t below) {
    uint64_t bits = state += 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return (bits ^ (bits >> 31)) % below;
  }
  bool chance(uint64_t percent) { return below(100) < percent; }
  template <class T> const T &of(const std::vector<T> &list) { return list[below(list.size())]; }

private:
  uint64_t state;
};

class PlanMaker {
public:
  PlanMaker(const PlannedProgram &program, uint64_t number) : program(program), random(number) {}

  std::string make() {
    std::string text = "plan random on mesh(" + meshText() + ") {\n";
    size_t shards = 1 + random.below(3);
    for (size_t i = 0; i < shards; ++i)
      text += "  shard " + axesText() + " over " + someOver() + "\n";
    if (random.chance(25))
      text += layoutText();
    if (random.chance(15))
      text += "  replicate " + random.of(program.values).path + " over " + random.of(mesh) + "\n";
    if (random.chance(40))
      text += storeText();
    if (random.chance(15))
      text += "  accumulate " + std::to_string(2 + random.below(2)) + " of " + program.batch + "\n";
    if (random.chance(20))
      text +=
          std::string(random.chance(50) ? "  recompute " : "  save ") + random.of(activations()).path + "\n";
    if (random.chance(60))
      text += random.chance(50) ? "  remainder uneven\n" : "  remainder pad\n";
    return text + "}\n";
  }

private:
  std::string meshText() {
    const char *const names[] = {"dp", "tp", "sp"};
    size_t count = 1 + random.below(3);
    std::string text;
    uint64_t ranks = 1;
    for (size_t i = 0; i < count; ++i) {
      uint64_t size = 2 + random.below(3);
      if (ranks * size > 8)
        size = ranks * 2 > 8 ? 1 : 2;
      ranks *= size;
      mesh.emplace_back(names[i]);
      text += (i ? ", " : "") + mesh.back() + ": " + std::to_string(size);
    }
    return text;
  }

  std::string axesText() {
    std::string first = random.of(program.axes), second = random.of(program.axes);
    return random.chance(40) && second != first ? first + ", " + second : first;
  }

  std::string someOver() {
    const std::string &first = random.of(mesh), &second = random.of(mesh);
    return random.chance(15) && second != first ? first + ", " + second : first;
  }

  std::string layoutText() {
    const Nameable &value = random.of(program.values);
    std::vector<std::string> left = mesh; // a mesh axis cuts one dim; now and then two, which is refused
    std::string text = "  layout " + value.path + ": [";
    for (size_t i = 0; i < value.axes.size(); ++i) {
      text += (i ? ", " : "") + value.axes[i];
      if (left.empty() || !random.chance(40))
        continue;
      size_t at = random.below(left.size());
      text += "/" + left[at];
      if (!random.chance(5))
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return text + "]\n";
  }

  std::string storeText() {
    const char *const kinds[] = {"optimizer", "gradients, optimizer", "params, gradients, optimizer",
                                 "params"};
    return std::string("  store ") + kinds[random.below(4)] + " over " + random.of(mesh) + "\n";
  }

  std::vector<Nameable> activations() const {
    std::vector<Nameable> found;
    std::copy_if(program.values.begin(), program.values.end(), std::back_inserter(found),
                 [](const Nameable &value) { return !value.isParameter; });
    return found;
  }

  const PlannedProgram &program;
  Random random;
  std::vector<std::string> mesh;
};

} // namespace

std::string cleave::test::randomPlan(const PlannedProgram &program, uint64_t number) {
  return PlanMaker(program, number).make();
}
