// What a plan asserts and allows.
#include "lang/sema/Numbers.h"
#include "lang/sema/Plans.h"

#include <algorithm>
#include <cmath>

namespace cleave::sema {

static const std::vector<std::string> kCollectives = {"all_reduce", "reduce_scatter", "all_gather",
                                                      "all_to_all", "permute",        "broadcast",
                                                      "halo",       "send",           "recv"};

std::optional<int64_t> PlanResolver::limitOf(const syntax::Quantity &written, bool bytes) {
  static const std::vector<std::pair<std::string, double>> units = {{"B", 1},
                                                                    {"KB", 1e3},
                                                                    {"MB", 1e6},
                                                                    {"GB", 1e9},
                                                                    {"TB", 1e12},
                                                                    {"KiB", 1024},
                                                                    {"MiB", 1024.0 * 1024},
                                                                    {"GiB", 1024.0 * 1024 * 1024},
                                                                    {"TiB", 1024.0 * 1024 * 1024 * 1024}};
  std::string unit(written.unit.text);
  std::optional<double> number = parseFloat(written.number);
  double factor = unit.empty() ? 1 : 0;
  std::vector<std::string> names;
  for (const auto &[name, size] : units) {
    names.push_back(name);
    factor = bytes && name == unit ? size : factor;
  }
  if (factor == 0) {
    std::string near = bytes ? diag::nearest(unit, names) : "";
    error("E910", written.unit.location,
          bytes ? "bytes are given in B, KiB, MiB, GiB, TiB, KB, MB, GB or TB, found '" + unit + "'"
                : "a number of collectives has no unit, found '" + unit + "'")
        .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
    return std::nullopt;
  }
  double limit = number.value_or(0) * factor;
  bool isCount = bytes || limit == std::floor(limit);
  if (!number || limit >= 0x1p62 || !isCount) {
    error(
        "E910", written.location,
        std::string(isCount ? "a limit is a number below 2^62" : "collectives are counted in whole numbers") +
            ", found " + std::string(written.number));
    return std::nullopt;
  }
  return static_cast<int64_t>(limit);
}

void PlanResolver::collective(const syntax::Tactic &written, ast::Tactic &tactic) {
  tactic.collective = written.collective.text;
  if (std::find(kCollectives.begin(), kCollectives.end(), tactic.collective) == kCollectives.end()) {
    std::string near = diag::nearest(tactic.collective, kCollectives), list;
    for (const std::string &name : kCollectives)
      list += (list.empty() ? "" : ", ") + name;
    error("E910", written.collective.location,
          "an assertion is about " + list + ", found '" + tactic.collective + "'")
        .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
  }
  for (const syntax::Selector &selector : written.selectors) {
    ast::Selection selection;
    if (select(selector, selection, false))
      tactic.selections.push_back(std::move(selection));
  }
}

void PlanResolver::bound(const syntax::Tactic &written, ast::Tactic &tactic) {
  if (written.kind == Kind::AssertNo)
    return collective(written, tactic);
  static const std::vector<std::string> asserted = {"peak_memory", "count", "bytes"}, allowed = {"reshard"};
  const syntax::Name &word = written.words.front();
  const auto &metrics = written.kind == Kind::Allow ? allowed : asserted;
  tactic.bound.metric = word.text;
  bool known = std::find(metrics.begin(), metrics.end(), tactic.bound.metric) != metrics.end();
  bool wantsCollective = tactic.bound.metric == "count" || tactic.bound.metric == "bytes";
  bool hasCollective = !written.collective.empty();
  if (!known || wantsCollective != hasCollective) {
    std::string near = known ? "" : diag::nearest(word.text, metrics);
    error("E910", word.location,
          written.kind == Kind::Allow
              ? "a plan allows reshard, found '" + tactic.bound.metric + "'"
              : "a plan asserts peak_memory, count(collective) or bytes(collective), found '" +
                    tactic.bound.metric + (known && hasCollective ? "(...)'" : "'"))
        .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
  }
  if (hasCollective)
    collective(written, tactic);
  if (known)
    tactic.bound.limit = limitOf(written.quantity, tactic.bound.metric != "count").value_or(0);
  for (const ast::Tactic &other : plan->tactics)
    if (written.kind == Kind::Allow && other.kind == ast::Tactic::Kind::Allow &&
        other.owner == current->name && other.bound.metric == tactic.bound.metric)
      error("E907", tactic.location, "a plan allows resharding once, found a second tactic")
          .note(other.location, "the first is here");
}

// On the mesh of the plan that is named, with the sizes of what axes it shares with this one, and with those
// that are written.
void PlanResolver::equivalent(const syntax::Tactic &written, ast::Tactic &tactic) {
  size_t missing;
  const Module *scope;
  const Symbol *found = sema.lookup(*current->module, written.plan, missing, scope);
  if (!found)
    found = sema.require(*current->module, written.plan, "a plan");
  failed |= !found;
  if (!found)
    return;
  if (found->kind != Symbol::Kind::Plan) {
    error("E966", written.plan.location,
          "a plan is equivalent to another plan, found " + written.plan.str() + ", " + describe(found->kind))
        .note(found->location, "it is declared here");
    return;
  }
  if (found->plan == current && written.sizes.empty())
    error("E966", written.plan.location, "a plan is equivalent to another plan, found itself");
  for (const syntax::MeshAxis &axis : written.sizes)
    if (!axis.link.parts.empty())
      error("E966", axis.link.location,
            "an assertion gives sizes to the mesh of a plan, found a link for " +
                std::string(axis.name.text));
  PlanResolver other(sema, *found->plan, /*selected=*/false, knowsNames);
  other.plan = sema.program.own(new ast::Plan());
  if (other.collectChain())
    other.resolveMesh();
  for (ast::MeshAxis &axis : other.plan->mesh.axes)
    for (const ast::MeshAxis &own : plan->mesh.axes)
      if (own.name == axis.name && own.size > 0)
        axis.size = own.size;
  other.addAxes(written.sizes, *current->module, /*mayAdd=*/false);
  failed |= other.failed;
  tactic.other = {found->plan->name, other.plan->mesh, found->plan->item->name.location};
}

} // namespace cleave::sema
