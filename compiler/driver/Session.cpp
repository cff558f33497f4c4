#include "compiler/driver/Session.h"

#include "lang/diag/Engine.h"

namespace cleave {

Session::Session(rt::InstanceOptions options)
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
  loaded = std::make_unique<Driver>(std::move(driverOptions), *diagnosed);
  return loaded->check() ? rt::Status() : rt::Status(rejected());
}

rt::Status Session::compile() {
  std::unique_ptr<CompiledProgram> compiled = loaded->compile();
  if (!compiled)
    return rejected();
  auto program = std::make_shared<const rt::Program>(std::move(compiled->program));
  auto made = rt::Instance::create(std::move(program), std::move(compiled->code), options);
  if (!made)
    return made.error();
  running = std::move(*made);
  return {};
}

} // namespace cleave
