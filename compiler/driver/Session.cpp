#include "compiler/driver/Session.h"

#include "lang/ast/Tree.h"
#include "lang/diag/Engine.h"
#include "runtime/core/Fault.h"
#include "runtime/core/File.h"

namespace cleave {

Session::Session(SessionOptions options)
    : options(std::move(options)), diagnosed(std::make_unique<diag::Engine>()) {}

Session::~Session() { release(); }

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
  bool good = loaded->check();
  if (rt::Status status = agreeOnText(good); !status)
    return status;
  return good ? rt::Status() : rt::Status(rejected());
}

// What was read, and all that says how it is to run.
rt::Status Session::agreeOnText(bool good) {
  if (!options.processes)
    return {};
  SameProgram mine;
  for (const auto &source : diagnosed->getSources())
    mine.addFile(source->getPath(), source->getText());
  const ast::Program *program = loaded->check();
  if (program && program->plan)
    mine.plan = program->plan->hash;
  mine.options = loaded->settings();
  if (!good)
    mine.failure = rejected().message;
  rt::Status status = agree(mine);
  if (status || !good || status.error().code.empty())
    return status;
  // What is wrong with a text is with the diagnostics.
  diag::Diagnostic &told = diagnosed->error(status.error().code, {}, status.error().message);
  for (const std::string &note : status.error().notes)
    told.note({}, note);
  told.suggest(status.error().hint);
  return status;
}

rt::Status Session::agree(const SameProgram &mine) {
  hasMet = true;
  if (options.watch)
    options.watch->is("compares its program with the others'");
  rt::faultAt("compare", options.processes->process());
  rt::Status status = requireSameProgram(*options.processes, mine);
  hasAgreed = status.ok();
  if (options.watch && options.watch->isOver() && options.processes->process() == 0)
    options.watch->speakOrEnd(); // whoever has called says it
  return status;
}

// The other processes are never left waiting.
void Session::release() {
  if (!options.processes || options.processes->process() != 0)
    return;
  if (!hasMet) {
    SameProgram none;
    none.failure = "process 0 has ended";
    (void)agree(none);
  }
  if (!hasAgreed)
    return;
  auto *spread = dynamic_cast<rt::SpreadRanks *>(running.get());
  rt::releaseProcesses(*options.processes, /*whole=*/!spread || !spread->isOver());
  hasAgreed = false;
}

rt::Status Session::serve() { return rt::serveRanks(options.processes, spreadOptions()); }

rt::Status Session::compile() {
  if (!options.processes) {
    std::optional<rt::Artefact> compiled = loaded->compile();
    return compiled ? start(*compiled) : rejected();
  }
  std::string bytes;
  std::optional<rt::Artefact> compiled = loaded->compile(&bytes);
  return compiled ? spread(std::move(*compiled), bytes) : rejected();
}

rt::Status Session::open(const std::string &artefact) {
  if (options.processes) {
    rt::MappedFile file;
    SameProgram mine;
    std::string bytes;
    bool good = rt::MappedFile::open(artefact, file, mine.failure);
    if (good)
      bytes.assign(file.data(), file.size());
    mine.addFile(artefact, bytes);
    if (rt::Status status = agree(mine); !status)
      return status;
    if (options.processes->process() != 0)
      return {};
    rt::Result<rt::Artefact> opened =
        rt::loadArtefact(bytes.data(), static_cast<int64_t>(bytes.size()), artefact);
    return opened ? spread(std::move(*opened), bytes) : opened.error();
  }
  rt::Result<rt::Artefact> opened = rt::loadArtefact(artefact);
  return opened ? start(*opened) : opened.error();
}

rt::SpreadOptions Session::spreadOptions() const {
  rt::SpreadOptions given;
  given.mostRanks = options.mostRanks;
  given.threadsPerRank = options.threads;
  given.pinThreads = options.pinThreads;
  given.allowNonFinite = options.allowNonFinite;
  given.profile = options.profile;
  given.trace = options.trace;
  given.tracePart = options.tracePart;
  given.slowLinks = options.slowLinks;
  given.memoryLimit = options.memoryLimit;
  given.timeoutSeconds = options.timeoutSeconds;
  given.print = options.print;
  given.ranksPerProcess = options.ranksPerProcess;
  given.watch = options.watch;
  return given;
}

rt::Status Session::spread(rt::Artefact artefact, const std::string &bytes) {
  made = artefact.facts;
  single = nullptr;
  auto ranks = rt::SpreadRanks::create(options.processes, std::move(artefact), bytes, spreadOptions());
  if (!ranks)
    return ranks.error();
  running = std::move(*ranks);
  return {};
}

rt::Status Session::startRanks(const rt::Artefact &artefact) {
  auto ranks = rt::Ranks::create(artefact.classes(), artefact.classOf, artefact.code, spreadOptions());
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
