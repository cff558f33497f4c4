#include "compiler/verify/Runs.h"

#include "compiler/verify/Inputs.h"
#include "runtime/core/Instance.h"

#include <algorithm>

using namespace cleave;
using namespace cleave::verify;

static Value makeValue(const std::string &name, const rt::TensorView &view) {
  Value value;
  value.name = name;
  value.shape = view.shape;
  int64_t count = view.shape.elements();
  value.elements.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    value.elements.push_back(rt::elementAsDouble(view.shape.type, view.data, i));
  return value;
}

// Named values first: they stand behind the entry's own outputs, and the order of the program is what helps
// to find a fault.
static std::vector<std::string> outputOrder(const rt::Entry &entry, size_t own) {
  std::vector<std::string> names;
  for (size_t i = own; i < entry.outputs.size(); ++i)
    names.push_back(entry.outputs[i].name);
  for (size_t i = 0; i < own; ++i)
    names.push_back(entry.outputs[i].name);
  return names;
}

namespace {
// One attempt, with integers below `below`.
class Attempt {
public:
  Attempt(const rt::Artefact &artefact, const verify::RunOptions &options, int64_t below)
      : artefact(artefact), options(options), below(below) {}

  rt::Result<Values> run() {
    rt::InstanceOptions quiet;
    quiet.threads = 1;
    quiet.allowNonFinite = true;
    quiet.print = [](const std::string &) {};
    auto made = rt::Instance::create(artefact.program, artefact.code, quiet);
    if (!made)
      return made.error();
    instance = std::move(*made);
    rt::Result<int> found = instance->findEntry(options.entry);
    if (!found)
      return found.error();
    if (rt::Status status = instance->initialise(options.seed); !status)
      return status.error();
    const rt::Entry &entry = instance->program().entries[static_cast<size_t>(*found)];
    for (size_t i = 0; i < entry.inputs.size(); ++i) {
      std::vector<char> bytes = inputValues(entry.inputs[i].shape, i, below);
      if (rt::Status status = instance->setInput(*found, entry.inputs[i].name, bytes.data(),
                                                 static_cast<int64_t>(bytes.size()));
          !status)
        return status.error();
    }
    if (rt::Status status = instance->run(*found); !status)
      return status.error();
    return collect(entry);
  }

private:
  rt::Result<Values> collect(const rt::Entry &entry) {
    Values values;
    for (const std::string &name : outputOrder(entry, entry.outputs.size())) {
      rt::Result<rt::TensorView> view = instance->output(entry.name, name);
      if (!view)
        return view.error();
      values.push_back(makeValue(name, *view));
    }
    for (const rt::State &state : instance->program().states) {
      rt::Result<rt::TensorView> view = instance->state(state.path);
      if (!view)
        return view.error();
      values.push_back(makeValue(state.path, *view));
    }
    return values;
  }

  const rt::Artefact &artefact;
  const verify::RunOptions &options;
  int64_t below;
  std::unique_ptr<rt::Instance> instance;
};
} // namespace

rt::Result<Values> cleave::verify::runOnce(const rt::Artefact &artefact, const RunOptions &options,
                                           int64_t *used) {
  std::vector<int64_t> ranges = {options.below};
  if (options.below <= 0) {
    std::vector<rt::Shape> shapes;
    for (const rt::State &state : artefact.program->states)
      shapes.push_back(state.shape);
    for (const rt::Entry &entry : artefact.program->entries)
      for (const rt::Port &input : entry.inputs)
        shapes.push_back(input.shape);
    ranges = integerRanges(shapes);
  }
  for (size_t i = 0;; ++i) {
    rt::Result<Values> values = Attempt(artefact, options, ranges[i]).run();
    bool refused = !values && values.error().code == "E711"; // an assertion: too large an index, say
    if (refused && i + 1 < ranges.size())
      continue;
    if (used)
      *used = ranges[i];
    return values;
  }
}
