#include "test/unit/verify/RandomPlans.h"

#include <algorithm>
#include <set>

using namespace cleave::test;

const std::vector<PlannedProgram> &cleave::test::plannedPrograms() {
  static const std::vector<PlannedProgram> programs = {
      {"dense",
       {"Batch", "In", "Hidden", "Classes"},
       {{"net.up.w", {"In", "Hidden"}, true},
        {"net.down.w", {"Hidden", "Classes"}, true},
        {"net.h", {"Batch", "Hidden"}},
        {"logits", {"Batch", "Classes"}}},
       "Batch",
       86},
      {"transformer",
       {"Batch", "Seq", "Vocab", "Embed", "Heads", "Head", "Hidden"},
       {{"model.embedding.table", {"Vocab", "Embed"}, true},
        {"model.blocks[*].up.w", {"Embed", "Hidden"}, true},
        {"model.blocks[1].down.w", {"Hidden", "Embed"}, true},
        {"model.blocks[0..1].h", {"Batch", "Seq", "Embed"}},
        {"model.blocks[*].h", {"Batch", "Seq", "Embed"}},
        {"model.blocks[*].wide", {"Batch", "Seq", "Hidden"}},
        {"logits", {"Batch", "Seq", "Vocab"}}},
       "Batch",
       24},
      {"images",
       {"Batch", "Rows", "Columns", "HalfRows", "Features", "Colours", "Classes"},
       {{"net.out.w", {"Features", "Classes"}, true},
        {"net.a", {"Batch", "Rows", "Columns", "Features"}},
        {"net.pooled", {"Batch", "Features"}}},
       "Batch",
       70},
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
      text += shardText();
    if (random.chance(30))
      text += layoutText();
    if (random.chance(15))
      text += "  replicate " + random.of(program.values).path +
              (random.chance(50) ? " over " + random.of(mesh).name + "\n" : "\n");
    if (random.chance(40))
      text += storeText();
    if (random.chance(15))
      text += "  accumulate " + std::to_string(2 + random.below(2)) + " of " + program.batch + "\n";
    if (random.chance(25))
      text +=
          std::string(random.chance(50) ? "  recompute " : "  save ") + random.of(activations()).path + "\n";
    if (random.chance(85))
      text += remainderText();
    if (random.chance(15))
      text += boundText();
    return text + "}\n";
  }

private:
  struct MeshAxis {
    std::string name;
    uint64_t size = 1;
  };

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
      mesh.push_back({names[i], size});
      text += (i ? ", " : "") + mesh.back().name + ": " + std::to_string(size);
    }
    return text;
  }

  // A mesh axis, or a part of one of four ranks.
  std::string useText(const MeshAxis &axis) {
    if (axis.size != 4 || !random.chance(30))
      return axis.name;
    return axis.name + (random.chance(50) ? "[1:2]" : "[2:2]");
  }

  std::string overText() {
    const MeshAxis &first = random.of(mesh), &second = random.of(mesh);
    bool both = random.chance(20) && second.name != first.name;
    return both ? first.name + ", " + second.name : useText(first);
  }

  // Now and then an axis is sharded twice over one mesh axis, which is refused.
  std::string shardText() {
    std::string first = random.of(program.axes), second = random.of(program.axes), over = overText();
    bool both = random.chance(40) && second != first;
    for (const std::string &axis : both ? std::vector{first, second} : std::vector{first})
      for (const MeshAxis &used : mesh)
        if (over.find(used.name) != std::string::npos && !sharded.insert(axis + " " + used.name).second &&
            !random.chance(5))
          return "";
    return "  shard " + (both ? first + ", " + second : first) + " over " + over + "\n";
  }

  std::string layoutText() {
    const Nameable &value = random.of(program.values);
    std::vector<MeshAxis> left = mesh; // a mesh axis cuts one dim; now and then two, which is refused
    std::string text = "  layout " + value.path + ": [";
    for (size_t i = 0; i < value.axes.size(); ++i) {
      text += (i ? ", " : "") + value.axes[i];
      if (!left.empty() && random.chance(40)) {
        size_t at = random.below(left.size());
        text += "/" + useText(left[at]);
        if (!random.chance(3))
          left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
      }
      text += random.chance(30) ? "?" : "";
    }
    return text + "]\n";
  }

  std::string storeText() {
    const char *const kinds[] = {"optimizer", "gradients, optimizer", "params, gradients, optimizer",
                                 "params"};
    std::string text = std::string("  store ") + kinds[random.below(4)];
    if (random.chance(20))
      text += " of " + random.of(parameters()).path;
    return text + " over " + overText() + "\n";
  }

  std::string remainderText() {
    const char *const policies[] = {"uneven", "pad"};
    size_t first = random.below(2);
    std::string text = std::string("  remainder ") + policies[first] + "\n";
    if (random.chance(25)) // another one for one axis
      text += std::string("  remainder ") + policies[1 - first] + " for " + random.of(program.axes) + "\n";
    return text;
  }

  // Limits that hold.
  std::string boundText() {
    switch (random.below(4)) {
    case 0:
      return "  assert peak_memory <= 1 GiB\n";
    case 1:
      return "  assert count(all_reduce over " + random.of(mesh).name + ") <= 1000\n";
    case 2:
      return "  assert bytes(all_gather in " + random.of(program.values).path + ") <= 1 GiB\n";
    default:
      return "  allow reshard <= 1 GiB\n  assert no send\n";
    }
  }

  std::vector<Nameable> parameters() const {
    std::vector<Nameable> found;
    std::copy_if(program.values.begin(), program.values.end(), std::back_inserter(found),
                 [](const Nameable &value) { return value.isParameter; });
    return found;
  }

  std::vector<Nameable> activations() const {
    std::vector<Nameable> found;
    std::copy_if(program.values.begin(), program.values.end(), std::back_inserter(found),
                 [](const Nameable &value) { return !value.isParameter; });
    return found;
  }

  const PlannedProgram &program;
  Random random;
  std::vector<MeshAxis> mesh;
  std::set<std::string> sharded; // "Batch dp"
};

} // namespace

std::string cleave::test::randomPlan(const PlannedProgram &program, uint64_t number) {
  return PlanMaker(program, number).make();
}
