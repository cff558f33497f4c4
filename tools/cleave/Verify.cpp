// `cleave verify`: a program under a plan against itself on one rank, or under another plan.
#include "compiler/verify/Verify.h"

#include "tools/cleave/Commands.h"
#include "tools/cleave/Launch.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;

Json sizesJson(const verify::Sizes &sizes) {
  Json json = Json::object();
  for (const auto &[name, size] : sizes)
    json[name] = size;
  return json;
}

Json facts(const verify::Verdict &verdict) {
  Json values = Json::array();
  for (const verify::Compared &value : verdict.comparison.values)
    values.push_back({{"name", value.name},
                      {"largest_difference", value.largest},
                      {"bound", value.bound},
                      {"scale", value.scale},
                      {"beyond", value.beyond}});
  Json json = {{"entry", verdict.entry},
               {"plan", verdict.plan},
               {"against", verdict.against},
               {"ranks", verdict.ranks},
               {"against_ranks", verdict.againstRanks},
               {"axes", sizesJson(verdict.axes)},
               {"mesh", sizesJson(verdict.mesh)},
               {"equal", !verdict.comparison.first},
               {"values", values},
               {"not_compared", verdict.comparison.missing}};
  if (const std::optional<verify::Difference> &first = verdict.comparison.first)
    json["first"] = {{"name", first->name},    {"index", first->index}, {"expected", first->expected},
                     {"found", first->found},  {"bound", first->bound}, {"layout", first->layout},
                     {"source", first->source}};
  return json;
}

} // namespace

int verifyCommand(const VerifyCommandOptions &options) {
  if (std::optional<int> refused = refusedIfLaunched("verify", options.json))
    return *refused;
  diag::Engine engine;
  verify::VerifyOptions given;
  given.program = driverOptions(options);
  given.against = options.against;
  given.entry = options.entry;
  std::optional<verify::Verdict> verdict = verify::verify(given, engine);
  showDiagnostics(engine, options.json);
  if (options.json) {
    Json result = {{"file", options.file}, {"accepted", verdict.has_value()}};
    result["diagnostics"] = Json::parse(engine.renderJson());
    if (verdict)
      result.update(facts(*verdict));
    showJson(result);
  } else if (verdict && (!options.quiet || verdict->comparison.first)) {
    std::fputs(verify::textOf(*verdict).c_str(), stdout);
  }
  return verdict && !verdict->comparison.first ? Fine : Rejected;
}

} // namespace cleave::tool
