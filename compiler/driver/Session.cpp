#include "compiler/driver/Session.h"

#include "lang/diag/Engine.h"

namespace cleave {

Session::Session(SessionOptions options)
    : options(std::move(options)), diagnosed(std::make_unique<diag::Engine>()) {}

Session::~Session() = default;

std::string Session::diagnostics() const { return diagnosed->render(); }

// The first error of the program's text.
rt::Error Session::rejected() const {
  for (const auto &diagnostic : diagnosed->getDiagnostics()) {
    if (diagnostic->severity != diag::Severity::Error)
      continue;
    rt::Error error = {diagnostic->code, diagnostic->message, "", {}, diagnostic->hint};
    if (diag::Location at = diagnostic->location)
      error.location =
          at.source->getPath() + ":" + std::to_string(at.getLine()) + ":" + std::to_string(at.getColumn());
    return error;
  }
  return {"E799", "a program is compiled or rejected with a reason, found neither", "", {}, ""};
}

rt::Status Session::load(const std::string &file, const std::map<std::string, std::string> &sets) {
  DriverOptions driverOptions;
  driverOptions.file = file;
  driverOptions.sets = sets;
  return load(std::move(driverOptions));
}

rt::Status Session::load(DriverOptions driverOptions) {
  running.reset();
  single = nullptr;
  loaded = std::make_unique<Driver>(std::move(driverOptions), *diagnosed);
  return loaded->check() ? rt::Status() : rt::Status(rejected());
}

rt::Status Session::compile() {
  std::optional<rt::Artefact> compiled = loaded->compile();
  return compiled ? start(*compiled) : rejected();
}

rt::Status Session::open(const std::string &artefact) {
  rt::Result<rt::Artefact> opened = rt::loadArtefact(artefact);
  return opened ? start(*opened) : opened.error();
}

rt::Status Session::startRanks(const rt::Artefact &artefact) {
  rt::RanksOptions given;
  given.mostRanks = options.mostRanks;
  given.threadsPerRank = options.threads;
  given.pinThreads = options.pinThreads;
  given.allowNonFinite = options.allowNonFinite;
  given.profile = options.profile;
  given.memoryLimit = options.memoryLimit;
  given.timeoutSeconds = options.timeoutSeconds;
  given.print = options.print;
  auto ranks = rt::Ranks::create(artefact.classes(), artefact.classOf, artefact.code, std::move(given));
  if (!ranks)
    return ranks.error();
  running = std::move(*ranks);
  return {};
}

rt::Status Session::start(const rt::Artefact &artefact) {
  made = artefact.facts;
  single = nullptr;
  if (artefact.program->mesh.ranks() > 1)
    return startRanks(artefact);
  auto instance = rt::Instance::create(artefact.program, artefact.code, options);
  if (!instance)
    return instance.error();
  single = instance->get();
  running = std::move(*instance);
  return {};
}

} // namespace cleave
