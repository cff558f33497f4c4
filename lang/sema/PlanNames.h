// What the selectors of a plan may name: states, layers, entries, and what bodies bind. Seen by lang/sema
// only.
#ifndef CLEAVE_LANG_SEMA_PLANNAMES_H
#define CLEAVE_LANG_SEMA_PLANNAMES_H

#include "lang/ast/Tree.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace cleave::sema {

// One of them, under the path by which `cleave run --dump` and saved states know it.
struct PlanName {
  ast::Selected selected;
  ast::Type type;                    // of tensors
  const ast::State *state = nullptr; // of states
  std::string layerName;             // of layers: "nn.Linear"
  ast::Location location;
  const ast::Axis *repeat = nullptr; // of layers: a stack along it
};

class PlanNames {
public:
  explicit PlanNames(const ast::Program &program);

  const std::vector<PlanName> &all() const { return names; }

private:
  void addObject(const ast::LayerObject &object);
  void addBody(const ast::Body &body, const ast::Entry &entry, const ast::LayerObject *self);
  void addExpr(const ast::Expr *e, const ast::Entry &entry, const ast::LayerObject *self);
  void addExprs(const std::vector<const ast::Expr *> &list, const ast::Entry &entry,
                const ast::LayerObject *self);
  void addNested(const ast::Expr *e, const ast::Entry &entry, const ast::LayerObject *self);
  void addValue(const ast::Value &value, const ast::Entry &entry, const ast::LayerObject *self,
                ast::Selected::Kind kind);

  std::vector<PlanName> names;
  std::map<std::pair<std::string, std::string>, size_t> known; // by path and entry
  std::set<std::pair<const ast::Entry *, const ast::LayerObject *>> walked;
};

// "gpt.blocks[*].up" -> gpt, blocks[*], up
std::vector<std::string> stepsOf(const std::string &path);
// Whether a path's first steps are the pattern's, `*` standing for any and `blocks[3]` for a layer of
// `blocks[*]`; all of its steps, if `whole`.
bool selects(const std::vector<std::string> &pattern, const std::string &path, bool whole);

} // namespace cleave::sema

#endif
