// Checking each definition once, instantiating it per use, and what may not call itself.
#include "lang/sema/Elaborator.h"

#include <algorithm>
#include <functional>

namespace cleave::sema {

diag::Diagnostic &Sema::error(const std::string &code, Location at, std::string message) {
  if (silent || (at && !reported.insert({at.source, at.begin, code, message}).second)) {
    swallowed = {};
    return swallowed;
  }
  diag::Diagnostic &d = engine.error(code, at, std::move(message));
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame)
    if (frame->call)
      d.note(frame->call, "in this call of " + frame->definition->name);
  return d;
}

std::string Sema::keyOf(const Bindings &bindings, const AxisEnvironment &environment) const {
  std::string key = std::to_string(environment.id);
  auto add = [&](const void *p) { key += "," + std::to_string(reinterpret_cast<uintptr_t>(p)); };
  for (const GenericValue &value : bindings.generics) {
    key += ";";
    if (value.kind == GenericValue::Kind::Element)
      key += std::to_string(static_cast<unsigned>(value.element));
    if (value.axis)
      add(value.axis);
    for (const ast::Axis *axis : value.pack)
      add(axis);
  }
  for (const ast::Literal *constant : bindings.constants) {
    key += ";";
    if (!constant)
      continue;
    key.append(reinterpret_cast<const char *>(&constant->types[0].element), 1);
    key.append(reinterpret_cast<const char *>(&constant->integer), sizeof constant->integer);
    key.append(reinterpret_cast<const char *>(&constant->real), sizeof constant->real);
  }
  for (const ast::LayerObject *tree : bindings.trees)
    add(tree);
  return key;
}

// What a definition's generics stand for while it is checked on its own.
static Bindings rigidBindings(Sema &sema, const Definition &definition) {
  Bindings out;
  const auto &generics = definition.item->generics;
  for (size_t i = 0; i < generics.size(); ++i) {
    GenericValue value;
    if (definition.isElementGeneric(static_cast<int>(i))) {
      value.kind = GenericValue::Kind::Element;
      value.element =
          static_cast<ast::ElementType>(static_cast<unsigned>(ast::ElementType::FirstVariable) + i);
    } else {
      SemaAxis *axis =
          sema.makeAxis(std::string(generics[i].pack ? "..." : "") + std::string(generics[i].name.text), 0,
                        generics[i].name.location);
      axis->generic = static_cast<int>(i);
      axis->pack = generics[i].pack;
      axis->isRanks = definition.isRanksGeneric(static_cast<int>(i));
      value.kind = generics[i].pack ? GenericValue::Kind::Pack : GenericValue::Kind::Axis;
      if (generics[i].pack)
        value.pack = {axis};
      else
        value.axis = axis;
    }
    out.generics.push_back(std::move(value));
  }
  out.constants.resize(definition.item->parameters.size());
  out.trees.resize(definition.item->parameters.size());
  return out;
}

static bool checkGenerics(Sema &sema, const Definition &definition) {
  bool ok = true;
  const auto &generics = definition.item->generics;
  for (size_t i = 0; i < generics.size(); ++i) {
    std::string_view constraint = generics[i].constraint.text;
    if (constraint == "mesh" && !definition.item->local) {
      sema.error("E927", generics[i].constraint.location,
                 "axes of ranks are generics of local functions, found one of " + definition.name);
      ok = false;
    } else if (constraint != "mesh" && !constraint.empty() && constraint != "float" && constraint != "int" &&
               constraint != "number") {
      sema.error("E303", generics[i].constraint.location,
                 "an element type generic is a float, int or number, an axis of ranks is mesh, found '" +
                     std::string(constraint) + "'");
      ok = false;
    }
    for (size_t j = 0; j < i; ++j)
      if (generics[i].name.text == generics[j].name.text) {
        sema.error("E102", generics[i].name.location,
                   "a generic is declared once, found a second '" + std::string(generics[i].name.text) + "'");
        ok = false;
      }
  }
  return ok;
}

void Sema::checkDefinition(Definition &definition) {
  if (definition.state != CheckState::Unchecked || definition.isEntry())
    return;
  definition.state = CheckState::Checking;
  unsigned before = engine.getErrorCount();
  bool ok = checkGenerics(*this, definition);
  if (ok) {
    // A definition without generics is checked the same way: calls against signatures only.
    Elaborator elaborator(*this, *definition.module, &definition, rigidBindings(*this, definition),
                          *baseEnvironment, true);
    std::vector<Frame> outer;
    outer.swap(frames);
    if (definition.isLayer()) {
      LayerInfo scratch;
      ok = elaborator.layer(scratch, definition.name);
    } else {
      ok = elaborator.function(definition.name) != nullptr;
    }
    outer.swap(frames);
  }
  definition.broken |= !ok || engine.getErrorCount() != before;
  definition.state = CheckState::Done;
}

// Marks a definition as being instantiated and its call as what led to errors inside.
class InstanceFrame {
public:
  InstanceFrame(Sema &sema, Definition &definition, Location call) : sema(sema), definition(definition) {
    definition.inProgress = true;
    sema.frames.push_back({&definition, call});
  }
  ~InstanceFrame() {
    definition.inProgress = false;
    sema.frames.pop_back();
  }

private:
  Sema &sema;
  Definition &definition;
};

static constexpr size_t kMaxInstanceDepth = 200;
// Constants make instances too: calls that double them at each level would otherwise never end.
static constexpr unsigned kMaxInstances = 4000;

bool Sema::mayInstantiate(Definition &definition, Location call) {
  checkDefinition(definition);
  if (definition.broken || definition.inProgress || frames.size() > kMaxInstanceDepth)
    return false; // recursion is reported by findRecursion
  if (definition.instances < kMaxInstances)
    return true;
  error("E113", call,
        "a definition has at most " + std::to_string(kMaxInstances) + " instances, found more of " +
            definition.name)
      .suggest("its constant arguments differ at each call: pass them as tensors");
  definition.broken = true;
  return false;
}

static std::string nextName(Definition &definition) {
  return definition.name + "." + std::to_string(definition.instances++);
}

const ast::Function *Sema::instantiateFunction(Definition &definition, const Bindings &bindings,
                                               AxisEnvironment &environment, Location call) {
  if (!mayInstantiate(definition, call))
    return nullptr;
  auto [it, fresh] = definition.functions.try_emplace(keyOf(bindings, environment), nullptr);
  if (!fresh)
    return it->second;
  InstanceFrame frame(*this, definition, call);
  Elaborator elaborator(*this, *definition.module, &definition, bindings, environment, false);
  const ast::Function *f = elaborator.function(nextName(definition));
  definition.functions[keyOf(bindings, environment)] = f;
  if (f && f->composite)
    definition.uses.push_back({bindings, &environment, f});
  return f;
}

LayerInfo *Sema::instantiateLayer(Definition &definition, const Bindings &bindings,
                                  AxisEnvironment &environment, Location call) {
  if (!mayInstantiate(definition, call))
    return nullptr;
  std::string key = keyOf(bindings, environment);
  auto [it, fresh] = definition.layers.try_emplace(key, nullptr);
  if (!fresh)
    return it->second;
  InstanceFrame frame(*this, definition, call);
  LayerInfo &info = layerInfos.emplace_back();
  Elaborator elaborator(*this, *definition.module, &definition, bindings, environment, false);
  bool ok = elaborator.layer(info, nextName(definition));
  return definition.layers[key] = ok ? &info : nullptr;
}

// A definition without generics that nothing has called: what only an instance shows (bounds, constants) is
// found here.
void Sema::elaborateUncalled(Definition &definition) {
  if (definition.isEntry() || definition.isGeneric() || definition.item->local || definition.broken ||
      definition.instances > 0)
    return;
  // Calls may bind a number or bool to a constant that the body needs: it can only be checked with one.
  for (const syntax::Parameter &p : definition.item->parameters) {
    std::string type = p.type.name.str();
    bool scalar = p.type.axes.empty() && (type == "bool" || type[0] == 'i' || type[0] == 'u');
    if (p.axis || scalar || type == "tree")
      return;
  }
  Bindings none;
  none.constants.resize(definition.item->parameters.size());
  none.trees.resize(definition.item->parameters.size());
  if (definition.isLayer())
    instantiateLayer(definition, none, *baseEnvironment, {});
  else
    instantiateFunction(definition, none, *baseEnvironment, {});
}

void Sema::elaborateEntry(Definition &definition) {
  AxisEnvironment *environment = baseEnvironment;
  std::vector<const AxisSymbol *> rebound;
  bool ok = true;
  if (!definition.item->bindings.empty()) {
    environment = &newEnvironment(baseEnvironment);
    for (const syntax::Binding &b : definition.item->bindings) {
      const Symbol *symbol = require(*definition.module, {{b.name}, b.name.location}, "an axis");
      if (symbol && symbol->kind != Symbol::Kind::Axis)
        error("E106", b.name.location,
              "with gives axes other sizes, found " + std::string(b.name.text) + ", " +
                  describe(symbol->kind));
      std::vector<const SemaAxis *> mentions;
      auto size = evaluateSize(*b.value, *definition.module, *baseEnvironment, mentions);
      ok = ok && symbol && symbol->kind == Symbol::Kind::Axis && size;
      if (ok && *size < 1) {
        error("E402", b.name.location,
              "an axis has at least one element, found " + std::string(b.name.text) + " of size " +
                  std::to_string(*size));
        ok = false;
      }
      if (!ok)
        continue;
      environment->overrides[symbol->axis] = *size;
      rebound.push_back(symbol->axis);
    }
  }
  if (!ok)
    return;
  Bindings none;
  none.constants.resize(definition.item->parameters.size());
  none.trees.resize(definition.item->parameters.size());
  Elaborator elaborator(*this, *definition.module, &definition, none, *environment, false);
  ast::Entry *entry = elaborator.entry();
  if (!entry)
    return;
  for (const AxisSymbol *symbol : rebound)
    if (const SemaAxis *axis = axisOf(*symbol, *environment))
      entry->rebound.push_back(axis);
  program.entries.push_back(entry);
}

// Functions and layers that reach themselves: depth-first over who calls whom.
void Sema::findRecursion() {
  enum class Mark { White, Grey, Black };
  std::unordered_map<Definition *, Mark> marks;
  std::set<std::pair<Definition *, Definition *>> told;
  struct Step {
    Definition *definition;
    size_t next;
  };
  for (Definition *root : definitionOrder) {
    if (marks[root] != Mark::White)
      continue;
    std::vector<Step> path{{root, 0}};
    marks[root] = Mark::Grey;
    while (!path.empty()) {
      Definition *at = path.back().definition;
      if (path.back().next == at->calls.size()) {
        marks[at] = Mark::Black;
        path.pop_back();
        continue;
      }
      auto [callee, place] = at->calls[path.back().next++];
      Mark &mark = marks[callee];
      if (mark == Mark::White) {
        mark = Mark::Grey;
        path.push_back({callee, 0});
      } else if (mark == Mark::Grey) {
        std::string chain;
        bool on = false;
        for (const Step &step : path) {
          on |= step.definition == callee;
          if (on) {
            chain += step.definition->name + " -> ";
            step.definition->broken = true;
          }
        }
        if (!told.insert({at, callee}).second)
          continue;
        error("E105", place,
              std::string(callee->isLayer() ? "a layer" : "a function") + " does not reach itself, found " +
                  chain + callee->name)
            .suggest("loop with scan or while, stack layers with repeat");
      }
    }
  }
}

} // namespace cleave::sema
