#include "compiler/verify/Runs.h"

#include "compiler/verify/Blocks.h"
#include "compiler/verify/Inputs.h"
#include "runtime/core/Parts.h"
#include "runtime/core/Paths.h"
#include "runtime/core/Ranks.h"

#include <algorithm>
#include <set>

using namespace cleave;
using namespace cleave::verify;

static std::vector<int64_t> rangesOf(const rt::Program &program) {
  std::vector<rt::Shape> shapes;
  for (const rt::State &state : program.states)
    shapes.push_back(state.shape);
  for (const rt::Entry &entry : program.entries)
    for (const rt::Port &input : entry.inputs)
      shapes.push_back(input.shape);
  return integerRanges(shapes);
}

namespace {

class Run {
public:
  Run(rt::Ranks &ranks, int entry) : ranks(ranks), entry(entry) {}

  // From initial values, with integer inputs below `below`.
  rt::Status once(int64_t seed, int64_t below) {
    if (rt::Status status = ranks.initialise(seed); !status)
      return status;
    values.clear();
    // Parameters are made by the same bits under every plan, which values behind them would hide.
    if (rt::Status status =
            addStates(" at first", [](const rt::State &state) { return state.kind == "param"; });
        !status)
      return status;
    const rt::Entry &facts = ranks.program().entries[static_cast<size_t>(entry)];
    for (size_t i = 0; i < facts.inputs.size(); ++i) {
      std::vector<char> bytes = inputValues(facts.inputs[i].shape, i, below);
      if (rt::Status status =
              ranks.setInput(entry, facts.inputs[i].name, bytes.data(), static_cast<int64_t>(bytes.size()));
          !status)
        return status;
    }
    if (rt::Status status = ranks.run(entry); !status)
      return status;
    if (rt::Status status = addOutputs(); !status)
      return status;
    return addStates("", [](const rt::State &) { return true; });
  }

  Values take() { return std::move(values); }

private:
  rt::Status addOutputs() {
    for (size_t i = 0; i < ranks.program().entries[static_cast<size_t>(entry)].outputs.size(); ++i) {
      auto portOf = [&](int64_t rank) -> const rt::Port & {
        return ranks.rank(rank).program().entries[static_cast<size_t>(entry)].outputs[i];
      };
      Assembly assembly(portOf(0).name, ranks.program().mesh, portOf(0).shape, portOf(0).split);
      for (int64_t rank = 0; rank < ranks.ranks(); ++rank) {
        rt::Result<rt::TensorView> view = ranks.rank(rank).output(entry, portOf(rank).name);
        if (!view)
          return view.error();
        assembly.add(rank, portOf(rank).shape, portOf(rank).split, view->data);
      }
      values.push_back(assembly.take());
      values.back().source = portOf(0).location;
      values.back().inTurns = true;
    }
    return {};
  }

  template <class Wanted> rt::Status addStates(const char *suffix, Wanted wanted) {
    for (size_t i = 0; i < ranks.program().states.size(); ++i) {
      auto stateOf = [&](int64_t rank) -> const rt::State & { return ranks.rank(rank).program().states[i]; };
      if (!wanted(stateOf(0)))
        continue;
      Assembly assembly(stateOf(0).path + suffix, ranks.program().mesh, stateOf(0).shape, stateOf(0).split);
      for (int64_t rank = 0; rank < ranks.ranks(); ++rank) {
        rt::Result<rt::TensorView> view = ranks.rank(rank).state(stateOf(rank).path);
        if (!view)
          return view.error();
        assembly.add(rank, stateOf(rank).shape, stateOf(rank).split, view->data);
      }
      values.push_back(assembly.take());
    }
    return {};
  }

  rt::Ranks &ranks;
  int entry;
  Values values;
};

} // namespace

// What a plan keeps in parts, `blocks[0..2].h` and `blocks[2].h`, as one value, `blocks[*].h`, where the
// first of them stands.
static Values joined(Values values) {
  std::vector<rt::Part> all;
  for (const Value &value : values)
    all.push_back({value.name, value.shape});
  Values result;
  std::set<std::string> done;
  for (Value &value : values) {
    std::string name = rt::withAllLayers(value.name);
    if (name == value.name) {
      result.push_back(std::move(value));
      continue;
    }
    if (!done.insert(name).second)
      continue;
    std::vector<rt::Part> parts = rt::partsOf(all, name);
    Value stack = {name, rt::joined(parts), {}, value.source, value.inTurns};
    size_t copies = SIZE_MAX;
    for (const Value &part : values)
      if (rt::withAllLayers(part.name) == name)
        copies = std::min(copies, part.copies.size());
    stack.copies.assign(copies, std::vector<double>(static_cast<size_t>(stack.shape.elements())));
    rt::Shape whole = stack.shape;
    whole.type = rt::Type::F64; // as copies hold elements
    for (const Value &part : values)
      for (size_t i = 0; rt::withAllLayers(part.name) == name && i < copies; ++i)
        rt::copyIn(whole, {part.name, part.shape}, part.copies[i].data(), stack.copies[i].data());
    result.push_back(std::move(stack));
  }
  return result;
}

rt::Result<RunResult> cleave::verify::runOnce(const rt::Artefact &artefact, const RunOptions &options) {
  rt::RanksOptions quiet;
  quiet.threadsPerRank = 1;
  quiet.allowNonFinite = true;
  quiet.timeoutSeconds = 60;
  quiet.print = [](const std::string &) {};
  std::vector<std::shared_ptr<const rt::Program>> classes = {artefact.program};
  classes.insert(classes.end(), artefact.others.begin(), artefact.others.end());
  auto ranks = rt::Ranks::create(std::move(classes), artefact.classOf, artefact.code, quiet);
  if (!ranks)
    return ranks.error();
  rt::Result<int> entry = (*ranks)->rank(0).findEntry(options.entry);
  if (!entry)
    return entry.error();
  std::vector<int64_t> ranges = {options.below};
  if (options.below <= 0)
    ranges = rangesOf((*ranks)->program());
  for (size_t i = 0;; ++i) {
    Run run(**ranks, *entry);
    rt::Status status = run.once(options.seed, ranges[i]);
    if (status)
      return RunResult{joined(run.take()), ranges[i]};
    bool refused = status.error().code == "E711"; // an assertion: too large an index, say
    if (!refused || i + 1 == ranges.size())
      return status.error();
  }
}
