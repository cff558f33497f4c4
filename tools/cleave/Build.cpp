// `cleave build`: a program as one file of native code, and what such a file says about itself.
#include "lang/diag/Engine.h"
#include "runtime/core/Text.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;

class Build {
public:
  explicit Build(const BuildOptions &options) : options(options) {}

  int run() {
    rt::Status status = options.inspect ? inspect() : build();
    if (!status)
      report(engine, status.error());
    showDiagnostics(engine, options.json);
    int exit = status && !engine.hasErrors() ? Fine : status ? Rejected : exitStatusOf(status.error());
    if (options.json) {
      result["status"] = exit;
      result["diagnostics"] = Json::parse(engine.renderJson());
      showJson(result);
    }
    return exit;
  }

private:
  rt::Status build() {
    result["file"] = options.file;
    if (options.output.empty())
      options.output = std::filesystem::path(options.file).replace_extension(".cleave").string();
    DriverOptions given = driverOptions(options);
    given.entries = options.entries;
    given.target = options.target;
    Driver driver(std::move(given), engine);
    std::optional<rt::ArtefactContents> contents = driver.build();
    if (!contents)
      return {}; // the engine says why
    // The artefact may be run from anywhere.
    auto settle = [](rt::Program &program) {
      for (rt::DataSource &data : program.data)
        if (!data.paths.empty()) // made-up data lies nowhere
          data.folder =
              std::filesystem::absolute(data.folder.empty() ? "." : data.folder).lexically_normal().string();
    };
    settle(contents->program);
    std::for_each(contents->classes.others.begin(), contents->classes.others.end(), settle);
    std::string bytes = rt::encodeArtefact(*contents);
    if (rt::Status status = rt::writeArtefact(options.output, bytes); !status)
      return status;
    result["artefact"] = options.output;
    result["bytes"] = bytes.size();
    result["target"] = contents->facts.target;
    if (!options.json && !options.quiet)
      std::printf("%s: %zu kernels for %s, %s\n", options.output.c_str(), contents->program.kernels.size(),
                  contents->facts.target.c_str(), rt::bytesText(bytes.size()).c_str());
    return {};
  }

  // Formatted already: the metadata is text for people as it stands in the file.
  rt::Status inspect() {
    result["artefact"] = options.file;
    rt::Result<std::string> metadata = rt::inspectArtefact(options.file);
    if (!metadata)
      return metadata.error();
    if (options.json)
      result["metadata"] = Json::parse(*metadata);
    else
      std::fwrite(metadata->data(), 1, metadata->size(), stdout);
    return {};
  }

  BuildOptions options;
  diag::Engine engine;
  Json result;
};

} // namespace

int buildCommand(const BuildOptions &options) { return Build(options).run(); }

} // namespace cleave::tool
