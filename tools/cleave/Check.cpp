// `cleave check`: the front end alone, and what it found in the program; with --memory as far as the plan of
// its memory.
#include "lang/ast/Tree.h"
#include "runtime/core/Footprint.h"
#include "runtime/core/Text.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;

int64_t bytesOf(ast::ElementType type) {
  switch (type) {
  case ast::ElementType::F64:
  case ast::ElementType::I64:
    return 8;
  case ast::ElementType::F32:
  case ast::ElementType::I32:
    return 4;
  case ast::ElementType::BF16:
  case ast::ElementType::F16:
    return 2;
  default:
    return 1;
  }
}

int64_t elementsOf(const ast::Type &type) {
  int64_t product = 1;
  for (const ast::Axis *axis : type.axes)
    product *= axis->size;
  return product;
}

struct Counts {
  int64_t parameters = 0;
  int64_t stateBytes = 0;
};

Counts count(const ast::Program &program) {
  Counts counts;
  for (const ast::State *state : program.states) {
    int64_t elements = elementsOf(state->type);
    counts.stateBytes += elements * bytesOf(state->type.element);
    if (state->kind == ast::State::Kind::Parameter)
      counts.parameters += elements;
  }
  return counts;
}

Json entryFacts(const ast::Entry &entry) {
  Json inputs = Json::array(), outputs = Json::array();
  for (const ast::EntryInput &input : entry.inputs)
    inputs.push_back({{"name", input.value->name},
                      {"type", ast::toString(input.value->type)},
                      {"source", input.source ? input.source->name : ""}});
  for (size_t i = 0; i < entry.outputNames.size(); ++i)
    outputs.push_back(
        {{"name", entry.outputNames[i]}, {"type", ast::toString(entry.body->results[i]->type())}});
  return {{"name", entry.name}, {"inputs", inputs}, {"outputs", outputs}, {"updates_state", entry.setsState}};
}

Json facts(const ast::Program &program) {
  Counts counts = count(program);
  Json entries = Json::array(), axes = Json::object(), states = Json::array();
  for (const ast::Entry *entry : program.entries)
    entries.push_back(entryFacts(*entry));
  for (const ast::Axis *axis : program.axes)
    axes[axis->name] = axis->size;
  for (const ast::State *state : program.states)
    states.push_back({{"path", state->path}, {"type", ast::toString(state->type)}});
  return {{"entries", entries},
          {"axes", axes},
          {"states", states},
          {"parameters", counts.parameters},
          {"state_bytes", counts.stateBytes}};
}

std::string signature(const ast::Entry &entry) {
  std::string text = entry.name + "(";
  for (size_t i = 0; i < entry.inputs.size(); ++i) {
    const ast::EntryInput &input = entry.inputs[i];
    text += (i ? ", " : "") + input.value->name + ": " + ast::toString(input.value->type);
    if (input.source)
      text += " from " + input.source->name;
  }
  text += ") -> (";
  for (size_t i = 0; i < entry.outputNames.size(); ++i)
    text += (i ? ", " : "") + entry.outputNames[i] + ": " + ast::toString(entry.body->results[i]->type());
  return text + ")";
}

void showSummary(const ast::Program &program) {
  Counts counts = count(program);
  std::printf("%s: no errors\n", program.path.c_str());
  for (const ast::Entry *entry : program.entries)
    std::printf("  entry %s%s\n", signature(*entry).c_str(), entry->setsState ? ", updates the state" : "");
  std::printf("  %lld parameters; state %s\n", static_cast<long long>(counts.parameters),
              rt::bytesText(counts.stateBytes).c_str());
}

// Ranks with equal local shapes.
struct ClassMemory {
  rt::Footprint footprint;
  int64_t ranks = 1;
};

std::vector<ClassMemory> memoryOf(const Driver::Planned &planned) {
  std::vector<ClassMemory> classes = {{rt::footprintOf(planned.program), planned.program.mesh.ranks()}};
  for (const rt::Program &other : planned.classes.others)
    classes.push_back({rt::footprintOf(other), 0});
  for (uint32_t number : planned.classes.classOf)
    if (number > 0) {
      ++classes[number].ranks;
      --classes[0].ranks;
    }
  return classes;
}

Json memoryFacts(const rt::Footprint &footprint) {
  Json parts = Json::array();
  for (const rt::Footprint::Part &part : footprint.parts)
    if (part.bytes > 0)
      parts.push_back({{"what", part.what}, {"bytes", part.bytes}});
  return {{"peak_bytes", footprint.bytes}, {"parts", std::move(parts)}};
}

// Without a plan "memory" is an object; with one there is one per class of ranks.
Json planFacts(const Driver::Planned &planned) {
  std::vector<ClassMemory> classes = memoryOf(planned);
  const rt::Program &program = planned.program;
  if (program.mesh.axes.empty())
    return {{"memory", memoryFacts(classes[0].footprint)}};
  Json mesh = Json::object(), memory = Json::array();
  for (const rt::MeshAxis &axis : program.mesh.axes)
    mesh[axis.name] = axis.size;
  for (const ClassMemory &each : classes) {
    memory.push_back({{"ranks", each.ranks}});
    memory.back().update(memoryFacts(each.footprint));
  }
  return {{"plan", {{"name", program.plan}, {"hash", program.planHash}}},
          {"mesh", std::move(mesh)},
          {"ranks", program.mesh.ranks()},
          {"proved", planned.proof.isProved},
          {"reason", planned.proof.reason},
          {"trusted", planned.proof.trusted},
          {"memory", std::move(memory)}};
}

void showMemory(const ClassMemory &memory, bool isAlone) {
  const rt::Footprint &footprint = memory.footprint;
  std::printf("  peak memory %s", rt::bytesText(footprint.bytes).c_str());
  if (!isAlone)
    std::printf(" on each of %lld ranks", static_cast<long long>(memory.ranks));
  std::printf("\n");
  for (const rt::Footprint::Part &part : footprint.parts)
    if (part.bytes > 0)
      std::printf("    %s %s\n", part.what.c_str(), rt::bytesText(part.bytes).c_str());
}

void showMemory(const Driver::Planned &planned) {
  const rt::Program &program = planned.program;
  if (!program.mesh.axes.empty())
    std::printf("  plan %s %.12s on %s, %lld ranks\n", program.plan.c_str(), program.planHash.c_str(),
                rt::toString(program.mesh).c_str(), static_cast<long long>(program.mesh.ranks()));
  if (std::string proof = explain::toString(planned.proof); !proof.empty())
    std::printf("  %s\n", proof.c_str());
  for (const ClassMemory &each : memoryOf(planned))
    showMemory(each, program.mesh.axes.empty());
}

// What stands in composites' places under the plan: that it does what they do is trusted.
Json manualFacts(const ast::Plan &plan, const explain::ProofFacts &proof) {
  Json regions = Json::array();
  for (const ast::Tactic &tactic : plan.tactics)
    if (tactic.kind == ast::Tactic::Kind::Manual)
      regions.push_back({{"composite", tactic.manual.composite},
                         {"local", tactic.manual.function},
                         {"uses", tactic.manual.instances.size()},
                         {"proven", proof.isProved && proof.trusted.empty()}});
  return regions;
}

void showManual(const ast::Plan &plan, const explain::ProofFacts &proof) {
  for (const Json &region : manualFacts(plan, proof))
    std::printf("  manual %s = %s: %s\n", region["composite"].get<std::string>().c_str(),
                region["local"].get<std::string>().c_str(),
                region["proven"] ? "proven to be equal" : "not proven to be equal; cleave verify runs both");
}

} // namespace

int checkCommand(const CheckOptions &options) {
  diag::Engine engine;
  Driver driver(driverOptions(options), engine);
  const ast::Program *program = driver.check();
  // A plan is legal when every value can be laid out by it.
  bool goesOn = options.memory || !options.plan.empty();
  std::optional<Driver::Planned> planned = program && goesOn ? driver.plan() : std::nullopt;
  bool accepted = program && (planned || !goesOn);
  showDiagnostics(engine, options.json);
  if (options.json) {
    Json result = {{"file", options.file}, {"accepted", accepted}};
    result["diagnostics"] = Json::parse(engine.renderJson());
    if (accepted)
      result.update(facts(*program));
    if (planned)
      result.update(planFacts(*planned));
    if (planned && program->plan)
      result["manual"] = manualFacts(*program->plan, planned->proof);
    showJson(result);
  } else if (accepted && !options.quiet) {
    showSummary(*program);
    if (planned)
      showMemory(*planned);
    if (planned && program->plan)
      showManual(*program->plan, planned->proof);
  }
  return accepted ? Fine : Rejected;
}

} // namespace cleave::tool
