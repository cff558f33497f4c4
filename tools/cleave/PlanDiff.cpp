// `cleave plan diff`: what changes from one plan to another.
#include "compiler/explain/Diff.h"
#include "lang/ast/Tree.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace cleave::tool {

using Json = nlohmann::ordered_json;

// "fsdp@dp=4,tp=1" -> the plan, and sizes of its mesh besides those of --mesh.
static CommonOptions sideOf(const PlanDiffOptions &options, const std::string &plan) {
  CommonOptions side = options;
  size_t at = plan.rfind('@');
  side.plan = plan.substr(0, at);
  if (at != std::string::npos)
    side.mesh.push_back(plan.substr(at + 1));
  return side;
}

static std::optional<explain::Facts> factsOf(const CommonOptions &side, const PlanDiffOptions &options,
                                             diag::Engine &engine) {
  DriverOptions given = driverOptions(side);
  given.assertions = false; // a plan that is under review may break one
  Driver driver(std::move(given), engine);
  const ast::Program *program = driver.check();
  if (!program || !hasEntry(*program, options.entry, engine))
    return std::nullopt;
  return driver.explain(mainEntry(*program, options.entry), /*hints=*/false);
}

int planDiffCommand(const PlanDiffOptions &options) {
  diag::Engine before, after;
  CommonOptions second = sideOf(options, options.after);
  if (!options.other.empty())
    second.file = options.other;
  std::optional<explain::Facts> a = factsOf(sideOf(options, options.before), options, before);
  std::optional<explain::Facts> b = factsOf(second, options, after);
  std::optional<explain::PlanDiff> diff;
  if (a && b)
    diff = explain::diff(*a, *b);
  if (options.json) {
    Json result = {{"file", options.file}, {"accepted", diff.has_value()}};
    result["diagnostics"] = Json::parse(before.renderJson());
    for (const Json &diagnostic : Json::parse(after.renderJson()))
      result["diagnostics"].push_back(diagnostic);
    if (diff)
      result.update(Json::parse(explain::renderJson(*diff)));
    showJson(result);
  } else if (diff && !options.quiet) {
    bool colour = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
    std::string text = explain::renderText(*diff, colour);
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  showDiagnostics(before, options.json);
  showDiagnostics(after, options.json);
  if (!diff || before.hasErrors() || after.hasErrors())
    return Rejected;
  return options.exitCode && diff->differs() ? Rejected : Fine;
}

} // namespace cleave::tool
