#include "lang/ast/Plan.h"

#include <algorithm>
#include <cstdio>

namespace cleave::ast {

bool Mesh::isSized() const {
  return std::all_of(axes.begin(), axes.end(), [](const MeshAxis &axis) { return axis.size > 0; });
}

int64_t Mesh::ranks() const {
  int64_t product = 1;
  for (const MeshAxis &axis : axes)
    product *= axis.size;
  return product;
}

namespace {

template <typename List, typename F> std::string join(const List &list, F each, const char *between = ", ") {
  std::string text;
  for (const auto &item : list)
    text.append(text.empty() ? "" : between).append(each(item));
  return text;
}

std::string same(const std::string &text) { return text; }

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

std::string useText(const MeshUse &use, const Mesh &mesh) {
  std::string name = mesh.axes[use.axis].name;
  return use.whole ? name : name + "[" + std::to_string(use.before) + ":" + std::to_string(use.size) + "]";
}

std::string overText(const std::vector<MeshUse> &uses, const Mesh &mesh) {
  return join(uses, [&](const MeshUse &use) { return useText(use, mesh); });
}

std::string selectionText(const std::vector<Selection> &selections) {
  return join(selections, [](const Selection &s) { return s.text; });
}

std::string boundText(const Bound &bound) { return " <= " + std::to_string(bound.limit); }

std::string collectiveText(const Tactic &t, const Mesh &mesh) {
  return t.collective + (t.over.empty() ? "" : " over " + overText(t.over, mesh)) +
         (t.selections.empty() ? "" : " in " + selectionText(t.selections));
}

std::string manualText(const ManualRegion &manual, const Mesh &mesh) {
  std::string text = "manual " + manual.composite + "(";
  for (size_t i = 0; i < manual.ports.size(); ++i)
    text += (i ? ", " : "") + manual.ports[i] + ": " + toString(manual.layouts[i], mesh);
  return text + ") -> (" + join(manual.results, [&](const Layout &l) { return toString(l, mesh); }) +
         ") = " + manual.function + (manual.over.empty() ? "" : " over " + overText(manual.over, mesh));
}

} // namespace

std::string toString(const Mesh &mesh) {
  return "(" +
         join(mesh.axes,
              [](const MeshAxis &axis) {
                return axis.name + (axis.size ? ": " + std::to_string(axis.size) : "") +
                       (axis.link ? " over " + axis.link->name : "");
              }) +
         ")";
}

std::string toString(const PlanUse &use) {
  return use.name + "(" +
         join(use.mesh.axes,
              [](const MeshAxis &axis) {
                return axis.name + (axis.size ? ": " + std::to_string(axis.size) : "");
              }) +
         ")";
}

std::string toString(const Layout &layout, const Mesh &mesh) {
  std::string text = "[" +
                     join(layout.dims,
                          [&](const DimLayout &dim) {
                            std::string one = (dim.pack ? "..." : "") + dim.axis;
                            for (const MeshUse &use : dim.over)
                              one += "/" + useText(use, mesh);
                            return one + (dim.open ? "?" : "");
                          }) +
                     "]";
  for (const PartialUse &partial : layout.partials)
    text += " partial " + partial.combiner + " over " + overText(partial.over, mesh);
  return text;
}

std::string toString(const Tactic &t, const Mesh &mesh) {
  std::string axes = join(t.axes, same), words = join(t.words, same), over = overText(t.over, mesh);
  std::string selections = selectionText(t.selections);
  switch (t.kind) {
  case Tactic::Kind::Shard:
    return "shard " + axes + " over " + over;
  case Tactic::Kind::Layout:
    return "layout " + selections + ": " + toString(t.layout, mesh);
  case Tactic::Kind::Replicate:
    return "replicate " + selections + " over " + over;
  case Tactic::Kind::Store:
    return "store " + words + (selections.empty() ? "" : " of " + selections) + " over " + over;
  case Tactic::Kind::Accumulate:
    return "accumulate " + std::to_string(t.count) + " of " + axes;
  case Tactic::Kind::Recompute:
    return "recompute " + selections;
  case Tactic::Kind::Save:
    return "save " + selections;
  case Tactic::Kind::Remainder:
    return "remainder " + words + (axes.empty() ? "" : " for " + axes);
  case Tactic::Kind::Overlap:
    return std::string("overlap ") + (t.never ? "no " : "") + words;
  case Tactic::Kind::Allow:
    return "allow " + t.bound.metric + boundText(t.bound);
  case Tactic::Kind::AssertNo:
    return "assert no " + collectiveText(t, mesh);
  case Tactic::Kind::Assert:
    return "assert " + t.bound.metric + (t.collective.empty() ? "" : "(" + collectiveText(t, mesh) + ")") +
           boundText(t.bound);
  case Tactic::Kind::Manual:
    return manualText(t.manual, mesh);
  case Tactic::Kind::AssertEquivalent:
    return "assert equivalent to " + toString(t.other);
  }
  return "";
}

std::string canonical(const Plan &plan) {
  std::string text = "mesh " + toString(plan.mesh) + "\n";
  for (const MeshAxis &axis : plan.mesh.axes)
    if (axis.link)
      text += "link " + axis.link->name + " " + number(axis.link->bandwidth) + " " +
              number(axis.link->latency) + " " + axis.link->domain + "\n";
  if (!plan.target.empty())
    text += "for " + plan.target + "\n";
  for (const Tactic &tactic : plan.tactics)
    text += toString(tactic, plan.mesh) + "\n";
  return text;
}

} // namespace cleave::ast
