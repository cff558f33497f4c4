// The front end's one entry point: program text -> checked, typed tree.
#ifndef CLEAVE_LANG_SEMA_CHECK_H
#define CLEAVE_LANG_SEMA_CHECK_H

#include "lang/ast/Tree.h"
#include "lang/diag/Engine.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cleave::sema {

struct Options {
  // `--set NAME=VALUE`, in order; NAME is an axis or hyper of the main file (or module.NAME).
  std::vector<std::pair<std::string, std::string>> sets;
  // `--plan`: a plan of the program, of a module it imports, of the standard library, or FILE.dsl:NAME.
  // Empty: none.
  std::string plan;
  // Where the plan is declared that is selected in place of `plan`, among those that are loaded for it: a
  // path and the byte that its name begins at.
  std::optional<std::pair<std::string, uint32_t>> planAt;
  // `--mesh NAME=SIZE`: sizes of the selected plan's mesh axes.
  std::vector<std::pair<std::string, std::string>> mesh;
  // List the plans of the standard library too.
  bool libraryPlans = false;
  // The folder that `import nn` is looked up in, after the folder of the importing file.
  std::string stdlib;
  // The text of a file as an editor holds it, given its absolute path; none: what lies on the disk.
  std::function<std::optional<std::string>(const std::string &path)> unsaved;
  // Files with syntax errors (reported all the same) are checked without the statements that have them.
  bool tolerant = false;
};

// Checks a program given as text; `path` names it in diagnostics and anchors relative imports and data files.
// Returns null when there were errors (they are in `engine`).
std::unique_ptr<ast::Program> checkText(const std::string &path, std::string text, const Options &options,
                                        diag::Engine &engine);

// The same, reading the file. A missing or unreadable file is diagnostic E500.
std::unique_ptr<ast::Program> checkFile(const std::string &path, const Options &options,
                                        diag::Engine &engine);

} // namespace cleave::sema

#endif
