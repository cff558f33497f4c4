// The tactics of a plan, in order.
#include "lang/sema/Numbers.h"
#include "lang/sema/Plans.h"

#include <algorithm>

namespace cleave::sema {

std::string PlanResolver::nearMesh(std::string_view name) const {
  std::vector<std::string> names;
  for (const ast::MeshAxis &axis : plan->mesh.axes)
    names.push_back(axis.name);
  return diag::nearest(name, names);
}

bool PlanResolver::meshUse(const syntax::MeshUse &written, ast::MeshUse &use) {
  const ast::Mesh &mesh = plan->mesh;
  auto axis = std::find_if(mesh.axes.begin(), mesh.axes.end(),
                           [&](const ast::MeshAxis &a) { return a.name == written.name.text; });
  use.location = written.location;
  if (axis == mesh.axes.end()) {
    std::string near = nearMesh(written.name.text);
    error("E904", written.location,
          "a tactic is over axes of the plan's mesh " + ast::toString(mesh) + ", found '" +
              std::string(written.name.text) + "'")
        .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
    return false;
  }
  use.axis = static_cast<unsigned>(axis - mesh.axes.begin());
  if (written.size.empty())
    return true;
  use.whole = false;
  std::optional<int64_t> before = parseInteger(written.before), size = parseInteger(written.size);
  use.before = before.value_or(0);
  use.size = size.value_or(0);
  bool fits = use.before >= 1 && use.size >= 1 && use.before <= (int64_t(1) << 30) &&
              use.size <= (int64_t(1) << 30) && (!selected || axis->size % (use.before * use.size) == 0);
  if (!fits)
    error("E904", written.location,
          "a part axis[BEFORE:SIZE] of a mesh axis has a BEFORE * SIZE that divides the axis, found " +
              std::string(written.name.text) + "[" + std::string(written.before) + ":" +
              std::string(written.size) + "]" + (axis->size ? " of " + std::to_string(axis->size) : ""));
  return fits;
}

bool PlanResolver::overlap(const ast::MeshUse &a, const ast::MeshUse &b) const {
  if (a.axis != b.axis)
    return false;
  if (a.whole || b.whole)
    return true;
  return a.before < b.before * b.size && b.before < a.before * a.size;
}

bool PlanResolver::takesOnce(const std::vector<ast::MeshUse> &uses) {
  for (size_t i = 0; i < uses.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (overlap(uses[i], uses[j])) {
        error("E904", uses[i].location,
              "a mesh axis is used once for one value, found a second " + plan->mesh.axes[uses[i].axis].name)
            .note(uses[j].location, "it is used here");
        return false;
      }
  return true;
}

std::vector<ast::MeshUse> PlanResolver::meshUses(const std::vector<syntax::MeshUse> &written) {
  std::vector<ast::MeshUse> uses;
  for (const syntax::MeshUse &one : written) {
    ast::MeshUse use;
    if (meshUse(one, use))
      uses.push_back(use);
  }
  takesOnce(uses);
  return uses;
}

// The axes of the program that a path names: one, or (of a plan for any program) those of this name in every
// module, which may be none.
std::vector<std::string> PlanResolver::axesOf(const syntax::Path &path) {
  std::string name = path.str();
  if (currentIsAny) {
    std::vector<std::string> found;
    for (const ast::Axis *axis : sema.program.axes) {
      size_t dot = axis->name.rfind('.');
      if (axis->name == name || (dot != std::string::npos && axis->name.substr(dot + 1) == name))
        found.push_back(axis->name);
    }
    return found;
  }
  size_t missing;
  const Module *scope;
  const Symbol *symbol = sema.lookup(*sema.mainModule, path, missing, scope);
  if (symbol && symbol->kind == Symbol::Kind::Axis)
    return {symbol->axis->name};
  std::vector<std::string> names;
  for (const ast::Axis *axis : sema.program.axes) {
    if (axis->name == name)
      return {name};
    names.push_back(axis->name);
  }
  std::string near = diag::nearest(name, names);
  error("E905", path.location,
        "a tactic is about axes of the program, found " +
            (symbol ? name + ", " + describe(symbol->kind) : "unknown '" + name + "'"))
      .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
  return {};
}

// Who says the same twice means something else.
static bool shares(const std::vector<std::string> &a, const std::vector<std::string> &b, std::string &which) {
  for (const std::string &x : a)
    if (std::find(b.begin(), b.end(), x) != b.end()) {
      which = x;
      return true;
    }
  return false;
}

void PlanResolver::shard(const syntax::Tactic &written, ast::Tactic &tactic) {
  for (const syntax::Path &path : written.axes)
    for (const std::string &axis : axesOf(path)) {
      if (std::find(tactic.axes.begin(), tactic.axes.end(), axis) != tactic.axes.end())
        error("E907", path.location, "a tactic names an axis once, found a second " + axis);
      tactic.axes.push_back(axis);
    }
  for (const ast::Tactic &other : plan->tactics) {
    std::string which;
    if (other.kind != ast::Tactic::Kind::Shard || !shares(tactic.axes, other.axes, which))
      continue;
    for (const ast::MeshUse &use : tactic.over)
      for (const ast::MeshUse &known : other.over)
        if (overlap(use, known)) {
          error("E907", tactic.location,
                "an axis is sharded once over a mesh axis, found a second tactic for " + which + " over " +
                    plan->mesh.axes[use.axis].name)
              .note(other.location, "the first is here");
          return;
        }
  }
}

void PlanResolver::store(const syntax::Tactic &written, ast::Tactic &tactic) {
  static const std::vector<std::string> kinds = {"params", "gradients", "optimizer"};
  for (const syntax::Name &word : written.words) {
    std::string kind(word.text);
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
      std::string near = diag::nearest(kind, kinds);
      error("E907", word.location, "store takes params, gradients and optimizer, found '" + kind + "'")
          .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
    } else if (std::find(tactic.words.begin(), tactic.words.end(), kind) != tactic.words.end()) {
      error("E907", word.location, "store names a kind once, found a second " + kind);
    }
    tactic.words.push_back(kind);
  }
  for (const syntax::Selector &selector : written.selectors) {
    ast::Selection selection;
    if (!select(selector, selection, false))
      continue;
    auto isParameter = [](const ast::Selected &s) {
      return s.kind == ast::Selected::Kind::Layer || s.kind == ast::Selected::Kind::State;
    };
    if (!std::all_of(selection.matches.begin(), selection.matches.end(), isParameter))
      error("E908", selector.location,
            "what is stored belongs to parameters or layers, found " + selector.str() + ", which is neither");
    tactic.selections.push_back(std::move(selection));
  }
  for (const ast::Tactic &other : plan->tactics) {
    std::string which;
    if (other.kind != ast::Tactic::Kind::Store || !shares(tactic.words, other.words, which))
      continue;
    bool same = tactic.selections.size() == other.selections.size();
    for (size_t i = 0; same && i < tactic.selections.size(); ++i)
      same = tactic.selections[i].text == other.selections[i].text;
    if (same)
      error("E907", tactic.location, "what is stored has one layout, found a second tactic for " + which)
          .note(other.location, "the first is here");
  }
}

void PlanResolver::accumulate(const syntax::Tactic &written, ast::Tactic &tactic) {
  tactic.axes = axesOf(written.axes.front());
  std::vector<const SemaAxis *> mentions;
  std::optional<int64_t> count =
      sema.evaluateSize(*written.count, *current->module, *sema.baseEnvironment, mentions);
  failed |= !count;
  tactic.count = count.value_or(1);
  if (count && *count < 1)
    error("E906", written.count->location,
          "there is at least one micro-batch, found " + std::to_string(*count));
  // What extends a plan may choose another number.
  auto known = std::find_if(plan->tactics.begin(), plan->tactics.end(),
                            [](const ast::Tactic &t) { return t.kind == ast::Tactic::Kind::Accumulate; });
  if (known == plan->tactics.end())
    return;
  if (known->owner == current->name)
    error("E907", tactic.location, "a plan accumulates once, found a second tactic")
        .note(known->location, "the first is here");
  else
    plan->tactics.erase(known);
}

void PlanResolver::remainder(const syntax::Tactic &written, ast::Tactic &tactic) {
  static const std::vector<std::string> policies = {"pad", "uneven", "error"};
  const syntax::Name &word = written.words.front();
  tactic.words = {std::string(word.text)};
  if (std::find(policies.begin(), policies.end(), tactic.words[0]) == policies.end()) {
    std::string near = diag::nearest(word.text, policies);
    error("E907", word.location, "a remainder is pad, uneven or error, found '" + tactic.words[0] + "'")
        .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
  }
  for (const syntax::Path &path : written.axes)
    for (const std::string &axis : axesOf(path))
      tactic.axes.push_back(axis);
  for (const ast::Tactic &other : plan->tactics) {
    std::string which = "every axis";
    bool both = tactic.axes.empty() && other.axes.empty() && written.axes.empty();
    if (other.kind == ast::Tactic::Kind::Remainder && other.owner == current->name &&
        (both || shares(tactic.axes, other.axes, which)))
      error("E907", tactic.location, "an axis has one remainder policy, found a second for " + which)
          .note(other.location, "the first is here");
  }
}

void PlanResolver::overlap(const syntax::Tactic &written, ast::Tactic &tactic) {
  static const std::vector<std::string> ways = {"early",   "reductions", "prefetch", "chunks",
                                                "buckets", "hierarchy",  "norms",    "all"};
  tactic.never = written.never;
  for (const syntax::Name &word : written.words) {
    tactic.words.emplace_back(word.text);
    if (std::find(ways.begin(), ways.end(), tactic.words.back()) != ways.end())
      continue;
    std::string near = diag::nearest(word.text, ways);
    error(
        "E907", word.location,
        "a way to overlap is early, reductions, prefetch, chunks, buckets, hierarchy, norms or all, found '" +
            tactic.words.back() + "'")
        .suggest(near.empty() ? "" : "did you mean '" + near + "'?");
  }
}

void PlanResolver::addTactic(const syntax::Tactic &written) {
  ast::Tactic tactic;
  tactic.kind = static_cast<ast::Tactic::Kind>(written.kind);
  tactic.location = written.location;
  tactic.optional = currentIsAny;
  tactic.owner = current->name;
  tactic.over = meshUses(written.over);
  switch (written.kind) {
  case Kind::Shard:
    shard(written, tactic);
    break;
  case Kind::Layout:
    layout(written, tactic);
    break;
  case Kind::Replicate:
    replicate(written, tactic);
    break;
  case Kind::Store:
    store(written, tactic);
    break;
  case Kind::Accumulate:
    accumulate(written, tactic);
    break;
  case Kind::Recompute:
  case Kind::Save:
    residuals(written, tactic);
    break;
  case Kind::Remainder:
    remainder(written, tactic);
    break;
  case Kind::Overlap:
    overlap(written, tactic);
    break;
  case Kind::Allow:
  case Kind::AssertNo:
  case Kind::Assert:
    bound(written, tactic);
    break;
  case Kind::Manual:
    manual(written, tactic);
    break;
  case Kind::AssertEquivalent:
    equivalent(written, tactic);
    break;
  }
  // What a program lacks is passed over in a plan for any.
  bool isAbout = written.axes.empty() || !tactic.axes.empty();
  bool selects = written.selectors.empty() || !tactic.selections.empty();
  if (!currentIsAny || (isAbout && selects))
    plan->tactics.push_back(std::move(tactic));
  else
    dropped.push_back(std::move(tactic));
}

void PlanResolver::addTactics(const PlanSymbol &of) {
  currentIsAny = of.item->path.str() == "any";
  for (const syntax::Tactic &written : of.item->tactics)
    addTactic(written);
}

} // namespace cleave::sema
