#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace cleave::tool {

int irCommand(const IrOptions &options) {
  diag::Engine engine;
  DriverOptions given = driverOptions(options);
  given.entries = options.entries;
  given.target = options.target;
  given.dumpFolder = options.folder;
  given.stopAfterTactic = options.tactics;
  Driver driver(std::move(given), engine);
  std::optional<std::string> text = driver.ir(*parseStage(options.stage));
  showDiagnostics(engine, options.json);
  if (options.json) {
    nlohmann::ordered_json result = {{"file", options.file}, {"stage", options.stage}};
    result["diagnostics"] = nlohmann::ordered_json::parse(engine.renderJson());
    if (text)
      result["text"] = *text;
    showJson(result);
  } else if (text) {
    std::fwrite(text->data(), 1, text->size(), stdout);
  }
  return text ? Fine : Rejected;
}

} // namespace cleave::tool
