// `mesh` and `plan`: how a program is spread over ranks.
#include "lang/syntax/Build.h"

namespace cleave::syntax {

std::vector<MeshAxis> Builder::meshAxes(P::MeshAxesContext *c) {
  std::vector<MeshAxis> out;
  if (!c)
    return out;
  for (P::MeshAxisContext *a : c->meshAxis()) {
    MeshAxis &axis = out.emplace_back();
    axis.name = name(a->name());
    axis.size = a->expression() ? expression(a->expression()) : nullptr;
    axis.link = path(a->path());
  }
  return out;
}

void Builder::meshItem(P::MeshItemContext *c, Item &item) {
  item.kind = Item::Kind::Mesh;
  item.name = name(c->name());
  item.mesh.written = true;
  item.mesh.axes = meshAxes(c->meshAxes());
  item.mesh.location = at(c->meshAxes());
}

PlanMesh Builder::planMesh(P::PlanMeshContext *c) {
  PlanMesh mesh;
  mesh.written = true;
  mesh.path = path(c->path());
  mesh.axes = meshAxes(c->meshAxes());
  mesh.location = at(c);
  return mesh;
}

void Builder::planItem(P::PlanItemContext *c, Item &item) {
  item.kind = Item::Kind::Plan;
  item.name = name(c->name());
  std::vector<P::PathContext *> paths = c->path();
  if (c->FOR())
    item.path = path(paths.front());
  if (paths.size() > (c->FOR() ? 1u : 0u))
    item.base = path(paths.back());
  if (c->planMesh())
    item.mesh = planMesh(c->planMesh());
  if (P::MeshAxesContext *axes = c->meshAxes()) {
    item.mesh.written = true;
    item.mesh.axes = meshAxes(axes);
    item.mesh.location = at(axes);
  }
  if (c->planBlock())
    for (P::TacticContext *t : c->planBlock()->tactic())
      item.tactics.push_back(tactic(t));
}

MeshUse Builder::meshUse(P::MeshUseContext *c) {
  MeshUse use;
  use.name = name(c->name());
  use.location = at(c);
  if (c->INTEGER().size() == 2) {
    use.before = text(at(c->INTEGER(0)->getSymbol()));
    use.size = text(at(c->INTEGER(1)->getSymbol()));
  }
  return use;
}

std::vector<MeshUse> Builder::meshUses(const std::vector<P::MeshUseContext *> &list) {
  std::vector<MeshUse> out;
  for (P::MeshUseContext *use : list)
    out.push_back(meshUse(use));
  return out;
}

Selector Builder::selector(P::SelectorContext *c) {
  Selector out;
  out.location = at(c);
  for (P::SelectorStepContext *s : c->selectorStep()) {
    SelectorStep &step = out.steps.emplace_back();
    step.name = s->name() ? name(s->name()) : Name{text(at(s->getStart())), at(s->getStart())};
    step.stacked = s->getStart() != s->getStop();
    if (step.stacked) {
      std::string_view written = text(at(s));
      step.brackets = written.substr(written.find('['));
    }
    step.index = s->expression(0) ? expression(s->expression(0)) : nullptr;
    step.end = s->expression(1) ? expression(s->expression(1)) : nullptr;
  }
  return out;
}

Layout Builder::layout(P::LayoutContext *c) {
  Layout out;
  out.location = at(c);
  for (P::LayoutDimContext *d : c->layoutDim()) {
    LayoutDim &dim = out.dims.emplace_back();
    dim.pack = d->name() != nullptr;
    dim.axis = dim.pack ? Path{{name(d->name())}, at(d)} : path(d->path());
    dim.over = meshUses(d->meshUse());
    dim.location = at(d);
    dim.open = text(at(d->getStop())) == "?";
  }
  for (P::LayoutPartialContext *p : c->layoutPartial())
    out.partials.push_back({name(p->name()), meshUses(p->meshUse())});
  return out;
}

Quantity Builder::quantity(P::QuantityContext *c) {
  Quantity out;
  out.location = at(c);
  out.number = text(at(c->getStart()));
  if (c->IDENTIFIER())
    out.unit = {text(at(c->IDENTIFIER()->getSymbol())), at(c->IDENTIFIER()->getSymbol())};
  return out;
}

void Builder::assertion(P::TacticContext *c, Tactic &tactic) {
  if (c->EQUIVALENT()) {
    tactic.kind = Tactic::Kind::AssertEquivalent;
    tactic.plan = path(c->path(0));
    tactic.sizes = meshAxes(c->meshAxes());
    return;
  }
  tactic.kind = c->NO() ? Tactic::Kind::AssertNo : Tactic::Kind::Assert;
  if (P::CollectiveContext *collective = c->collective()) {
    tactic.collective = name(collective->name());
    tactic.over = meshUses(collective->meshUse());
    if (collective->selector())
      tactic.selectors.push_back(selector(collective->selector()));
  }
}

void Builder::manual(P::TacticContext *c, Tactic &tactic) {
  tactic.kind = Tactic::Kind::Manual;
  tactic.composite = path(c->path(0));
  tactic.function = path(c->path(1));
  for (P::ManualPortContext *port : c->manualPort())
    tactic.ports.push_back({name(port->name()), layout(port->layout())});
  for (P::LayoutContext *result : c->manualResults()->layout())
    tactic.results.push_back(layout(result));
}

Tactic Builder::tactic(P::TacticContext *c) {
  Tactic out;
  out.location = at(c);
  out.kind = c->SHARD()        ? Tactic::Kind::Shard
             : c->LAYOUT()     ? Tactic::Kind::Layout
             : c->REPLICATE()  ? Tactic::Kind::Replicate
             : c->STORE()      ? Tactic::Kind::Store
             : c->ACCUMULATE() ? Tactic::Kind::Accumulate
             : c->RECOMPUTE()  ? Tactic::Kind::Recompute
             : c->SAVE()       ? Tactic::Kind::Save
             : c->REMAINDER()  ? Tactic::Kind::Remainder
             : c->OVERLAP()    ? Tactic::Kind::Overlap
                               : Tactic::Kind::Allow;
  for (P::NameContext *n : c->name())
    out.words.push_back(name(n));
  out.never = c->OVERLAP() && c->NO();
  out.over = meshUses(c->meshUse());
  for (P::SelectorContext *s : c->selector())
    out.selectors.push_back(selector(s));
  if (c->quantity())
    out.quantity = quantity(c->quantity());
  if (c->ASSERT())
    assertion(c, out);
  else if (c->MANUAL())
    manual(c, out);
  else
    for (P::PathContext *p : c->path())
      out.axes.push_back(path(p));
  if (c->layout())
    out.layout = layout(c->layout());
  if (c->expression())
    out.count = expression(c->expression());
  return out;
}

} // namespace cleave::syntax
