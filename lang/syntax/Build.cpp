#include "lang/syntax/Build.h"
#include "lang/syntax/Parser.h"

namespace cleave::syntax {

// Longest path in an expression tree; a chain `a + b + c` counts each operator.
static constexpr unsigned kMaxTreeDepth = 1000;

Location Builder::at(antlr4::ParserRuleContext *c) const {
  uint32_t begin = static_cast<uint32_t>(c->getStart()->getStartIndex());
  antlr4::Token *stop = c->getStop() ? c->getStop() : c->getStart();
  uint32_t end = static_cast<uint32_t>(stop->getStopIndex()) + 1;
  return {file.source, begin, end > begin ? end : begin};
}

Location Builder::at(antlr4::Token *token) const {
  return {file.source, static_cast<uint32_t>(token->getStartIndex()),
          static_cast<uint32_t>(token->getStopIndex()) + 1};
}

Name Builder::name(P::NameContext *c) const {
  if (!c)
    return {};
  Location where = at(c);
  return {text(where), where};
}

std::vector<Name> Builder::names(P::NameListContext *c) const {
  std::vector<Name> out;
  for (P::NameContext *n : c->name())
    out.push_back(name(n));
  return out;
}

Path Builder::path(P::PathContext *c) const {
  Path out;
  if (!c)
    return out;
  for (P::NameContext *n : c->name())
    out.parts.push_back(name(n));
  out.location = at(c);
  return out;
}

std::string Builder::string(antlr4::tree::TerminalNode *node) {
  Location where = at(node->getSymbol());
  std::string_view raw = text(where);
  raw = raw.substr(1, raw.size() - 2);
  std::string out;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out += raw[i];
      continue;
    }
    char c = raw[++i];
    if (c != 'n' && c != 't' && c != '"' && c != '\\')
      engine.error("E002", where,
                   "a backslash in a string is followed by n, t, \" or \\, found '" + std::string(1, c) +
                       "'");
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
  }
  return out;
}

Expr *Builder::make(Expr::Kind kind, Location where) {
  Expr *e = file.newExpr();
  e->kind = kind;
  e->location = where;
  return e;
}

void Builder::attach(Expr *parent, const Expr *child) {
  if (!child)
    return;
  parent->depth = std::max(parent->depth, child->depth + 1);
  if (parent->depth <= kMaxTreeDepth || tooDeep)
    return;
  tooDeep = true;
  engine.error("E003", child->location,
               "an expression is at most " + std::to_string(kMaxTreeDepth) +
                   " operators deep, found one more here");
}

void Builder::attach(Expr *parent, const Block &block) {
  for (const Stmt *s : block.statements) {
    attach(parent, s->value);
    for (const Expr *e : s->values)
      attach(parent, e);
    for (const CarryBinding &next : s->nexts)
      attach(parent, next.value);
    for (const Stmt *r : s->returns)
      attach(parent, r->value);
    for (const Argument &a : s->arguments)
      attach(parent, a.value);
  }
}

// Binding strength: a reduction takes the products that follow it.
enum Strength { kOr = 1, kAnd, kCompare, kSum, kReduction, kProduct, kUnary };

static int strengthOf(std::string_view op) {
  if (op == "||")
    return kOr;
  if (op == "&&")
    return kAnd;
  if (op == "+" || op == "-")
    return kSum;
  return op == "*" || op == "/" || op == "%" ? kProduct : kCompare;
}

static Reduction reductionOf(std::string_view word) {
  if (word == "sum")
    return Reduction::Sum;
  if (word == "max")
    return Reduction::Max;
  if (word == "min")
    return Reduction::Min;
  if (word == "mean")
    return Reduction::Mean;
  if (word == "prod")
    return Reduction::Prod;
  if (word == "set")
    return Reduction::Set;
  return word == "argmax" ? Reduction::Argmax : Reduction::Argmin;
}

// The flat list `prefix* primary (op prefix* primary)*` with its precedences. A stack machine instead of
// recursion: the list may be long. An open prefix or operator waits on the stack until something weaker
// arrives.
Expr *Builder::expression(P::ExpressionContext *c) {
  struct Open {
    Expr *node; // its last operand is missing
    int strength;
  };
  std::vector<Open> open;
  Expr *value = nullptr;
  auto close = [&](int strength) {
    while (!open.empty() && open.back().strength >= strength) {
      Expr *node = open.back().node;
      (node->kind == Expr::Kind::Binary ? node->right : node->left) = value;
      attach(node, value);
      node->location.end = value->location.end;
      value = node;
      open.pop_back();
    }
  };
  std::vector<P::OperandContext *> operands = c->operand();
  std::vector<P::BinaryOperatorContext *> operators = c->binaryOperator();
  for (size_t i = 0; i < operands.size(); ++i) {
    if (i > 0) {
      Location where = at(operators[i - 1]);
      int strength = strengthOf(text(where));
      close(strength);
      Expr *node = make(Expr::Kind::Binary, {file.source, value->location.begin, where.end});
      node->opLocation = where;
      node->text = text(where);
      node->left = value;
      attach(node, value);
      open.push_back({node, strength});
    }
    for (P::PrefixContext *prefix : operands[i]->prefix()) {
      P::ReductionContext *reduction = prefix->reduction();
      Expr *node = make(reduction ? Expr::Kind::Reduction : Expr::Kind::Unary, at(prefix));
      node->opLocation = reduction ? at(reduction->getStart()) : at(prefix);
      node->text = text(node->opLocation);
      if (reduction) {
        node->reduction = reductionOf(node->text);
        for (P::PatternItemContext *p : reduction->patternItem())
          node->pattern.push_back(patternItem(p));
      }
      open.push_back({node, reduction ? kReduction : kUnary});
    }
    value = operand(operands[i]);
    close(kUnary);
  }
  close(0);
  return value;
}

Expr *Builder::operand(P::OperandContext *c) {
  Expr *e = primary(c->primary());
  for (P::SuffixContext *s : c->suffix())
    e = suffix(e, s);
  return e;
}

Expr *Builder::primary(P::PrimaryContext *c) {
  Location where = at(c);
  if (c->expression()) {
    Expr *e = expression(c->expression());
    e->location = where;
    return e;
  }
  if (c->ifExpression())
    return ifExpression(c->ifExpression());
  if (c->scatterExpression())
    return scatter(c->scatterExpression());
  if (P::ScanExpressionContext *s = c->scanExpression()) {
    Expr *e = make(Expr::Kind::Scan, where);
    e->opLocation = at(s->getStart());
    e->name = name(s->name());
    e->path = path(s->path());
    e->carries = carries(s->carries());
    e->block = block(s->block());
    attach(e, e->block);
    return e;
  }
  if (P::WhileExpressionContext *s = c->whileExpression()) {
    Expr *e = make(Expr::Kind::While, where);
    e->opLocation = at(s->getStart());
    e->left = expression(s->expression(0));
    e->right = expression(s->expression(1));
    attach(e, e->left);
    attach(e, e->right);
    e->carries = carries(s->carries());
    for (const CarryBinding &carry : e->carries)
      attach(e, carry.value);
    e->block = block(s->block());
    attach(e, e->block);
    return e;
  }
  Expr::Kind kind = c->INTEGER()              ? Expr::Kind::Integer
                    : c->FLOAT()              ? Expr::Kind::Float
                    : c->STRING()             ? Expr::Kind::String
                    : c->INF()                ? Expr::Kind::Inf
                    : c->TRUE() || c->FALSE() ? Expr::Kind::Bool
                                              : Expr::Kind::Name;
  Expr *e = make(kind, where);
  e->text = text(where);
  if (kind == Expr::Kind::String)
    string(c->STRING()); // for its errors
  return e;
}

Expr *Builder::suffix(Expr *base, P::SuffixContext *c) {
  Location where{file.source, base->location.begin, at(c).end};
  if (c->name()) {
    Expr *e = make(Expr::Kind::Member, where);
    e->left = base;
    e->name = name(c->name());
    attach(e, base);
    return e;
  }
  bool call = c->getStart()->getStartIndex() < file.source->getText().size() &&
              file.source->getText()[c->getStart()->getStartIndex()] == '(';
  Expr *e = make(call ? Expr::Kind::Call : Expr::Kind::Index, where);
  e->opLocation = at(c);
  e->left = base;
  attach(e, base);
  if (call) {
    e->arguments = arguments(c->arguments());
    for (const Argument &a : e->arguments)
      attach(e, a.value);
    return e;
  }
  for (P::SubscriptContext *s : c->subscript()) {
    Subscript sub;
    sub.location = at(s);
    sub.pack = !s->expression();
    std::vector<P::NameContext *> parts = s->name();
    if (!parts.empty())
      sub.name = name(parts[0]);
    if (parts.size() > 1)
      sub.packAxis = name(parts[1]);
    if (s->expression())
      sub.value = expression(s->expression());
    attach(e, sub.value);
    e->subscripts.push_back(sub);
  }
  if (c->outsideValue())
    e->right = outside(c->outsideValue());
  attach(e, e->right);
  return e;
}

Expr *Builder::outside(P::OutsideValueContext *c) {
  Location where = at(c);
  std::string_view all = text(where);
  bool negative = !all.empty() && all.front() == '-';
  Expr *e;
  if (c->expression()) {
    e = expression(c->expression());
  } else {
    Expr::Kind kind = c->INTEGER()              ? Expr::Kind::Integer
                      : c->FLOAT()              ? Expr::Kind::Float
                      : c->INF()                ? Expr::Kind::Inf
                      : c->TRUE() || c->FALSE() ? Expr::Kind::Bool
                                                : Expr::Kind::Name;
    e = make(kind, at(c->getStop()));
    e->text = text(e->location);
  }
  if (!negative)
    return e;
  Expr *minus = make(Expr::Kind::Unary, where);
  minus->opLocation = at(c->getStart());
  minus->text = text(minus->opLocation);
  minus->left = e;
  attach(minus, e);
  return minus;
}

Expr *Builder::ifExpression(P::IfExpressionContext *c) {
  Expr *e = make(Expr::Kind::If, at(c));
  e->opLocation = at(c->getStart());
  e->left = expression(c->expression());
  attach(e, e->left);
  e->block = block(c->block(0));
  attach(e, e->block);
  if (c->ifExpression()) {
    // else if: a block that yields the inner one.
    Stmt *yield = file.newStmt();
    yield->kind = Stmt::Kind::Yield;
    yield->values.push_back(ifExpression(c->ifExpression()));
    yield->location = yield->values[0]->location;
    e->elseBlock.statements.push_back(yield);
    e->elseBlock.location = yield->location;
  } else {
    e->elseBlock = block(c->block(1));
  }
  attach(e, e->elseBlock);
  return e;
}

Expr *Builder::scatter(P::ScatterExpressionContext *c) {
  Expr *e = make(Expr::Kind::Scatter, at(c));
  e->opLocation = at(c->getStart());
  e->reduction = c->SUM()   ? Reduction::Sum
                 : c->MAX() ? Reduction::Max
                 : c->MIN() ? Reduction::Min
                            : Reduction::Set;
  for (P::PatternItemContext *p : c->patternItem())
    e->pattern.push_back(patternItem(p));
  e->left = expression(c->expression(0));
  attach(e, e->left);
  for (P::ScatterTargetContext *t : c->scatterTarget()) {
    e->carries.push_back({name(t->name()), expression(t->expression())});
    attach(e, e->carries.back().value);
  }
  if (c->INTO())
    e->right = expression(c->expression(1));
  attach(e, e->right);
  return e;
}

std::vector<Argument> Builder::arguments(P::ArgumentsContext *c) {
  std::vector<Argument> out;
  if (!c)
    return out;
  for (P::ArgumentContext *a : c->argument())
    out.push_back({name(a->name()), expression(a->expression())});
  return out;
}

} // namespace cleave::syntax
