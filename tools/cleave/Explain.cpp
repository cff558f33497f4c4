// `cleave explain`: layouts, collectives with their causes, and memory of a program under a plan.
#include "compiler/explain/Text.h"
#include "lang/ast/Tree.h"
#include "runtime/core/Text.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;

// Lines of the program's files, and of others (a plan in the library) as they lie on the disk.
class Lines {
public:
  explicit Lines(const diag::Engine &engine) : engine(engine) {}

  std::string operator()(const std::string &file, int line) {
    for (const auto &source : engine.getSources())
      if (source->getPath() == file)
        return std::string(source->getLine(static_cast<uint32_t>(line)));
    auto [known, isNew] = read.try_emplace(file);
    if (isNew) {
      std::ifstream stream(file);
      for (std::string text; std::getline(stream, text);)
        known->second.push_back(text);
    }
    size_t index = static_cast<size_t>(line) - 1;
    return index < known->second.size() ? known->second[index] : std::string();
  }

private:
  const diag::Engine &engine;
  std::map<std::string, std::vector<std::string>> read;
};

bool hasEntry(const ast::Program &program, const std::string &name, diag::Engine &engine) {
  std::vector<std::string> names;
  for (const ast::Entry *entry : program.entries)
    names.push_back(entry->name);
  if (name.empty() || std::find(names.begin(), names.end(), name) != names.end())
    return true;
  engine.error("E701", {}, "an entry must be one of the program's, found '" + name + "'")
      .note({}, "there are " + rt::listText(names, 8));
  return false;
}

} // namespace

std::string mainEntry(const ast::Program &program, const std::string &wanted) {
  if (!wanted.empty())
    return wanted;
  for (const ast::Entry *entry : program.entries)
    if (entry->name == "train")
      return entry->name;
  return program.entries.size() == 1 ? program.entries[0]->name : "";
}

int explainCommand(const ExplainOptions &options) {
  diag::Engine engine;
  Driver driver(driverOptions(options), engine);
  const ast::Program *program = driver.check();
  std::optional<explain::Facts> facts;
  if (program && hasEntry(*program, options.entry, engine))
    facts = driver.explain(mainEntry(*program, options.entry));
  if (options.json) {
    Json result = {{"file", options.file}};
    result["diagnostics"] = Json::parse(engine.renderJson());
    if (facts)
      result.update(Json::parse(explain::renderJson(*facts)));
    showJson(result);
  } else if (facts && !options.quiet) {
    explain::TextOptions text;
    text.colour = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
    text.line = Lines(engine);
    std::string shown = explain::renderText(*facts, text);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
  }
  showDiagnostics(engine, options.json);
  return facts && !engine.hasErrors() ? Fine : Rejected;
}

} // namespace cleave::tool
