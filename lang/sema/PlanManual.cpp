// Manual regions: a local function in a composite's place, given the blocks that ranks have.
#include "lang/sema/Captures.h"
#include "lang/sema/Plans.h"
#include "lang/sema/Types.h"

#include <algorithm>

namespace cleave::sema {

using Instance = ast::ManualRegion::Instance;

//===-- What stands for what ----------------------------------------------===//

Definition *PlanResolver::functionNamed(const syntax::Path &path, const char *what) {
  size_t missing;
  const Module *scope;
  const Symbol *found = sema.lookup(*current->module, path, missing, scope);
  if (!found)
    found = sema.require(*sema.mainModule, path, what);
  failed |= !found;
  if (found && found->kind != Symbol::Kind::Function)
    error("E911", path.location,
          std::string(what) + " is named here, found " + path.str() + ", " + describe(found->kind))
        .note(found->location, "it is declared here");
  return found && found->kind == Symbol::Kind::Function ? found->definition : nullptr;
}

// Whether the function can stand for the composite, whatever it is called with.
bool PlanResolver::standsFor(const syntax::Tactic &written, const Definition &function,
                             const Definition &composite) {
  auto refuse = [&](const syntax::Path &at, const Definition &of, const std::string &text) {
    error("E911", at.location, text).note(of.item->name.location, "it is declared here");
    return false;
  };
  if (!composite.item->composite)
    return refuse(written.composite, composite,
                  "a manual region takes the place of a composite function, found " + composite.name +
                      ", which is not kept whole");
  if (!function.item->local)
    return refuse(written.function, function,
                  "what takes a composite's place is a local function, found " + function.name +
                      ", which is not declared as one");
  const auto &own = function.item->parameters, &expected = composite.item->parameters;
  auto same = [](const syntax::Parameter &a, const syntax::Parameter &b) {
    return a.name.text == b.name.text && a.axis == b.axis;
  };
  if (!std::equal(own.begin(), own.end(), expected.begin(), expected.end(), same) ||
      function.item->results.size() != composite.item->results.size()) {
    error("E911", written.function.location,
          "a local function in a composite's place has its arguments and results, found " + function.name +
              " with others")
        .note(function.item->name.location, "it is declared here")
        .note(composite.item->name.location, "the composite is declared here");
    return false;
  }
  if (!function.item->hasBackward)
    return refuse(written.function, function,
                  "a local function in a composite's place has a backward, found none of " + function.name);
  return true;
}

//===-- Layouts at the boundary -------------------------------------------===//

static std::string textOf(const syntax::Type &type) {
  std::string text;
  for (const syntax::TypeAxis &axis : type.axes)
    text += (text.empty() ? "" : ", ") + std::string(axis.pack ? "..." : "") + axis.path.str();
  return "[" + text + "]";
}

// A layout names the axes of its parameter or result as these are declared, each with what cuts it.
bool PlanResolver::readBoundary(const syntax::Layout &written, const syntax::Type &type,
                                const std::string &name, ast::Layout &out) {
  if (!readLayout(written, out))
    return false;
  auto same = [](const syntax::LayoutDim &dim, const syntax::TypeAxis &axis) {
    return dim.pack == axis.pack && dim.axis.str() == axis.path.str();
  };
  if (!std::equal(written.dims.begin(), written.dims.end(), type.axes.begin(), type.axes.end(), same)) {
    error("E925", written.location,
          "a layout at the boundary names the axes of its parameter as declared, " + name + textOf(type) +
              ", found " + ast::toString(out, plan->mesh))
        .note(type.location, "it is declared here");
    return false;
  }
  bool closed = out.partials.empty();
  for (const ast::DimLayout &dim : out.dims) {
    closed &= !dim.open;
    for (const ast::MeshUse &use : dim.over)
      closed &= use.whole;
  }
  if (!closed)
    error("E925", written.location,
          "a layout at the boundary is closed, over whole mesh axes, with nothing pending, found " +
              ast::toString(out, plan->mesh));
  return closed;
}

static const syntax::Layout *layoutFor(const syntax::Tactic &written, const syntax::Parameter &parameter) {
  for (const syntax::ManualPort &port : written.ports)
    if (port.name.text == parameter.name.text)
      return &port.layout;
  return nullptr;
}

bool PlanResolver::readBoundaries(const syntax::Tactic &written, const Definition &composite,
                                  ast::ManualRegion &manual) {
  std::vector<std::string> expected, found;
  for (const syntax::Parameter &p : composite.item->parameters)
    if (!p.axis && !p.defaultValue)
      expected.emplace_back(p.name.text);
  for (const syntax::ManualPort &port : written.ports)
    found.emplace_back(port.name.text);
  const auto &results = composite.item->results;
  if (found != expected || written.results.size() != results.size()) {
    std::string list;
    for (const std::string &name : expected)
      list += (list.empty() ? "" : ", ") + name;
    error("E911", written.composite.location,
          "a manual region has a layout for each argument and result of its composite, " + composite.name +
              "(" + list + ") with " + std::to_string(results.size()) + ", found other ones")
        .note(composite.item->name.location, "it is declared here");
    return false;
  }
  manual.ports = found;
  bool fine = true;
  for (const syntax::Parameter &p : composite.item->parameters)
    if (const syntax::Layout *layout = layoutFor(written, p))
      fine &= readBoundary(*layout, p.type, std::string(p.name.text), manual.layouts.emplace_back());
  for (size_t i = 0; i < results.size(); ++i) {
    std::string name = results[i].name.empty() ? "result" : std::string(results[i].name.text);
    fine &= readBoundary(written.results[i], results[i].type, name, manual.results.emplace_back());
  }
  return fine;
}

//===-- Instances ---------------------------------------------------------===//

// The layout of a value: that of its parameter, with packs spelt out.
static ast::Layout spellOut(const ast::Layout &layout, const syntax::Type &type, const ast::Type &actual,
                            const Definition &composite, const Bindings &bindings) {
  ast::Layout out;
  for (size_t i = 0; i < type.axes.size(); ++i) {
    int generic = type.axes[i].pack ? composite.findGeneric(type.axes[i].path.parts[0].text) : -1;
    size_t count = generic >= 0 ? bindings.generics[generic].pack.size() : 1;
    for (size_t n = 0; n < count; ++n) {
      ast::DimLayout &dim = out.dims.emplace_back();
      dim.axis = actual.axes[out.dims.size() - 1]->name;
      if (!layout.dims.empty())
        dim.over = layout.dims[i].over;
    }
  }
  return out;
}

// The type that a local function has of a value in a layout; nothing where a dim is not divided (reported),
// or has one element (which is left to the composite: `whole`).
std::optional<ast::Type> PlanResolver::blockOf(const ast::Type &type, const ast::Layout &layout,
                                               const syntax::Tactic &written, bool &whole) {
  ast::Type block = type;
  bool fine = true;
  for (size_t i = 0; i < type.axes.size(); ++i) {
    const std::vector<ast::MeshUse> &over = layout.dims[i].over;
    int64_t parts = 1;
    for (const ast::MeshUse &use : over)
      parts *= sizeOf(use);
    whole |= parts > 1 && type.axes[i]->size == 1;
    if (over.empty() || whole)
      continue;
    block.axes[i] = sema.blockAxis(type.axes[i], over, parts, plan->mesh);
    if (type.axes[i]->size % parts == 0)
      continue;
    error("E926", written.location,
          "the manual axes of a region divide what they cut, found " + type.axes[i]->name + " = " +
              std::to_string(type.axes[i]->size) + " over " + std::to_string(parts) + " ranks")
        .note(type.axes[i]->location, type.axes[i]->name + " is declared here")
        .suggest("--set " + type.axes[i]->name + "=" +
                 std::to_string((type.axes[i]->size / parts + 1) * parts));
    fine = false;
  }
  return fine ? std::optional<ast::Type>(std::move(block)) : std::nullopt;
}

// Axes of ranks are given by `over`; the others follow from the blocks.
bool PlanResolver::bindLocal(const syntax::Tactic &written, const ast::ManualRegion &manual,
                             Definition &function, const std::vector<const ast::Type *> &blocks,
                             AxisEnvironment &environment, Bindings &bindings) {
  const auto &generics = function.item->generics;
  size_t ranks = 0;
  for (size_t i = 0; i < generics.size(); ++i) {
    if (!function.isRanksGeneric(static_cast<int>(i)))
      continue;
    if (ranks < manual.over.size()) {
      bindings.generics[i].kind = GenericValue::Kind::Axis;
      bindings.generics[i].axis = sema.ranksAxis(manual.over[ranks], plan->mesh);
    }
    ++ranks;
  }
  if (ranks != manual.over.size()) {
    error("E925", written.function.location,
          "a manual region is over a mesh axis for each axis of ranks of its local function, " +
              std::to_string(ranks) + " of " + function.name + ", found " +
              std::to_string(manual.over.size()))
        .note(function.item->name.location, "it is declared here");
    return false;
  }
  TypeScope scope(sema, *function.module, &function, bindings, environment);
  std::vector<bool> done(blocks.size());
  std::string why;
  for (bool moved = true; moved;) { // where a pack ends may follow from another parameter
    moved = false;
    for (size_t i = 0; i < blocks.size(); ++i) {
      Bindings before = bindings;
      if (done[i] || !blocks[i])
        continue;
      done[i] = scope.unify(function.item->parameters[i].type, *blocks[i], why);
      moved |= done[i];
      if (!done[i])
        bindings = std::move(before);
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i)
    if (blocks[i] && !done[i]) {
      const syntax::Parameter &p = function.item->parameters[i];
      error("E929", written.function.location,
            "a local function takes the blocks of its composite's arguments, found " +
                std::string(p.name.text) + ": " + scope.describe(p.type) + " for " +
                ast::toString(*blocks[i]) + (why.empty() ? "" : " (" + why + ")"))
          .note(p.name.location, "the parameter is declared here");
      return false;
    }
  return sema.deriveGenerics(function, bindings);
}

static bool sameAxis(const ast::Axis *a, const ast::Axis *b) {
  return a == b || (a->root == b->root && a->size == b->size && !a->isRanks && !b->isRanks);
}

static bool sameType(const ast::Type &a, const ast::Type &b) {
  return a.element == b.element &&
         std::equal(a.axes.begin(), a.axes.end(), b.axes.begin(), b.axes.end(), sameAxis);
}

// What the local function gives lies as declared; what it keeps for its backward, as its axes say.
bool PlanResolver::checkResults(const syntax::Tactic &written, const Definition &function,
                                const std::vector<ast::Type> &expected, Instance &instance) {
  const ast::Function &local = *instance.local;
  for (size_t i = 0; i < expected.size(); ++i)
    if (!sameType(local.results[i], expected[i])) {
      error("E929", written.function.location,
            "a local function gives the blocks of its composite's results, found " +
                ast::toString(local.results[i]) + " for " + ast::toString(expected[i]))
          .note(function.item->results[i].type.location, "it is declared here");
      return false;
    }
  for (const ast::Value *residual : local.residuals) {
    ast::Layout &layout = instance.residuals.emplace_back();
    for (const ast::Axis *axis : residual->type.axes) {
      ast::DimLayout &dim = layout.dims.emplace_back();
      dim.axis = axis->whole ? axis->whole->name : axis->name;
      if (axis->whole)
        dim.over = axis->over;
    }
  }
  return true;
}

bool PlanResolver::instantiate(const syntax::Tactic &written, Definition &function,
                               const Definition &composite, const FunctionUse &use,
                               ast::ManualRegion &manual) {
  Instance instance;
  instance.composite = use.function;
  std::vector<ast::Type> blocks(composite.item->parameters.size());
  std::vector<const ast::Type *> given(blocks.size());
  bool whole = false, fine = true;
  size_t argument = 0;
  static const ast::Layout none;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const syntax::Parameter &p = composite.item->parameters[i];
    if (p.axis || use.bindings.constants[i])
      continue;
    const ast::Type &type = use.function->arguments[argument++]->type;
    auto port = std::find(manual.ports.begin(), manual.ports.end(), p.name.text);
    const ast::Layout &layout =
        port == manual.ports.end() ? none : manual.layouts[port - manual.ports.begin()];
    instance.arguments.push_back(spellOut(layout, p.type, type, composite, use.bindings));
    std::optional<ast::Type> block = blockOf(type, instance.arguments.back(), written, whole);
    fine &= block.has_value();
    blocks[i] = block.value_or(type);
    given[i] = &blocks[i];
  }
  std::vector<ast::Type> results;
  for (size_t i = 0; i < use.function->results.size(); ++i) {
    const ast::Type &type = use.function->results[i];
    instance.results.push_back(
        spellOut(manual.results[i], composite.item->results[i].type, type, composite, use.bindings));
    std::optional<ast::Type> block = blockOf(type, instance.results.back(), written, whole);
    fine &= block.has_value();
    results.push_back(block.value_or(type));
  }
  if (!fine || whole)
    return fine; // of one element: the composite stays
  Bindings bindings;
  bindings.generics.resize(function.item->generics.size());
  bindings.constants = use.bindings.constants;
  bindings.trees.resize(function.item->parameters.size());
  if (!bindLocal(written, manual, function, given, *use.environment, bindings))
    return false;
  instance.local = sema.instantiateFunction(function, bindings, *use.environment, written.function.location);
  if (!instance.local || !checkResults(written, function, results, instance))
    return false;
  if (countsOrDraws(*instance.local)) {
    error("E927", written.function.location,
          "a local function uses neither random numbers nor step and seed, which count in the whole, found "
          "that " +
              function.name + " does")
        .note(function.item->name.location, "it is declared here");
    return false;
  }
  manual.instances.push_back(std::move(instance));
  return true;
}

void PlanResolver::manual(const syntax::Tactic &written, ast::Tactic &tactic) {
  Definition *composite = functionNamed(written.composite, "a composite function");
  Definition *function = functionNamed(written.function, "a local function");
  if (!composite || !function)
    return;
  ast::ManualRegion &manual = tactic.manual;
  manual.composite = composite->name;
  manual.function = function->name;
  manual.over = tactic.over;
  for (const ast::MeshUse &use : tactic.over)
    if (!use.whole)
      error("E925", use.location, "a manual region is over whole mesh axes, found a part of one");
  if (!standsFor(written, *function, *composite) || !readBoundaries(written, *composite, manual) ||
      !selected || failed || !knowsNames)
    return;
  std::vector<ast::MeshUse> all = tactic.over;
  for (const std::vector<ast::Layout> *list : {&manual.layouts, &manual.results})
    for (const ast::Layout &layout : *list)
      for (const ast::DimLayout &dim : layout.dims)
        all.insert(all.end(), dim.over.begin(), dim.over.end());
  if (std::all_of(all.begin(), all.end(), [&](const ast::MeshUse &use) { return sizeOf(use) == 1; }))
    return; // of one rank: the composite stays
  // What local functions call the composite with stays.
  const std::vector<FunctionUse> uses = composite->uses;
  for (const FunctionUse &use : uses)
    if (!instantiate(written, *function, *composite, use, manual)) {
      failed = true;
      return;
    }
}

} // namespace cleave::sema
