// Whether the sizes of the program fit the selected plan.
#include "lang/sema/Plans.h"

#include <algorithm>

namespace cleave::sema {

using TacticKind = ast::Tactic::Kind;

// The last tactic about an axis holds; one without axes is about those that no other names.
std::string PlanResolver::policyOf(const std::string &axis) const {
  std::string policy = "error";
  bool named = false;
  for (const ast::Tactic &tactic : plan->tactics) {
    if (tactic.kind != TacticKind::Remainder)
      continue;
    bool names = std::find(tactic.axes.begin(), tactic.axes.end(), axis) != tactic.axes.end();
    if (names || (tactic.axes.empty() && !named))
      policy = tactic.words[0];
    named |= names;
  }
  return policy;
}

int64_t PlanResolver::stepsOver(const std::string &axis) const {
  for (const ast::Tactic &tactic : plan->tactics)
    if (tactic.kind == TacticKind::Accumulate &&
        std::find(tactic.axes.begin(), tactic.axes.end(), axis) != tactic.axes.end())
      return tactic.count;
  return 1;
}

const ast::Axis *PlanResolver::axisNamed(const std::string &name) const {
  for (const ast::Axis *axis : sema.program.axes)
    if (axis->name == name)
      return axis;
  return nullptr;
}

void PlanResolver::checkAxis(const ast::Axis &axis, int64_t parts, const std::string &by,
                             const ast::Tactic &tactic) {
  int64_t steps = stepsOver(axis.name), size = axis.size / steps;
  std::string policy = policyOf(axis.name), found = axis.name + " = " + std::to_string(axis.size);
  found += (steps > 1 ? " in " + std::to_string(steps) + " micro-batches" : "") + " over " + by;
  int64_t next = (size / parts + 1) * parts * steps;
  std::string set = "--set " + axis.name + "=" + std::to_string(next);
  if (policy == "error" && size % parts != 0)
    error("E906", tactic.location, "the ranks that an axis is cut over divide it, found " + found)
        .note(axis.location, axis.name + " is declared here")
        .suggest("remainder " + std::string(size < parts ? "pad" : "uneven") + " for " + axis.name + ", or " +
                 set);
  else if (policy == "uneven" && size < parts)
    error("E906", tactic.location, "under remainder uneven every rank has an element, found " + found)
        .note(axis.location, axis.name + " is declared here")
        .suggest("remainder pad for " + axis.name + ", or " + set);
}

static std::string sizesText(const std::vector<ast::MeshUse> &uses, const ast::Mesh &mesh) {
  std::string text;
  for (const ast::MeshUse &use : uses)
    text += (text.empty() ? "" : " and ") + mesh.axes[use.axis].name + " = " +
            std::to_string(use.whole ? mesh.axes[use.axis].size : use.size);
  return text;
}

void PlanResolver::checkSizes() {
  // What tactic by tactic cuts an axis of one value multiplies.
  std::map<std::string, std::vector<ast::MeshUse>> cut;
  auto partsOf = [&](const std::vector<ast::MeshUse> &uses) {
    int64_t parts = 1;
    for (const ast::MeshUse &use : uses)
      parts *= sizeOf(use);
    return parts;
  };
  for (const ast::Tactic &tactic : plan->tactics) {
    current = &symbol;
    if (tactic.kind == TacticKind::Shard)
      for (const std::string &name : tactic.axes) {
        std::vector<ast::MeshUse> &uses = cut[name];
        uses.insert(uses.end(), tactic.over.begin(), tactic.over.end());
        if (const ast::Axis *axis = axisNamed(name))
          checkAxis(*axis, partsOf(uses), sizesText(uses, plan->mesh), tactic);
      }
    if (tactic.kind == TacticKind::Layout)
      for (const ast::DimLayout &dim : tactic.layout.dims)
        if (const ast::Axis *axis = dim.over.empty() ? nullptr : axisNamed(dim.axis))
          checkAxis(*axis, partsOf(dim.over), sizesText(dim.over, plan->mesh), tactic);
    if (tactic.kind != TacticKind::Accumulate)
      continue;
    for (const std::string &name : tactic.axes)
      if (const ast::Axis *axis = axisNamed(name); axis && axis->size % tactic.count != 0)
        error("E906", tactic.location,
              "micro-batches are of one size, found " + axis->name + " = " + std::to_string(axis->size) +
                  " in " + std::to_string(tactic.count))
            .note(axis->location, axis->name + " is declared here");
  }
  checkUse();
}

// Ranks along an axis over which nothing is sharded would all do the same.
void PlanResolver::checkUse() {
  for (const ast::Tactic &tactic : dropped) {
    if (tactic.kind != TacticKind::Shard)
      continue;
    for (const ast::MeshUse &use : tactic.over) {
      bool isUsed = std::any_of(plan->tactics.begin(), plan->tactics.end(), [&](const ast::Tactic &other) {
        return other.kind == TacticKind::Shard &&
               std::any_of(other.over.begin(), other.over.end(),
                           [&](const ast::MeshUse &o) { return o.axis == use.axis; });
      });
      if (isUsed || sizeOf(use) == 1)
        continue;
      std::string axes;
      for (const ast::Axis *axis : sema.program.axes)
        if (axis->name.find('.') == std::string::npos)
          axes += (axes.empty() ? "" : ", ") + axis->name;
      error("E905", tactic.location,
            "a plan for any program finds an axis to shard over each mesh axis, found none for " +
                plan->mesh.axes[use.axis].name)
          .suggest("the program's axes are " + axes + ": write a plan for it, or --mesh " +
                   plan->mesh.axes[use.axis].name + "=1");
      return;
    }
  }
}

} // namespace cleave::sema
