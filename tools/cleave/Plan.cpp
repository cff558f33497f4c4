// `cleave plan list`: the plans of a program, of what it imports and of the library.
#include "lang/ast/Tree.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string placeOf(const ast::Plan &plan) {
  if (!plan.location)
    return "";
  auto [line, column] = plan.location.source->getLineColumn(plan.location.begin);
  return plan.location.source->getPath() + ":" + std::to_string(line) + ":" + std::to_string(column);
}

Json facts(const ast::Plan &plan) {
  Json mesh = Json::array(), tactics = Json::array();
  for (const ast::MeshAxis &axis : plan.mesh.axes) {
    Json one = {{"name", axis.name}, {"size", axis.size ? Json(axis.size) : Json()}};
    if (axis.link)
      one["link"] = {{"name", axis.link->name},
                     {"bandwidth", axis.link->bandwidth},
                     {"latency", axis.link->latency},
                     {"domain", axis.link->domain}};
    mesh.push_back(one);
  }
  for (const ast::Tactic &tactic : plan.tactics)
    tactics.push_back(ast::toString(tactic, plan.mesh));
  return {{"name", plan.name},      {"for", plan.isForAny ? "any" : plan.target},
          {"mesh", mesh},           {"ranks", plan.mesh.isSized() ? Json(plan.mesh.ranks()) : Json()},
          {"tactics", tactics},     {"hash", plan.hash},
          {"source", placeOf(plan)}};
}

void showTable(const ast::Program &program) {
  size_t names = 4, meshes = 4;
  for (const ast::Plan *plan : program.plans) {
    names = std::max(names, plan->name.size());
    meshes = std::max(meshes, ast::toString(plan->mesh).size());
  }
  std::printf("%-*s  %-*s  %7s  %-12s  %s\n", static_cast<int>(names), "plan", static_cast<int>(meshes),
              "mesh", "tactics", "hash", "declared");
  for (const ast::Plan *plan : program.plans)
    std::printf("%-*s  %-*s  %7zu  %-12s  %s\n", static_cast<int>(names), plan->name.c_str(),
                static_cast<int>(meshes), ast::toString(plan->mesh).c_str(), plan->tactics.size(),
                plan->hash.empty() ? "-" : plan->hash.substr(0, 12).c_str(), placeOf(*plan).c_str());
}

} // namespace

int planListCommand(const CommonOptions &options) {
  diag::Engine engine;
  DriverOptions given = driverOptions(options);
  given.libraryPlans = true;
  Driver driver(std::move(given), engine);
  const ast::Program *program = driver.check();
  showDiagnostics(engine, options.json);
  if (options.json) {
    Json result = {{"file", options.file}, {"accepted", program != nullptr}};
    result["diagnostics"] = Json::parse(engine.renderJson());
    result["plans"] = Json::array();
    if (program)
      for (const ast::Plan *plan : program->plans)
        result["plans"].push_back(facts(*plan));
    showJson(result);
  } else if (program && !options.quiet) {
    showTable(*program);
  }
  return program ? Fine : Rejected;
}

} // namespace cleave::tool
