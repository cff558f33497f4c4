// What selectors name, and the layouts of it.
#include "lang/sema/Plans.h"
#include "runtime/core/Paths.h"

#include <algorithm>

namespace cleave::sema {

using SelectedKind = ast::Selected::Kind;

static std::string textOf(const std::vector<std::string> &steps) {
  std::string text;
  for (const std::string &step : steps)
    text += (text.empty() ? "" : ".") + step;
  return text;
}

// As if all layers of every repeat were named.
static std::vector<std::string> stepsOf(const syntax::Selector &written) {
  std::vector<std::string> steps;
  for (const syntax::SelectorStep &step : written.steps)
    steps.push_back(std::string(step.name.text) + (step.stacked ? "[*]" : ""));
  return steps;
}

bool PlanResolver::readSteps(const syntax::Selector &written, std::vector<std::string> &steps) {
  bool fine = true;
  std::vector<const SemaAxis *> mentions;
  auto evaluate = [&](const syntax::Expr &e) {
    std::optional<int64_t> number = sema.evaluateSize(e, *current->module, *sema.baseEnvironment, mentions);
    failed |= !number;
    fine &= number.has_value();
    return number.value_or(0);
  };
  for (const syntax::SelectorStep &step : written.steps) {
    std::string text(step.name.text);
    if (step.stacked) {
      rt::Layers layers;
      if (step.index) {
        layers.begin = evaluate(*step.index);
        layers.end = step.end ? evaluate(*step.end) : layers.begin + 1;
      }
      if (fine && step.index && (layers.begin < 0 || layers.end <= layers.begin)) {
        error("E908", step.index->location,
              "layers are named from a first, counted from 0, up to before a last, found " +
                  std::to_string(layers.begin) +
                  (step.end ? " and " + std::to_string(layers.end) : std::string()))
            .suggest(std::string(step.name.text) + "[0.." +
                     std::to_string(std::max<int64_t>(layers.end, 0) + 1) + "]?");
        fine = false;
      }
      text += layers.text();
    }
    steps.push_back(text);
  }
  return fine;
}

// Whether the repeats have the layers that are named, of the selected plan.
bool PlanResolver::hasLayers(const syntax::Selector &written, const Reading &reading) {
  std::string path;
  size_t behind = reading.pattern.size() - std::min(reading.pattern.size(), written.steps.size());
  for (size_t i = 0; i < reading.pattern.size(); ++i) {
    path += (path.empty() ? "" : ".") + rt::withAllLayers(reading.pattern[i]);
    std::vector<rt::Layers> layers = rt::layersOf(reading.pattern[i]);
    if (layers.empty() || layers[0].all())
      continue;
    for (const PlanName &name : sema.planNames().all()) {
      if (!name.repeat || !selects(sema::stepsOf(path), name.selected.path, true) ||
          layers[0].end <= name.repeat->size)
        continue;
      std::string size = std::to_string(name.repeat->size);
      error("E908", i >= behind ? written.steps[i - behind].index->location : written.location,
            "a selector names layers that a repeat has, found " + reading.pattern[i] + " where " +
                name.selected.path + " has " + size)
          .note(name.location, "it is declared here")
          .suggest("the last one is " + std::to_string(name.repeat->size - 1));
      return false;
    }
  }
  return true;
}

// The path of what is named, with the layers that are.
static std::string pathNamed(const std::vector<std::string> &pattern, const std::string &path) {
  std::vector<std::string> steps = stepsOf(path);
  std::vector<rt::Layers> layers;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (rt::layersOf(steps[i]).empty())
      continue;
    std::vector<rt::Layers> wanted =
        i < pattern.size() ? rt::layersOf(pattern[i]) : std::vector<rt::Layers>();
    layers.push_back(wanted.empty() ? rt::Layers() : wanted[0]);
  }
  return rt::withLayers(path, layers);
}

// Ways to read a selector: from the layer the plan is for, from the top, and in an entry (`train.logits`), in
// this order.
std::vector<PlanResolver::Reading> PlanResolver::readingsOf(const std::vector<std::string> &steps) const {
  std::vector<Reading> readings;
  if (!plan->target.empty() && !plan->isForEntry) {
    std::vector<std::string> below = sema::stepsOf(plan->target);
    below.insert(below.end(), steps.begin(), steps.end());
    readings.push_back({below, "", {}});
  }
  readings.push_back({steps, "", {}});
  if (steps.size() > 1)
    readings.push_back({{steps.begin() + 1, steps.end()}, steps[0], {}});
  for (Reading &reading : readings)
    for (const PlanName &name : sema.planNames().all())
      if ((reading.entry.empty() || name.selected.entry == reading.entry) &&
          selects(reading.pattern, name.selected.path, true))
        reading.matches.push_back(&name);
  return readings;
}

// Layers by what they are an instance of: `assert no all_gather in Attention`.
std::vector<const PlanName *> PlanResolver::instancesOf(const syntax::Selector &written) const {
  std::vector<const PlanName *> found;
  for (const PlanName &name : sema.planNames().all())
    if (name.selected.kind == SelectedKind::Layer && name.layerName == written.str())
      found.push_back(&name);
  return found;
}

static std::string withoutStacks(std::string path) {
  for (size_t at; (at = path.find("[*]")) != std::string::npos;)
    path.erase(at, 3);
  return path;
}

void PlanResolver::reportNothing(const syntax::Selector &written) {
  std::string text = written.str(),
              prefix = plan->isForEntry || plan->target.empty() ? "" : plan->target + ".";
  std::vector<std::string> known;
  for (const PlanName &name : sema.planNames().all()) {
    const std::string &path = name.selected.path;
    known.push_back(path);
    if (!prefix.empty() && path.rfind(prefix, 0) == 0)
      known.push_back(path.substr(prefix.size()));
    if (!name.selected.entry.empty() && name.selected.kind != SelectedKind::Entry)
      known.push_back(name.selected.entry + "." + path);
  }
  std::string near, best, list;
  for (const std::string &path : known) // a repeat is written with [*], a layer without
    if (near.empty() && withoutStacks(path) == withoutStacks(text))
      near = path;
  // Where a step is wrong, what could stand there.
  std::vector<std::string> steps = stepsOf(written), children;
  size_t length = steps.size();
  while (best.empty() && --length > 0) {
    std::string head = textOf({steps.begin(), steps.begin() + length});
    for (const std::string &path : known)
      if (path == head || (!prefix.empty() && path == prefix + head))
        best = path;
  }
  for (const std::string &path : known) {
    size_t begin = best.empty() ? 0 : best.size() + 1;
    if (best.empty() || path.rfind(best + ".", 0) == 0)
      children.push_back(path.substr(begin, path.find('.', begin) - begin));
  }
  std::sort(children.begin(), children.end());
  children.erase(std::unique(children.begin(), children.end()), children.end());
  std::string child = diag::nearest(steps[length], children);
  if (near.empty() && !child.empty()) {
    steps[length] = child;
    near = textOf(steps);
  }
  for (size_t i = 0; i < children.size() && !best.empty(); ++i)
    list += (i ? ", " : "") + children[i];
  error("E908", written.location,
        "a selector names a layer, a state or a value of the program, found nothing at '" + text + "'")
      .suggest(!near.empty()   ? "did you mean '" + near + "'?"
               : !list.empty() ? best + " has " + list
                               : "");
}

bool PlanResolver::select(const syntax::Selector &written, ast::Selection &selection, bool single) {
  selection.location = written.location;
  std::vector<std::string> steps;
  if (!readSteps(written, steps))
    return false;
  if (!knowsNames) {
    failed = true;
    return false;
  }
  std::vector<Reading> readings = readingsOf(steps);
  readings.erase(
      std::remove_if(readings.begin(), readings.end(), [](const Reading &r) { return r.matches.empty(); }),
      readings.end());
  if (readings.empty() && !single) {
    for (const PlanName *name : instancesOf(written))
      readings.push_back({sema::stepsOf(name->selected.path), "", {name}});
  } else if (readings.size() > 1) {
    diag::Diagnostic &d =
        error("E908", written.location,
              "a selector means one thing, found that '" + written.str() + "' is " +
                  readings[0].matches[0]->selected.path + " and " + readings[1].matches[0]->selected.path);
    for (const Reading &reading : readings)
      d.note(reading.matches[0]->location, reading.matches[0]->selected.path + " is declared here");
    return false;
  }
  if (readings.empty()) {
    if (!currentIsAny)
      reportNothing(written);
    return false;
  }
  for (const Reading &reading : readings) {
    if (selected && !hasLayers(written, reading))
      return false;
    const char *comma = selection.text.empty() ? "" : ", ";
    std::string pattern = textOf(reading.pattern);
    bool isEntry = reading.matches.front()->selected.kind == SelectedKind::Entry;
    selection.text += comma + (reading.entry.empty() ? "" : reading.entry + ".") + pattern;
    selection.entry = isEntry ? reading.matches.front()->selected.entry : reading.entry;
    selection.pattern += isEntry ? "" : comma + pattern;
    for (const PlanName *match : reading.matches) {
      selection.matches.push_back(match->selected);
      selection.matches.back().path = pathNamed(reading.pattern, match->selected.path);
      if (reading.entry.empty() && match->selected.kind != SelectedKind::Entry)
        selection.matches.back().entry.clear();
    }
  }
  return !single || isOneTensor(written, readings[0]);
}

// A layout is that of one tensor, or of all that a `*` names.
bool PlanResolver::isOneTensor(const syntax::Selector &written, const Reading &reading) {
  for (const PlanName *match : reading.matches) {
    if (match->selected.kind != SelectedKind::Layer && match->selected.kind != SelectedKind::Entry)
      continue;
    std::string below;
    size_t count = 0;
    for (const PlanName &name : sema.planNames().all()) {
      bool isBelow = match->selected.kind == SelectedKind::Layer
                         ? name.selected.path.rfind(match->selected.path + ".", 0) == 0
                         : &name != match && name.selected.entry == match->selected.entry;
      if (isBelow && name.selected.kind != SelectedKind::Layer && ++count <= 6)
        below += (below.empty() ? "" : ", ") + name.selected.path;
    }
    error("E908", written.location,
          "a layout is that of one value, found " + match->selected.path + ", which has " +
              (count ? std::to_string(count) + ": " + below + (count > 6 ? ", ..." : "") : "none"))
        .note(match->location, "it is declared here");
    return false;
  }
  return true;
}

//===-- Layouts -----------------------------------------------------------===//

bool PlanResolver::readLayout(const syntax::Layout &written, ast::Layout &out) {
  std::vector<ast::MeshUse> all;
  auto read = [&](const std::vector<syntax::MeshUse> &uses, std::vector<ast::MeshUse> &to) {
    bool fine = true;
    for (const syntax::MeshUse &one : uses) {
      ast::MeshUse use;
      fine &= meshUse(one, use);
      to.push_back(use);
    }
    all.insert(all.end(), to.begin(), to.end());
    return fine;
  };
  bool fine = true;
  for (const syntax::LayoutDim &dim : written.dims) {
    ast::DimLayout &made = out.dims.emplace_back();
    made.axis = dim.axis.str();
    made.pack = dim.pack;
    made.open = dim.open;
    fine &= read(dim.over, made.over);
  }
  for (const syntax::Layout::Partial &partial : written.partials) {
    ast::PartialUse &made = out.partials.emplace_back();
    made.combiner = partial.combiner.text;
    if (made.combiner != "sum" && made.combiner != "max" && made.combiner != "min") {
      error("E909", partial.combiner.location,
            "a value is partial in a sum, max or min, found '" + made.combiner + "'");
      fine = false;
    }
    fine &= read(partial.over, made.over);
  }
  return fine && takesOnce(all);
}

// The type that a layout is written for: of a stacked state, that of each layer.
static ast::Type ownType(const PlanName &name) {
  ast::Type type = name.type;
  if (name.state)
    type.axes.erase(type.axes.begin(), type.axes.begin() + name.state->stacked);
  return type;
}

bool PlanResolver::fitLayout(const syntax::Layout &written, const PlanName &name) {
  ast::Type type = ownType(name);
  bool fits = written.dims.size() == type.axes.size();
  for (size_t i = 0; fits && i < type.axes.size(); ++i)
    fits = written.dims[i].axis.str() == type.axes[i]->name;
  if (fits)
    return true;
  std::string found, right;
  for (const syntax::LayoutDim &dim : written.dims)
    found += (found.empty() ? "" : ", ") + dim.axis.str();
  for (const ast::Axis *axis : type.axes)
    right += (right.empty() ? "" : ", ") + axis->name;
  error("E909", written.location,
        "a layout names the axes of its value in order, found [" + found + "] for " + name.selected.path +
            ": " + ast::toString(type))
      .note(name.location, "it is declared here")
      .suggest("[" + right + "], each with what it is cut over: " +
               (type.axes.empty() ? "" : type.axes[0]->name + "/" + plan->mesh.axes[0].name));
  return false;
}

// Both lists equal, or one the beginning of the other where it is open.
bool PlanResolver::agree(const ast::DimLayout &a, const ast::DimLayout &b) const {
  size_t common = std::min(a.over.size(), b.over.size());
  for (size_t i = 0; i < common; ++i) {
    const ast::MeshUse &x = a.over[i], &y = b.over[i];
    if (x.axis != y.axis || x.whole != y.whole || (!x.whole && (x.before != y.before || x.size != y.size)))
      return false;
  }
  return (a.over.size() == common || b.open) && (b.over.size() == common || a.open);
}

// Whether some layers that one path names the other one does, too: as a whole, or as the beginning of a path.
static bool isUnder(const std::string &path, const std::string &above, bool whole) {
  std::vector<std::string> steps = stepsOf(path), outer = stepsOf(above);
  if (outer.size() > steps.size() || (whole && outer.size() != steps.size()))
    return false;
  for (size_t i = 0; i < outer.size(); ++i) {
    std::vector<rt::Layers> a = rt::layersOf(steps[i]), b = rt::layersOf(outer[i]);
    bool both = !a.empty() && !b.empty();
    if (rt::withAllLayers(steps[i]) != rt::withAllLayers(outer[i]) || (both && !a[0].overlaps(b[0])))
      return false;
  }
  return true;
}

// Whether two tactics are about one thing: which.
static const ast::Selected *common(const ast::Tactic &a, const ast::Tactic &b) {
  for (const ast::Selection &left : a.selections)
    for (const ast::Selected &x : left.matches)
      for (const ast::Selection &right : b.selections)
        for (const ast::Selected &y : right.matches) {
          bool sameEntry = x.entry.empty() || y.entry.empty() || x.entry == y.entry;
          bool below = y.kind == SelectedKind::Layer && isUnder(x.path, y.path, false);
          bool above = x.kind == SelectedKind::Layer && isUnder(y.path, x.path, false);
          if (sameEntry && (isUnder(x.path, y.path, true) || below || above))
            return above ? &y : &x;
        }
  return nullptr;
}

// Two closed layouts of one value cannot both hold.
void PlanResolver::checkContradictions(const ast::Tactic &tactic) {
  using ast::Tactic;
  for (const Tactic &other : plan->tactics) {
    bool isLayout = other.kind == Tactic::Kind::Layout, isReplicate = other.kind == Tactic::Kind::Replicate;
    const ast::Selected *both = isLayout || isReplicate ? common(tactic, other) : nullptr;
    if (!both)
      continue;
    std::string place;
    if (isLayout && tactic.kind == Tactic::Kind::Layout) {
      size_t dims = std::min(tactic.layout.dims.size(), other.layout.dims.size());
      for (size_t i = 0; i < dims && place.empty(); ++i)
        if (!agree(tactic.layout.dims[i], other.layout.dims[i]))
          place = tactic.layout.dims[i].axis;
    } else {
      const Tactic &cut = isLayout ? other : tactic, &whole = isLayout ? tactic : other;
      for (const ast::DimLayout &dim : cut.layout.dims)
        for (const ast::MeshUse &use : dim.over)
          for (const ast::MeshUse &kept : whole.over)
            if (overlap(use, kept))
              place = dim.axis;
    }
    if (place.empty())
      continue;
    error("E909", tactic.location,
          "layouts of one value agree, found " + both->path + " both " + ast::toString(tactic, plan->mesh) +
              " and " + ast::toString(other, plan->mesh))
        .note(other.location, "the other is here")
        .suggest("leave one of them out, or open " + place + " in both: " + place + "?");
    return;
  }
}

void PlanResolver::layout(const syntax::Tactic &written, ast::Tactic &tactic) {
  ast::Selection selection;
  bool found = select(written.selectors.front(), selection, true);
  if (!readLayout(written.layout, tactic.layout) || !found)
    return;
  for (const PlanName &name : sema.planNames().all())
    for (const ast::Selected &match : selection.matches)
      if (rt::withAllLayers(match.path) == name.selected.path && match.kind == name.selected.kind &&
          (match.entry.empty() || match.entry == name.selected.entry) && !fitLayout(written.layout, name))
        return;
  tactic.selections.push_back(std::move(selection));
  for (const ast::Tactic &other : plan->tactics)
    if (other.kind == ast::Tactic::Kind::Layout &&
        ast::toString(other, plan->mesh) == ast::toString(tactic, plan->mesh)) {
      error("E907", tactic.location, "a tactic stands once, found a second for " + tactic.selections[0].text)
          .note(other.location, "the first is here");
      return;
    }
  checkContradictions(tactic);
}

void PlanResolver::replicate(const syntax::Tactic &written, ast::Tactic &tactic) {
  for (const syntax::Selector &selector : written.selectors) {
    ast::Selection selection;
    if (select(selector, selection, false))
      tactic.selections.push_back(std::move(selection));
  }
  // Without `over`: over the whole mesh.
  for (unsigned i = 0; written.over.empty() && i < plan->mesh.axes.size(); ++i)
    tactic.over.push_back({i, 1, 0, true, tactic.location});
  if (!tactic.selections.empty())
    checkContradictions(tactic);
}

void PlanResolver::residuals(const syntax::Tactic &written, ast::Tactic &tactic) {
  for (const syntax::Selector &selector : written.selectors) {
    ast::Selection selection;
    if (select(selector, selection, false))
      tactic.selections.push_back(std::move(selection));
  }
  for (const ast::Tactic &other : plan->tactics) {
    bool about = other.kind == ast::Tactic::Kind::Recompute || other.kind == ast::Tactic::Kind::Save;
    if (!about)
      continue;
    for (const ast::Selection &a : tactic.selections)
      for (const ast::Selection &b : other.selections)
        if (a.text == b.text) {
          error("E907", a.location,
                "a value is saved or recomputed, as one tactic says, found a second for " + a.text)
              .note(b.location, "the first is here");
          return;
        }
  }
}

} // namespace cleave::sema
