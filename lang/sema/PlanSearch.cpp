// The plan that the command line names.
#include "lang/sema/Sema.h"

#include <algorithm>
#include <filesystem>

namespace cleave::sema {

namespace fs = std::filesystem;

static const PlanSymbol *planAt(Sema &sema, const Module *module, const std::string &dotted) {
  syntax::Path path;
  std::string_view rest = dotted;
  for (size_t dot; (dot = rest.find('.')) != std::string_view::npos; rest.remove_prefix(dot + 1))
    path.parts.push_back({rest.substr(0, dot), {}});
  path.parts.push_back({rest, {}});
  size_t failed;
  const Module *scope;
  const Symbol *symbol = module ? sema.lookup(*module, path, failed, scope) : nullptr;
  return symbol && symbol->kind == Symbol::Kind::Plan ? symbol->plan : nullptr;
}

static std::vector<std::string> planNamesIn(const Module *module) {
  std::vector<std::string> names;
  if (module)
    for (const auto &[name, symbol] : module->symbols)
      if (symbol.kind == Symbol::Kind::Plan)
        names.push_back(name);
  return names;
}

static std::string listOf(const std::vector<std::string> &names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

// FILE.dsl:NAME
const PlanSymbol *Sema::findPlanInFile(const std::string &file, const std::string &name) {
  fs::path stem(file);
  stem.replace_extension();
  std::string folder = stem.parent_path().string();
  Module *module = loadFolderOrFile(folder.empty() ? "." : folder, stem.filename().string(), {});
  if (!module) {
    error("E901", {}, "--plan names a plan of a file that can be read, found no '" + file + "'");
    return nullptr;
  }
  if (loadFailed)
    return nullptr;
  const PlanSymbol *plan = planAt(*this, module, name);
  if (plan)
    return plan;
  std::vector<std::string> names = planNamesIn(module);
  std::string near = diag::nearest(name, names);
  error("E901", {},
        "--plan names a plan of " + file + ", found '" + name + "' and there " +
            (names.empty() ? "none" : listOf(names)))
      .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
  return nullptr;
}

const PlanSymbol *Sema::findPlan(const std::string &text) {
  if (size_t at = text.rfind(".dsl:"); at != std::string::npos)
    return findPlanInFile(text.substr(0, at + 4), text.substr(at + 5));
  if (const PlanSymbol *plan = planAt(*this, mainModule, text))
    return plan;
  std::vector<const PlanSymbol *> imported;
  for (const PlanSymbol &plan : plans)
    if (plan.item->name.text == text)
      imported.push_back(&plan);
  if (imported.size() > 1) {
    diag::Diagnostic &d = error("E901", {},
                                "--plan names one plan, found '" + text + "' in " +
                                    std::to_string(imported.size()) + " modules");
    for (const PlanSymbol *plan : imported)
      d.note(plan->item->name.location, "--plan " + plan->name);
    return nullptr;
  }
  if (!imported.empty())
    return imported.front();
  const Module *library = options.stdlib.empty() ? nullptr : loadFolderOrFile(options.stdlib, "plans", {});
  std::string inLibrary = text.rfind("plans.", 0) == 0 ? text.substr(6) : text;
  if (const PlanSymbol *plan = planAt(*this, library, inLibrary))
    return plan;
  std::vector<std::string> own = planNamesIn(mainModule), known = planNamesIn(library), all = own;
  all.insert(all.end(), known.begin(), known.end());
  std::string near = diag::nearest(text, all);
  error("E901", {},
        "--plan names a plan of the program or of the library, found '" + text + "'; the program has " +
            (own.empty() ? "none" : listOf(own)) + (known.empty() ? "" : ", the library " + listOf(known)))
      .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
  return nullptr;
}

} // namespace cleave::sema
