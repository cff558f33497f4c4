// `cleave verify`: a program under a plan against itself on one rank, or under another plan.
#include "compiler/verify/Verify.h"

#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string sizesText(const verify::Sizes &sizes) {
  std::string text;
  for (const auto &[name, size] : sizes)
    text += (text.empty() ? "" : ", ") + name + " = " + std::to_string(size);
  return text;
}

std::string ranksText(int64_t ranks) { return std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks"); }

void show(const verify::Verdict &verdict, const VerifyCommandOptions &options) {
  std::printf("%s under %s on %s, against %s\n", verdict.entry.c_str(), options.plan.c_str(),
              ranksText(verdict.ranks).c_str(),
              verdict.against.empty() ? "one rank"
                                      : (verdict.against + " on " + ranksText(verdict.againstRanks)).c_str());
  std::printf("  sizes: %s\n", sizesText(verdict.axes).c_str());
  if (!verdict.mesh.empty())
    std::printf("  mesh: %s\n", sizesText(verdict.mesh).c_str());
  if (!verdict.comparison.missing.empty())
    std::printf("  not compared: %zu values that one of the two has in another shape\n",
                verdict.comparison.missing.size());
  if (const std::optional<verify::Difference> &first = verdict.comparison.first) {
    std::printf("differs: %s is %.17g, and should be %.17g\n", first->place().c_str(), first->found,
                first->expected);
    std::printf("  by %.3g, where the order of sums explains %.3g", std::abs(first->found - first->expected),
                first->bound);
    std::printf(first->layout.empty() ? "\n" : "; its layout is %s\n", first->layout.c_str());
    return;
  }
  const verify::Compared *worst = nullptr;
  auto share = [](const verify::Compared &value) {
    return value.bound > 0 ? value.largest / value.bound : 0;
  };
  for (const verify::Compared &value : verdict.comparison.values)
    if (!worst || share(value) > share(*worst))
      worst = &value;
  std::printf("equal: %zu values, to what the order of sums explains\n", verdict.comparison.values.size());
  if (worst && worst->largest > 0)
    std::printf("  nearest to its bound: %s, off by %.3g of %.3g\n", worst->name.c_str(), worst->largest,
                worst->bound);
}

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
    json["first"] = {{"name", first->name},   {"index", first->index}, {"expected", first->expected},
                     {"found", first->found}, {"bound", first->bound}, {"layout", first->layout}};
  return json;
}

} // namespace

int verifyCommand(const VerifyCommandOptions &options) {
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
    show(*verdict, options);
  }
  return verdict && !verdict->comparison.first ? Fine : Rejected;
}

} // namespace cleave::tool
