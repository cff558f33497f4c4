#include "compiler/verify/Verify.h"

#include "lang/ast/Tree.h"
#include "lang/diag/Engine.h"
#include "runtime/core/Text.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>

using namespace cleave;
using namespace cleave::verify;

static void report(diag::Engine &engine, const rt::Error &error) {
  diag::Diagnostic &diagnostic = engine.error(error.code, {}, error.message);
  for (const std::string &note : error.notes)
    diagnostic.note({}, note);
}

// Compiles and runs; jittered on one rank, else under the options' plan.
static std::optional<RunResult> compileAndRun(DriverOptions program, const RunOptions &run, bool exposed,
                                              int64_t *ranks, diag::Engine &engine) {
  program.promote = true;
  program.assertions = false; // they are about the sizes of the plan, not these
  program.entries = {run.entry};
  program.expose.clear();
  if (exposed)
    program.expose.push_back("*");
  Driver driver(std::move(program), engine);
  std::optional<rt::Artefact> artefact = driver.compile();
  if (!artefact)
    return std::nullopt;
  if (ranks)
    *ranks = artefact->program->mesh.ranks();
  rt::Result<RunResult> result = runOnce(*artefact, run);
  if (result)
    return std::move(*result);
  report(engine, result.error());
  return std::nullopt;
}

std::optional<Reference> cleave::verify::referenceOf(DriverOptions program, const std::string &entry,
                                                     bool exposed, diag::Engine &engine) {
  program.plan.clear();
  program.mesh.clear();
  Reference reference;
  RunOptions run;
  run.entry = entry;
  std::optional<RunResult> plain = compileAndRun(program, run, exposed, nullptr, engine);
  if (!plain)
    return std::nullopt;
  run.below = reference.below = plain->below;
  program.jitter = true;
  std::optional<RunResult> jittered = compileAndRun(program, run, exposed, nullptr, engine);
  Driver driver(program, engine);
  std::optional<int64_t> terms = driver.largestSum();
  if (!jittered || !terms)
    return std::nullopt;
  reference.terms = *terms;
  reference.bounds = boundsOf(plain->values, jittered->values, *terms);
  reference.values = std::move(plain->values);
  return reference;
}

std::optional<Values> cleave::verify::valuesUnder(DriverOptions program, const RunOptions &run, bool exposed,
                                                  int64_t &ranks, diag::Engine &engine) {
  std::optional<RunResult> result = compileAndRun(std::move(program), run, exposed, &ranks, engine);
  if (!result)
    return std::nullopt;
  return std::move(result->values);
}

//===------------------------------------------------------------------===//
// Small sizes
//===------------------------------------------------------------------===//

// Whether `axis Batch = 16` declares it by a number alone.
static bool isPlain(const ast::Axis &axis) {
  if (!axis.location || axis.root != &axis)
    return false;
  const std::string &text = axis.location.source->getText();
  size_t at = axis.location.end;
  auto skip = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t'))
      ++at;
  };
  skip();
  if (at >= text.size() || text[at] != '=')
    return false;
  ++at;
  skip();
  size_t digits = at;
  while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])))
    ++at;
  if (at == digits)
    return false;
  skip();
  return at >= text.size() || text[at] == ',' || text[at] == '\n' || text[at] == '\r' || text[at] == '/';
}

namespace {
// What is verified, at what sizes.
class Search {
public:
  Search(const VerifyOptions &options) : options(options), chosen(options.program) {}

  // Lowers mesh and axes; false when the program is rejected as it is.
  bool run(diag::Engine &engine) {
    Driver driver(chosen, engine);
    const ast::Program *program = driver.check();
    if (!program || !chooseEntry(*program, engine))
      return false;
    if (options.shrink) {
      lowerMesh(*program);
      lowerAxes(*program);
    }
    return true;
  }

  const DriverOptions &sizes() const { return chosen; }
  const std::string &entryName() const { return entry; }

private:
  bool chooseEntry(const ast::Program &program, diag::Engine &engine) {
    std::vector<std::string> names;
    for (const ast::Entry *one : program.entries)
      names.push_back(one->name);
    auto has = [&](const std::string &name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    entry = !options.entry.empty() ? options.entry : has("train") || names.size() != 1 ? "train" : names[0];
    if (has(entry))
      return true;
    engine.error("E701", {}, "an entry must be one of the program's, found '" + entry + "'")
        .note({}, "there are " + rt::listText(names, 8));
    return false;
  }

  // Whether the program is accepted at these sizes, under both plans.
  bool accepts(const DriverOptions &candidate) const {
    DriverOptions tried = candidate;
    tried.assertions = false;
    tried.entries = {entry};
    diag::Engine engine;
    Driver driver(tried, engine);
    const ast::Program *program = driver.check();
    if (!program || !std::all_of(program->axes.begin(), program->axes.end(), [&](const ast::Axis *axis) {
          return axis->size >= std::min<int64_t>(2, declared(*axis));
        }))
      return false;
    if (!driver.accepts())
      return false;
    if (options.against.empty())
      return true;
    tried.plan = options.against;
    tried.mesh.clear();
    return Driver(tried, engine).accepts();
  }

  int64_t declared(const ast::Axis &axis) const {
    auto known = declaredSizes.find(axis.name);
    return known == declaredSizes.end() ? 1 : known->second;
  }

  void lowerMesh(const ast::Program &program) {
    for (const ast::Axis *axis : program.axes)
      declaredSizes[axis->name] = axis->size;
    if (!program.plan)
      return;
    std::vector<ast::MeshAxis> axes = program.plan->mesh.axes;
    auto ranks = [&] {
      int64_t product = 1;
      for (const ast::MeshAxis &axis : axes)
        product *= std::max<int64_t>(axis.size, 1);
      return product;
    };
    std::map<std::string, int64_t> least; // what the parts of an axis that the plan names are parts of
    for (const ast::Tactic &tactic : program.plan->tactics)
      for (const ast::MeshUse &use : tactic.over)
        if (!use.whole) {
          int64_t &size = least.try_emplace(axes[use.axis].name, 1).first->second;
          size = std::lcm(size, use.before * use.size);
        }
    auto leastOf = [&](const ast::MeshAxis &axis, int64_t other) {
      auto known = least.find(axis.name);
      return known == least.end() ? other : known->second;
    };
    // First to two; where that is too much, to one, the last first.
    for (int64_t wanted : {2, 1})
      while (ranks() > options.mostRanks) {
        auto next = axes.rend();
        for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis)
          if (axis->size > leastOf(*axis, wanted) &&
              (next == axes.rend() || axis->size > next->size || (wanted == 2 && axis->size == next->size)))
            next = axis;
        if (next == axes.rend())
          break; // its parts need them all
        next->size = leastOf(*next, wanted);
        chosen.mesh[next->name] = std::to_string(next->size);
      }
    for (const ast::MeshAxis &axis : axes)
      meshSizes[axis.name] = axis.size;
  }

  // How many parts the plan's shards cut an axis of this name into.
  int64_t partsOf(const ast::Program &program, const ast::Axis &axis) const {
    int64_t parts = 1;
    if (program.plan)
      for (const ast::Tactic &tactic : program.plan->tactics)
        if (tactic.kind == ast::Tactic::Kind::Shard)
          for (const std::string &name : tactic.axes)
            if (name == axis.name)
              for (const ast::MeshUse &use : tactic.over) {
                auto size = meshSizes.find(program.plan->mesh.axes[use.axis].name);
                parts *= !use.whole                ? use.size
                         : size == meshSizes.end() ? 1
                                                   : std::max<int64_t>(size->second, 1);
              }
    return parts;
  }

  void lowerAxes(const ast::Program &program) {
    std::vector<Shrinkable> axes;
    for (const ast::Axis *axis : program.axes)
      if (axis->location && axis->location.source->getPath() == program.path && isPlain(*axis) &&
          !chosen.sets.count(axis->name))
        axes.push_back({axis->name, axis->size, partsOf(program, *axis)});
    auto setTo = [&](const Sizes &sizes) {
      DriverOptions set = chosen;
      for (const auto &[name, size] : sizes)
        set.sets[name] = std::to_string(size);
      return set;
    };
    chosen = setTo(smallest(axes, [&](const Sizes &sizes) { return accepts(setTo(sizes)); }));
  }

  const VerifyOptions &options;
  DriverOptions chosen;
  std::string entry;
  std::map<std::string, int64_t> declaredSizes, meshSizes;
};
} // namespace

//===------------------------------------------------------------------===//
// The verdict
//===------------------------------------------------------------------===//

// Sizes as they are shown.
static void describe(const DriverOptions &sizes, Verdict &verdict, diag::Engine &engine) {
  Driver driver(sizes, engine);
  const ast::Program *program = driver.check();
  for (const ast::Axis *axis : program->axes)
    verdict.axes.emplace_back(axis->name, axis->size);
  if (!program->plan)
    return;
  verdict.plan = program->plan->name;
  for (const ast::MeshAxis &axis : program->plan->mesh.axes)
    verdict.mesh.emplace_back(axis.name, axis.size);
}

void cleave::verify::locate(DriverOptions program, const std::string &entry, Difference &difference) {
  program.assertions = false;
  program.promote = true;
  program.entries = {entry};
  program.expose = {"*"};
  diag::Engine ignored;
  Driver driver(std::move(program), ignored);
  std::optional<explain::Facts> facts = driver.explain(entry);
  for (const explain::ValueFacts &value : facts ? facts->values : std::vector<explain::ValueFacts>())
    if (value.name == difference.name) {
      difference.layout = value.layout + (value.partial.empty() ? "" : " partial " + value.partial);
      if (!value.source.empty())
        difference.source = value.source;
      return;
    }
}

std::optional<Verdict> cleave::verify::verify(const VerifyOptions &options, diag::Engine &engine) {
  Search search(options);
  if (!search.run(engine))
    return std::nullopt;
  DriverOptions sizes = search.sizes();
  Verdict verdict;
  verdict.entry = search.entryName();
  verdict.against = options.against;
  describe(sizes, verdict, engine);
  DriverOptions other = sizes;
  other.plan = options.against;
  other.mesh.clear();
  // As it runs, then with all named values to see where a difference begins.
  for (bool exposed : {false, true}) {
    std::optional<Reference> reference = referenceOf(sizes, verdict.entry, exposed, engine);
    if (!reference)
      return std::nullopt;
    RunOptions run;
    run.entry = verdict.entry;
    run.below = reference->below;
    verdict.terms = reference->terms;
    std::optional<Values> found = valuesUnder(sizes, run, exposed, verdict.ranks, engine);
    if (found && !options.against.empty())
      if (std::optional<Values> values = valuesUnder(other, run, exposed, verdict.againstRanks, engine))
        reference->values = std::move(*values);
    if (!found || engine.hasErrors())
      return std::nullopt;
    Comparison comparison = compare(reference->values, *found, reference->bounds);
    if (exposed && !comparison.first)
      comparison.first = verdict.comparison.first;
    verdict.comparison = std::move(comparison);
  }
  if (std::optional<Difference> &first = verdict.comparison.first)
    locate(sizes, verdict.entry, *first);
  return verdict;
}
