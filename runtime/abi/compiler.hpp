// compiler.h for C++: text in, a cleave::Program out.
//
//   cleave::Program program = cleave::compile("curve.dsl", {{{"Hidden", "128"}}});
#ifndef CLEAVE_RUNTIME_ABI_COMPILER_HPP
#define CLEAVE_RUNTIME_ABI_COMPILER_HPP

#include "cleave.hpp"
#include "compiler.h"

#include <map>
#include <optional>

namespace cleave {

struct CompileOptions {
  std::map<std::string, std::string> sets; // sizes of axes, values of hyper-parameters
  std::vector<std::string> entries;        // those to compile; none: all
  std::string stdlib;                      // folder of the standard library; empty: the installed one
  // Folder that keeps compiled programs; "": the one of `cleave run`. None: nothing is kept.
  std::optional<std::string> cache;
  std::string plan;                        // how it is spread over ranks; empty: not at all
  std::map<std::string, std::string> mesh; // sizes of the plan's mesh axes
};

// Throws Error; what() then has every diagnostic.
inline Program compile(const std::string &file, const CompileOptions &options = {}) {
  std::vector<std::string> texts;
  std::vector<const char *> sets, entries, mesh;
  texts.reserve(options.sets.size() + options.mesh.size()); // its strings stay where they are
  for (const auto &[name, value] : options.sets)
    sets.push_back(texts.emplace_back(name + "=" + value).c_str());
  for (const auto &[name, value] : options.mesh)
    mesh.push_back(texts.emplace_back(name + "=" + value).c_str());
  for (const std::string &entry : options.entries)
    entries.push_back(entry.c_str());
  cleave_compile_options given = CLEAVE_COMPILE_OPTIONS;
  given.sets = sets.data();
  given.set_count = sets.size();
  given.entries = entries.data();
  given.entry_count = entries.size();
  given.stdlib = options.stdlib.empty() ? nullptr : options.stdlib.c_str();
  given.cache = options.cache ? options.cache->c_str() : nullptr;
  given.plan = options.plan.empty() ? nullptr : options.plan.c_str();
  given.mesh = mesh.data();
  given.mesh_count = mesh.size();
  cleave_program *made = nullptr;
  check(cleave_compile(file.c_str(), &given, &made));
  return Program(made);
}

} // namespace cleave

#endif
