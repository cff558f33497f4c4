// `cleave check`: the front end alone, and what it found in the program.
#include "lang/ast/Tree.h"
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

} // namespace

int checkCommand(const CommonOptions &options) {
  diag::Engine engine;
  Driver driver(driverOptions(options), engine);
  const ast::Program *program = driver.check();
  showDiagnostics(engine, options.json);
  if (options.json) {
    Json result = {{"file", options.file}, {"accepted", program != nullptr}};
    result["diagnostics"] = Json::parse(engine.renderJson());
    if (program)
      result.update(facts(*program));
    showJson(result);
  } else if (program && !options.quiet) {
    showSummary(*program);
  }
  return program ? Fine : Rejected;
}

} // namespace cleave::tool
