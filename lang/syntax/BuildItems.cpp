#include "lang/syntax/Build.h"

namespace cleave::syntax {

void Builder::build(P::ProgramContext *c) {
  for (P::ItemContext *i : c->item())
    item(i);
}

Type Builder::type(P::TypeContext *c) {
  Type out;
  out.name = path(c->path());
  out.location = at(c);
  out.bracketed = c->getStop() != c->path()->getStop();
  for (P::TypeAxisContext *a : c->typeAxis()) {
    TypeAxis axis;
    axis.pack = a->name() != nullptr;
    if (axis.pack)
      axis.path = {{name(a->name())}, at(a)};
    else
      axis.path = path(a->path());
    out.axes.push_back(std::move(axis));
  }
  return out;
}

LayerTarget Builder::target(P::LayerTargetContext *c) {
  LayerTarget out;
  out.path = path(c->path());
  out.location = at(c);
  for (P::GenericArgumentContext *a : c->genericArgument()) {
    GenericArgument argument;
    std::vector<P::NameContext *> parts = a->name();
    argument.pack = a->path() == nullptr;
    if (parts.size() > (argument.pack ? 1u : 0u))
      argument.name = name(parts[0]);
    if (argument.pack)
      argument.value = {{name(parts.back())}, at(parts.back())};
    else
      argument.value = path(a->path());
    out.arguments.push_back(std::move(argument));
  }
  return out;
}

void Builder::generics(P::GenericsContext *c, Item &item) {
  if (!c)
    return;
  for (P::GenericParameterContext *g : c->genericParameter()) {
    GenericParameter out;
    std::vector<P::NameContext *> parts = g->name();
    out.name = name(parts[0]);
    out.pack = g->getStart() != parts[0]->getStart();
    if (parts.size() > 1)
      out.constraint = name(parts[1]);
    if (g->expression())
      out.size = expression(g->expression());
    item.generics.push_back(out);
  }
}

void Builder::parameters(P::ParametersContext *c, Item &item) {
  for (P::ParameterContext *p : c->parameter()) {
    for (const Name &n : names(p->nameList())) {
      Parameter out;
      out.name = n;
      out.axis = p->AXIS() != nullptr;
      if (out.axis)
        out.axisName = name(p->name());
      else
        out.type = type(p->type());
      out.source = path(p->path());
      out.inOrder = p->ORDER() != nullptr;
      if (p->expression())
        out.defaultValue = expression(p->expression());
      item.parameters.push_back(std::move(out));
    }
  }
}

void Builder::results(P::ResultsContext *c, Item &item) {
  if (!c)
    return;
  if (c->type())
    item.results.push_back({{}, type(c->type())});
  for (P::ResultContext *r : c->result())
    item.results.push_back({name(r->name()), type(r->type())});
}

void Builder::importItem(P::ImportItemContext *c, Item &item) {
  item.kind = Item::Kind::Import;
  if (c->STRING())
    item.file = string(c->STRING());
  else
    item.path = path(c->path());
  if (c->name())
    item.name = name(c->name());
  else if (!item.path.parts.empty())
    item.name = item.path.parts.back();
}

void Builder::functionItem(P::FunctionItemContext *c, Item &item) {
  item.kind = Item::Kind::Function;
  item.name = name(c->name());
  item.composite = c->COMPOSITE() != nullptr;
  item.local = c->LOCAL() != nullptr;
  generics(c->generics(), item);
  parameters(c->parameters(), item);
  results(c->results(), item);
  item.body = block(c->block(0));
  item.hasBackward = c->BACKWARD() != nullptr;
  if (!item.hasBackward)
    return;
  item.cotangents = names(c->nameList());
  item.backward = block(c->block(1));
}

void Builder::layerItem(P::LayerItemContext *c, Item &item) {
  item.name = name(c->name());
  if (P::LayerInstanceContext *i = c->layerInstance()) {
    item.kind = Item::Kind::Instance;
    item.names.push_back(item.name);
    for (P::NameContext *n : i->name())
      item.names.push_back(name(n));
    item.target = target(i->layerTarget());
    return;
  }
  P::LayerDefinitionContext *d = c->layerDefinition();
  item.kind = Item::Kind::Layer;
  generics(d->generics(), item);
  parameters(d->parameters(), item);
  results(d->results(), item);
  item.body = block(d->block());
}

void Builder::entryItem(P::EntryItemContext *c, Item &item) {
  item.kind = Item::Kind::Entry;
  item.name = name(c->name());
  for (P::RebindingContext *r : c->rebinding()) {
    Binding b;
    b.name = name(r->name());
    b.value = expression(r->expression());
    item.bindings.push_back(std::move(b));
  }
  parameters(c->parameters(), item);
  results(c->results(), item);
  item.body = block(c->block());
}

void Builder::item(P::ItemContext *c) {
  Item &item = *file.newItem();
  item.location = at(c);
  file.items.push_back(&item);
  if (c->importItem()) {
    importItem(c->importItem(), item);
  } else if (P::AxisItemContext *a = c->axisItem()) {
    item.kind = Item::Kind::Axis;
    for (P::AxisBindingContext *b : a->axisBinding()) {
      Binding out;
      out.name = name(b->name());
      if (b->expression())
        out.value = expression(b->expression());
      item.bindings.push_back(std::move(out));
    }
  } else if (P::HyperItemContext *h = c->hyperItem()) {
    item.kind = Item::Kind::Hyper;
    for (P::HyperBindingContext *b : h->hyperBinding()) {
      Binding out;
      out.name = name(b->name());
      out.typed = b->type() != nullptr;
      if (out.typed)
        out.type = type(b->type());
      out.value = expression(b->expression());
      item.bindings.push_back(std::move(out));
    }
  } else if (P::DataItemContext *d = c->dataItem()) {
    item.kind = Item::Kind::Data;
    item.name = name(d->name());
    item.value = expression(d->expression());
  } else if (c->functionItem()) {
    functionItem(c->functionItem(), item);
  } else if (c->layerItem()) {
    layerItem(c->layerItem(), item);
  } else if (c->stateStatement()) {
    item.kind = Item::Kind::State;
    item.state = stateStatement(c->stateStatement());
    item.name = item.state->names.front();
  } else if (c->entryItem()) {
    entryItem(c->entryItem(), item);
  } else if (c->weightsItem()) {
    weightsItem(c->weightsItem(), item);
  } else if (P::LinkItemContext *l = c->linkItem()) {
    item.kind = Item::Kind::Link;
    item.name = name(l->name());
    item.arguments = arguments(l->arguments());
  } else if (c->meshItem()) {
    meshItem(c->meshItem(), item);
  } else if (c->planItem()) {
    planItem(c->planItem(), item);
  }
}

} // namespace cleave::syntax
