#include "lang/syntax/Build.h"

namespace cleave::syntax {

Block Builder::block(P::BlockContext *c) {
  Block out;
  out.location = at(c->getStop());
  for (P::StatementContext *s : c->statement())
    out.statements.push_back(statement(s));
  return out;
}

PatternItem Builder::patternItem(P::PatternItemContext *c) {
  PatternItem item;
  std::vector<P::NameContext *> parts = c->name();
  item.name = name(parts[0]);
  item.pack = c->getStart() != parts[0]->getStart();
  if (parts.size() > 1) {
    item.axis.parts.push_back(name(parts[1]));
    item.axis.location = item.axis.parts[0].location;
  } else {
    item.axis = path(c->path());
  }
  return item;
}

Pattern Builder::pattern(P::PatternContext *c) {
  Pattern out;
  for (P::PatternItemContext *p : c->patternItem())
    out.push_back(patternItem(p));
  return out;
}

CarryBinding Builder::carry(P::CarryBindingContext *c) {
  return {name(c->name()), expression(c->expression())};
}

std::vector<CarryBinding> Builder::carries(P::CarriesContext *c) {
  std::vector<CarryBinding> out;
  if (c)
    for (P::CarryBindingContext *b : c->carryBinding())
      out.push_back(carry(b));
  return out;
}

void Builder::letStatement(P::LetStatementContext *c, Stmt &s) {
  s.kind = c->RESIDUAL() ? Stmt::Kind::Residual : Stmt::Kind::Let;
  if (c->nameTuple()) {
    s.tuple = true;
    for (P::NameContext *n : c->nameTuple()->name())
      s.names.push_back(name(n));
  } else {
    s.names.push_back(name(c->name()));
  }
  if (c->pattern()) {
    s.indexed = true;
    s.pattern = pattern(c->pattern());
  }
  if (c->type()) {
    s.typed = true;
    s.type = type(c->type());
  }
  s.value = expression(c->expression());
}

// What a Name says and where, without the brackets that may stand around it and are part of its location.
static Name nameOf(const Expr &e) {
  uint32_t begin = static_cast<uint32_t>(e.text.data() - e.location.source->getText().data());
  return {e.text, {e.location.source, begin, begin + static_cast<uint32_t>(e.text.size())}};
}

bool Builder::patternOf(const Expr &e, Stmt &s) {
  const Expr *base = e.kind == Expr::Kind::Index ? e.left : &e;
  if (base->kind != Expr::Kind::Name || e.right)
    return false;
  s.names.push_back(nameOf(*base));
  s.indexed = base != &e;
  for (const Subscript &sub : e.subscripts) {
    PatternItem item;
    item.pack = sub.pack;
    const Expr *axis = nullptr;
    if (sub.pack) {
      item.name = sub.name;
      if (!sub.packAxis.empty())
        item.axis = {{sub.packAxis}, sub.packAxis.location};
    } else if (sub.name.empty()) {
      if (sub.value->kind != Expr::Kind::Name)
        return false;
      item.name = nameOf(*sub.value);
    } else {
      item.name = sub.name;
      axis = sub.value;
      item.axis.location = axis->location;
      std::vector<Name> parts;
      for (; axis->kind == Expr::Kind::Member; axis = axis->left)
        parts.insert(parts.begin(), axis->name);
      if (axis->kind != Expr::Kind::Name)
        return false;
      parts.insert(parts.begin(), nameOf(*axis));
      item.axis.parts = std::move(parts);
    }
    s.pattern.push_back(std::move(item));
  }
  return true;
}

void Builder::returnStatement(P::ReturnStatementContext *c, Stmt &s) {
  for (P::ReturnValueContext *v : c->returnValue()) {
    Stmt *value = file.newStmt();
    value->kind = Stmt::Kind::Let;
    value->location = at(v);
    Expr *first = expression(v->expression(0));
    if (v->expression().size() > 1) {
      if (!patternOf(*first, *value))
        engine.error("E001", first->location,
                     "the left side of = is a name with index variables, such as y[b, s: Seq], found an "
                     "expression");
      value->value = expression(v->expression(1));
    } else {
      value->value = first;
    }
    s.returns.push_back(value);
  }
}

Stmt *Builder::stateStatement(P::StateStatementContext *c) {
  Stmt *s = file.newStmt();
  s->kind = Stmt::Kind::State;
  s->location = at(c);
  s->names = names(c->nameList());
  s->typed = true;
  s->type = type(c->type());
  if (c->pattern()) {
    s->indexed = true;
    s->pattern = pattern(c->pattern());
  }
  s->value = expression(c->expression());
  return s;
}

Stmt *Builder::statement(P::StatementContext *c) {
  if (c->stateStatement())
    return stateStatement(c->stateStatement());
  Stmt *s = file.newStmt();
  s->location = at(c);
  if (c->letStatement()) {
    letStatement(c->letStatement(), *s);
  } else if (P::ParamStatementContext *p = c->paramStatement()) {
    s->kind = Stmt::Kind::Param;
    s->names = names(p->nameList());
    s->typed = true;
    s->type = type(p->type());
    s->indexed = p->pattern() != nullptr;
    if (p->pattern())
      s->pattern = pattern(p->pattern());
    s->value = expression(p->expression());
  } else if (P::SetStatementContext *p = c->setStatement()) {
    s->kind = Stmt::Kind::Set;
    s->names.push_back(name(p->name()));
    s->indexed = p->pattern() != nullptr;
    if (p->pattern())
      s->pattern = pattern(p->pattern());
    s->value = expression(p->expression());
  } else if (P::LayerStatementContext *p = c->layerStatement()) {
    s->kind = Stmt::Kind::Layer;
    s->names = names(p->nameList());
    s->target = target(p->layerTarget());
  } else if (P::RepeatStatementContext *p = c->repeatStatement()) {
    s->kind = Stmt::Kind::Repeat;
    s->names.push_back(name(p->name()));
    s->axis = path(p->path());
    s->target = target(p->layerTarget());
  } else if (P::UpdateStatementContext *p = c->updateStatement()) {
    s->kind = Stmt::Kind::Update;
    s->object = path(p->path(0));
    s->callee = path(p->path(1));
    s->arguments = arguments(p->arguments());
  } else if (c->returnStatement()) {
    s->kind = Stmt::Kind::Return;
    returnStatement(c->returnStatement(), *s);
  } else if (P::PrintStatementContext *p = c->printStatement()) {
    s->kind = Stmt::Kind::Print;
    s->text = string(p->STRING());
    for (P::ExpressionContext *e : p->expression())
      s->values.push_back(expression(e));
  } else if (P::AssertStatementContext *p = c->assertStatement()) {
    s->kind = Stmt::Kind::Assert;
    s->value = expression(p->expression());
    if (p->STRING())
      s->text = string(p->STRING());
  } else if (P::NextStatementContext *p = c->nextStatement()) {
    s->kind = Stmt::Kind::Next;
    for (P::CarryBindingContext *b : p->carryBinding())
      s->nexts.push_back(carry(b));
  } else if (P::YieldStatementContext *p = c->yieldStatement()) {
    s->kind = Stmt::Kind::Yield;
    for (P::ExpressionContext *e : p->expression())
      s->values.push_back(expression(e));
  }
  return s;
}

} // namespace cleave::syntax
