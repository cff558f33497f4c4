// Layer objects: who owns which parameters, under which paths.
#include "lang/sema/Elaborator.h"

namespace cleave::sema {

static std::string pathOf(const std::string &parent, const std::string &name, bool stacked) {
  return parent + "." + name + (stacked ? "[*]" : "");
}

ast::LayerObject *Sema::makeObject(LayerInfo *info, const std::string &path,
                                   std::vector<const ast::Axis *> stack, ast::State::Kind parameterKind,
                                   Location location) {
  auto *object = program.own(new ast::LayerObject());
  object->path = path;
  object->layerName = info->layer->name;
  object->location = location;
  for (size_t i = 0; i < info->layer->slots.size(); ++i) {
    const ast::StateSlot &slot = info->layer->slots[i];
    auto *state = program.own(new ast::State());
    bool parameter = slot.parameter && parameterKind == ast::State::Kind::Parameter;
    state->kind = parameterKind == ast::State::Kind::Optimizer ? parameterKind
                  : parameter                                  ? ast::State::Kind::Parameter
                                                               : ast::State::Kind::Buffer;
    state->path = path + "." + slot.value->name;
    state->type = slot.value->type;
    state->stacked = static_cast<unsigned>(stack.size());
    state->location = slot.value->location;
    state->type.axes.insert(state->type.axes.begin(), stack.begin(), stack.end());
    state->type.axes = withAliases(*this, std::move(state->type.axes));
    if (!fitsMemory(state->type.axes))
      error("E403", location,
            "the bytes of a tensor are counted in 63 bits, found that " + state->path + ": " +
                ast::toString(state->type) + " has more");
    state->initialiser = stackedInitialiser(info->initialisers[i], stack);
    object->states.push_back(state);
    auto &list = state->kind == ast::State::Kind::Optimizer   ? optimiserStates
                 : state->kind == ast::State::Kind::Parameter ? parameterStates
                                                              : bufferStates;
    list.push_back(state);
  }
  object->children.resize(info->children.size());
  completeObject(object, info, std::move(stack));
  return object;
}

// The initialiser over the stack's axes too: each layer of a stack draws its own.
const ast::Comprehension *Sema::stackedInitialiser(const ast::Comprehension *own,
                                                   const std::vector<const ast::Axis *> &stack) {
  if (!own || stack.empty())
    return own;
  auto *c = make<ast::Comprehension>(own->location);
  c->types = own->types;
  for (const ast::Axis *axis : stack) {
    auto *variable = program.own(new ast::IndexVariable());
    variable->axis = axis;
    variable->location = own->location;
    c->variables.push_back(variable);
  }
  c->types[0].axes.insert(c->types[0].axes.begin(), stack.begin(), stack.end());
  c->types[0].axes = withAliases(*this, std::move(c->types[0].axes));
  c->variables.insert(c->variables.end(), own->variables.begin(), own->variables.end());
  c->combiner = own->combiner;
  c->reduced = own->reduced;
  c->body = own->body;
  c->exact = true;
  return c;
}

void Sema::completeObject(ast::LayerObject *object, LayerInfo *info, std::vector<const ast::Axis *> stack) {
  for (size_t i = 0; i < info->children.size(); ++i) {
    if (!info->children[i])
      continue;
    const ast::ChildSlot &slot = info->layer->children[i];
    std::vector<const ast::Axis *> inner = stack;
    if (slot.repeat)
      inner.push_back(slot.repeat);
    if (object->children[i]) {
      completeObject(const_cast<ast::LayerObject *>(object->children[i]), info->children[i], inner);
      continue;
    }
    ast::LayerObject *child =
        makeObject(info->children[i], pathOf(object->path, slot.name, slot.repeat != nullptr), inner,
                   ast::State::Kind::Parameter, slot.location);
    child->repeat = slot.repeat;
    object->children[i] = child;
  }
}

bool Sema::sameStates(const LayerInfo *a, const LayerInfo *b, std::string &difference) {
  if (a == b || !a || !b)
    return true;
  if (a->definition != b->definition || a->layer->slots.size() != b->layer->slots.size()) {
    difference = "another layer";
    return false;
  }
  for (size_t i = 0; i < a->layer->slots.size(); ++i) {
    const ast::Value *x = a->layer->slots[i].value, *y = b->layer->slots[i].value;
    if (x->type == y->type)
      continue;
    difference =
        "'" + x->name + "' of type " + ast::toString(x->type) + " and then " + ast::toString(y->type);
    return false;
  }
  for (size_t i = 0; i < a->children.size() && i < b->children.size(); ++i) {
    if (a->layer->children[i].repeat != b->layer->children[i].repeat) {
      difference = "a repeat of another length";
      return false;
    }
    if (a->children[i] && b->children[i] && !sameStates(a->children[i], b->children[i], difference))
      return false;
  }
  return true;
}

ast::LayerObject *Sema::objectOf(InstanceSymbol &instance, LayerInfo *info, Location call) {
  if (!info)
    return nullptr;
  if (!instance.object) {
    instance.info = info;
    instance.object = makeObject(info, instance.name, {}, ast::State::Kind::Parameter, instance.location);
    program.objects.push_back(instance.object);
    return instance.object;
  }
  std::string difference;
  if (!sameStates(instance.info, info, difference)) {
    error("E211", call,
          "a layer has the same parameters at every call, found " + difference + " for " + instance.name)
        .note(instance.location, "it is declared here");
    return nullptr;
  }
  completeObject(instance.object, info, {});
  return instance.object;
}

ast::LayerObject *Sema::optimiserObject(LayerInfo *optimiser, const ast::State *parameter, unsigned mapped,
                                        Location location) {
  ast::LayerObject *&object = optimisers[{parameter, optimiser->definition}];
  if (object)
    return object;
  std::vector<const ast::Axis *> stack(parameter->type.axes.begin(), parameter->type.axes.begin() + mapped);
  object =
      makeObject(optimiser, "optimizer." + parameter->path, stack, ast::State::Kind::Optimizer, location);
  if (mapped)
    return object;
  for (const ast::State *constState : object->states) {
    auto *state = const_cast<ast::State *>(constState);
    const auto &own = state->type.axes, &axes = parameter->type.axes;
    bool stacked = own.size() >= parameter->stacked &&
                   std::equal(own.begin(), own.begin() + parameter->stacked, axes.begin());
    state->stacked = stacked ? parameter->stacked : 0;
    // A state that is not stacked with its parameter is one for the whole stack.
    for (size_t at; !stacked && (at = state->path.find("[*]")) != std::string::npos;)
      state->path.erase(at, 3);
  }
  return object;
}

ast::State *Sema::stateOf(StateSymbol &symbol) {
  if (!symbol.state && !symbol.failed) {
    Elaborator::elaborateFileState(*this, symbol);
    if (symbol.state)
      bufferStates.push_back(symbol.state);
  }
  return symbol.state;
}

} // namespace cleave::sema
