#include "lang/sema/PlanNames.h"

#include "runtime/core/Paths.h"

namespace cleave::sema {

using namespace ast;
using Kind = Selected::Kind;

std::vector<std::string> stepsOf(const std::string &path) {
  std::vector<std::string> steps;
  for (size_t begin = 0; begin <= path.size();) {
    size_t dot = path.find_first_of(".[", begin);
    if (dot != std::string::npos && path[dot] == '[') // `blocks[0..3]` has dots of its own
      dot = path.find('.', path.find(']', dot));
    dot = std::min(dot, path.size());
    steps.push_back(path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return steps;
}

bool selects(const std::vector<std::string> &pattern, const std::string &path, bool whole) {
  std::vector<std::string> steps = stepsOf(path);
  if (pattern.size() > steps.size() || (whole && pattern.size() != steps.size()))
    return false;
  for (size_t i = 0; i < pattern.size(); ++i)
    if (!rt::selectsStep(pattern[i], steps[i]) && rt::withAllLayers(pattern[i]) != steps[i])
      return false;
  return true;
}

PlanNames::PlanNames(const Program &program) {
  for (const LayerObject *object : program.objects)
    addObject(*object);
  for (const State *state : program.states) {
    auto [it, fresh] = known.try_emplace({state->path, ""}, names.size());
    if (fresh)
      names.push_back({{Kind::State, state->path, ""}, state->type, state, "", state->location});
  }
  for (const Entry *entry : program.entries) {
    names.push_back({{Kind::Entry, entry->name, entry->name}, {}, nullptr, "", entry->location});
    for (const EntryInput &input : entry->inputs)
      addValue(*input.value, *entry, nullptr, Kind::Input);
    addBody(*entry->body, *entry, nullptr);
    for (size_t i = 0; i < entry->outputNames.size(); ++i) {
      const Expr &result = *entry->body->results[i];
      auto [it, fresh] = known.try_emplace({entry->outputNames[i], entry->name}, names.size());
      if (fresh)
        names.push_back({{Kind::Output, entry->outputNames[i], entry->name},
                         result.type(),
                         nullptr,
                         "",
                         result.location});
    }
  }
}

void PlanNames::addObject(const LayerObject &object) {
  known[{object.path, ""}] = names.size();
  names.push_back(
      {{Kind::Layer, object.path, ""}, {}, nullptr, object.layerName, object.location, object.repeat});
  for (const LayerObject *child : object.children)
    if (child)
      addObject(*child);
}

void PlanNames::addValue(const Value &value, const Entry &entry, const LayerObject *self, Kind kind) {
  if (value.name.empty() || value.type.isTree())
    return;
  std::string path = self ? self->path + "." + value.name : value.name, owner = self ? "" : entry.name;
  auto [it, fresh] = known.try_emplace({path, owner}, names.size());
  if (fresh)
    names.push_back({{kind, path, owner}, value.type, nullptr, "", value.location});
}

void PlanNames::addBody(const Body &body, const Entry &entry, const LayerObject *self) {
  for (const Stmt *s : body.statements) {
    if (auto *let = as<Let>(s)) {
      addExpr(let->init, entry, self);
      // A second name of a value is not known behind the front end.
      if (!as<ValueRef>(let->init) && !as<ParamRef>(let->init))
        for (const Value *value : let->values)
          addValue(*value, entry, self, Kind::Value);
    } else if (auto *set = as<Set>(s)) {
      addExpr(set->init, entry, self);
    } else if (auto *update = as<Update>(s)) {
      addExprs(update->arguments, entry, self);
    } else if (auto *print = as<Print>(s)) {
      addExprs(print->values, entry, self);
    } else if (auto *assertion = as<Assert>(s)) {
      addExpr(assertion->condition, entry, self);
    }
  }
  addExprs(body.results, entry, self);
}

void PlanNames::addExprs(const std::vector<const Expr *> &list, const Entry &entry, const LayerObject *self) {
  for (const Expr *e : list)
    addExpr(e, entry, self);
}

// Names are bound by the bodies of layers and of control flow; those of functions have none behind the front
// end.
void PlanNames::addExpr(const Expr *e, const Entry &entry, const LayerObject *self) {
  if (auto *c = as<Comprehension>(e))
    return addExpr(c->body, entry, self);
  if (auto *a = as<Access>(e))
    return addExpr(a->base, entry, self);
  if (auto *u = as<Unary>(e))
    return addExpr(u->operand, entry, self);
  if (auto *c = as<Cast>(e))
    return addExpr(c->operand, entry, self);
  if (auto *b = as<Binary>(e))
    return addExprs({b->left, b->right}, entry, self);
  if (auto *s = as<Select>(e))
    return addExprs({s->condition, s->left, s->right}, entry, self);
  if (auto *g = as<Gather>(e)) {
    addExpr(g->table, entry, self);
    for (const IndexRead &read : g->indices)
      addExpr(read.base, entry, self);
  } else if (auto *s = as<Scatter>(e)) {
    addExprs({s->init, s->updates}, entry, self);
    for (const IndexRead &read : s->indices)
      addExpr(read.base, entry, self);
  } else if (auto *a = as<Argsort>(e)) {
    addExpr(a->input, entry, self);
  } else if (auto *c = as<Concat>(e)) {
    addExprs(c->inputs, entry, self);
  } else if (auto *s = as<StopGradient>(e)) {
    addExpr(s->input, entry, self);
  } else {
    addNested(e, entry, self);
  }
}

void PlanNames::addNested(const Expr *e, const Entry &entry, const LayerObject *self) {
  if (auto *call = as<Call>(e)) {
    addExprs(call->arguments, entry, self);
  } else if (auto *call = as<ElementCall>(e)) {
    addExprs(call->arguments, entry, self);
  } else if (auto *call = as<LayerCall>(e)) {
    addExprs(call->arguments, entry, self);
    const LayerObject *object = call->layer.resolve(self);
    if (object && walked.insert({&entry, object}).second)
      addBody(*call->callee->body, entry, object);
  } else if (auto *i = as<If>(e)) {
    addExpr(i->condition, entry, self);
    addBody(*i->thenBody, entry, self);
    addBody(*i->elseBody, entry, self);
  } else if (auto *scan = as<Scan>(e)) {
    addExprs(scan->init, entry, self);
    for (const ScanSlice &slice : scan->slices)
      addExpr(slice.source, entry, self);
    addBody(*scan->body, entry, self);
  } else if (auto *loop = as<While>(e)) {
    addExprs(loop->init, entry, self);
    addBody(*loop->condition, entry, self);
    addBody(*loop->body, entry, self);
  } else if (auto *g = as<Gradient>(e)) {
    addExpr(g->loss, entry, self);
  } else if (auto *g = as<TreeGradient>(e)) {
    addExpr(g->loss, entry, self);
  } else if (auto *each = as<Each>(e)) {
    addExprs(each->arguments, entry, self);
  } else if (auto *total = as<Total>(e)) {
    addExprs(total->arguments, entry, self);
  }
}

} // namespace cleave::sema
