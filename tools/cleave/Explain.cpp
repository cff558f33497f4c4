// `cleave explain`: layouts, collectives with their causes, and memory of a program under a plan.
#include "compiler/explain/Html.h"
#include "compiler/explain/Text.h"
#include "lang/ast/Tree.h"
#include "runtime/core/File.h"
#include "runtime/core/Text.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"
#include "tools/cleave/SourceLines.h"
#include "tools/cleave/TraceReport.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace cleave::tool {

using Json = nlohmann::ordered_json;

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

// The program is planned as it was run: that entry alone.
std::optional<std::vector<TracedCollective>> compare(Driver &driver, diag::Engine &engine,
                                                     const std::string &entry, const rt::TraceFacts &trace) {
  driver.select({entry}, {});
  std::optional<Driver::Planned> planned = driver.plan();
  if (!planned)
    return std::nullopt;
  rt::Result<std::vector<TracedCollective>> rows = compareTrace(planned->program, entry, trace);
  if (rows)
    return *rows;
  report(engine, rows.error());
  return std::nullopt;
}

std::string mainEntry(const ast::Program &program, const std::string &wanted) {
  if (!wanted.empty())
    return wanted;
  for (const ast::Entry *entry : program.entries)
    if (entry->name == "train")
      return entry->name;
  return program.entries.size() == 1 ? program.entries[0]->name : "";
}

// Writes the page of --html. False where it cannot be.
static bool writePage(const explain::Facts &facts, const ExplainOptions &options, diag::Engine &engine) {
  SourceLines lines(engine);
  explain::HtmlOptions html;
  html.file = options.file;
  html.lines = [&](const std::string &file) { return lines.of(file); };
  std::string page = explain::renderHtml(facts, html), why;
  if (rt::replaceFile(options.html, {{page.data(), static_cast<int64_t>(page.size())}}, why))
    return true;
  engine.error("E745", {}, "a page must be written, found that '" + options.html + "' cannot be: " + why);
  return false;
}

int explainCommand(const ExplainOptions &options) {
  diag::Engine engine;
  Driver driver(driverOptions(options), engine);
  rt::TraceFacts trace;
  if (!options.trace.empty()) {
    if (rt::Result<rt::TraceFacts> read = rt::readTrace(options.trace))
      trace = *read;
    else
      report(engine, read.error());
  }
  const ast::Program *program = engine.hasErrors() ? nullptr : driver.check();
  std::optional<explain::Facts> facts;
  if (program && hasEntry(*program, options.entry, engine))
    facts = driver.explain(mainEntry(*program, options.entry));
  std::optional<std::vector<TracedCollective>> traced;
  if (facts && !engine.hasErrors() && !options.trace.empty()) {
    traced = compare(driver, engine, mainEntry(*program, options.entry), trace);
    if (!traced)
      facts.reset(); // what was asked for is refused: half of an answer would hide that
  }
  bool isWritten = !facts || options.html.empty() || writePage(*facts, options, engine);
  if (options.json) {
    Json result = {{"file", options.file}};
    result["diagnostics"] = Json::parse(engine.renderJson());
    if (facts)
      result.update(Json::parse(explain::renderJson(*facts)));
    if (traced)
      result["trace"] = traceJson(*traced, trace);
    showJson(result);
  } else if (facts && !options.quiet && options.html.empty()) {
    explain::TextOptions text;
    text.colour = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
    SourceLines lines(engine);
    text.line = [&](const std::string &file, int line) { return lines.line(file, line); };
    std::string shown = explain::renderText(*facts, text);
    if (traced)
      shown += "\n" + traceText(*traced, trace);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
  }
  showDiagnostics(engine, options.json);
  return !isWritten ? Failed : facts && !engine.hasErrors() ? Fine : Rejected;
}

} // namespace cleave::tool
