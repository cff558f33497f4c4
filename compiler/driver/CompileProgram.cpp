#include "compiler/driver/Driver.h"
#include "lang/ast/Tree.h"
#include "lang/diag/Engine.h"
#include "runtime/abi/Handles.h"
#include "runtime/abi/Programs.h"
#include "runtime/abi/compiler.h"
#include "runtime/core/Text.h"

#include <cstring>

using namespace cleave;
using namespace cleave::rt::abi;

namespace {

rt::Error badOption(const std::string &rule, const std::string &found) {
  return {"E720", rule + ", found " + found, "", {}, ""};
}

rt::Status readPairs(const char *argument, const char *rule, const char *const *given, size_t count,
                     std::map<std::string, std::string> &pairs) {
  for (size_t i = 0; i < count; ++i) {
    if (!given || !given[i])
      return nullArgument(argument);
    std::string pair = given[i];
    size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return badOption(rule, "'" + pair + "'");
    pairs[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return {};
}

// The options that the caller knows of; those added later have their defaults.
rt::Result<DriverOptions> optionsFrom(const char *file, const cleave_compile_options *given) {
  cleave_compile_options known = CLEAVE_COMPILE_OPTIONS;
  if (given && (given->struct_size < sizeof(size_t) || given->struct_size > sizeof(known)))
    return rt::Error{"E723",
                     "options must begin as CLEAVE_COMPILE_OPTIONS of this version or an older one, found a "
                     "struct_size of " +
                         std::to_string(given->struct_size),
                     "",
                     {},
                     ""};
  if (given)
    std::memcpy(&known, given, given->struct_size);
  DriverOptions options;
  options.file = file;
  if (rt::Status status =
          readPairs("sets", "a set must be NAME=VALUE", known.sets, known.set_count, options.sets);
      !status)
    return status.error();
  if (rt::Status status =
          readPairs("mesh", "a mesh axis must be AXIS=SIZE", known.mesh, known.mesh_count, options.mesh);
      !status)
    return status.error();
  if (known.plan)
    options.plan = known.plan;
  for (size_t i = 0; i < known.entry_count; ++i) {
    if (!known.entries || !known.entries[i])
      return nullArgument("entries");
    options.entries.push_back(known.entries[i]);
  }
  if (known.stdlib)
    options.stdlib = known.stdlib;
  if (known.cache)
    options.cacheFolder = *known.cache ? known.cache : standardCacheFolder();
  return options;
}

// E701 where an entry to compile is none of the program's.
rt::Status checkEntries(const ast::Program &program, const DriverOptions &options) {
  std::vector<std::string> names;
  for (const ast::Entry *entry : program.entries)
    names.push_back(entry->name);
  for (const std::string &wanted : options.entries)
    if (std::find(names.begin(), names.end(), wanted) == names.end())
      return rt::Error{"E701",
                       "an entry must be one of the program's, found '" + wanted + "'",
                       "",
                       {"there are " + rt::listText(names, 8)},
                       ""};
  return {};
}

// The first error's code stands for all of them.
cleave_status rejected(const diag::Engine &engine) {
  std::string code = "E999";
  for (const auto &diagnostic : engine.getDiagnostics())
    if (diagnostic->severity == diag::Severity::Error) {
      code = diagnostic->code;
      break;
    }
  std::string text = code + ": " + engine.render();
  fail(std::move(code), std::move(text));
  return CLEAVE_REJECTED;
}

} // namespace

cleave_status cleave_compile(const char *file, const cleave_compile_options *given,
                             cleave_program **program) noexcept {
  bool isRejected = false;
  diag::Engine engine;
  cleave_status status = guarded([&]() -> rt::Status {
    if (!program)
      return nullArgument("program");
    *program = nullptr;
    if (!file)
      return nullArgument("file");
    rt::Result<DriverOptions> options = optionsFrom(file, given);
    if (!options)
      return options.error();
    Driver driver(*options, engine);
    const ast::Program *checked = driver.check();
    if (rt::Status status = checked ? checkEntries(*checked, *options) : rt::Status(); !status)
      return status;
    std::optional<rt::Artefact> compiled = checked ? driver.compile() : std::nullopt;
    isRejected = !compiled;
    if (isRejected)
      return {};
    *program = makeProgram(*compiled);
    return {};
  });
  return isRejected ? rejected(engine) : status;
}
