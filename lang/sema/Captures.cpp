#include "lang/sema/Captures.h"

#include <unordered_set>

namespace cleave::sema {

using namespace ast;

namespace {

// What a body uses that it does not define itself.
struct Uses {
  std::vector<const Value *> values;
  std::unordered_set<const Value *> seen;
  std::vector<LayerRef> layers;

  void add(const Value *value) {
    if (seen.insert(value).second)
      values.push_back(value);
  }
  void add(const LayerRef &layer) {
    for (const LayerRef &known : layers)
      if (known.root == layer.root && known.path == layer.path)
        return;
    layers.push_back(layer);
  }
};

class Walker {
public:
  explicit Walker(Program &program) : program(program) {}

  void run() {
    for (const Entry *entry : program.entries) {
      Uses uses;
      body(entry->body, uses, false);
    }
    if (program.plan)
      for (const Tactic &tactic : program.plan->tactics)
        for (const ManualRegion::Instance &instance : tactic.manual.instances)
          function(instance.local);
    for (const State *state : program.states) {
      Uses uses;
      if (state->initialiser)
        expr(state->initialiser, uses);
    }
  }

  bool counts = false; // met a random number, step or seed

  void function(const Function *f) {
    if (!f || !functions.insert(f).second)
      return;
    Uses uses;
    body(f->body, uses, false);
    if (f->backward)
      body(f->backward, uses, false);
    program.functions.push_back(f); // callees first
  }

private:
  void layer(const Layer *l) {
    if (!l || !layers.insert(l).second)
      return;
    Uses uses;
    body(l->body, uses, false);
    program.layers.push_back(l);
  }

  // A nested body's own captures are found here and handed on to the body around it.
  void body(const Body *constBody, Uses &outer, bool nested) {
    auto *b = const_cast<Body *>(constBody);
    Uses uses;
    std::unordered_set<const Value *> defined(b->arguments.begin(), b->arguments.end());
    for (const Stmt *s : b->statements)
      statement(s, uses, defined);
    for (const Expr *result : b->results)
      expr(result, uses);
    std::vector<const Value *> captures;
    for (const Value *value : uses.values)
      if (!defined.count(value)) {
        captures.push_back(value);
        outer.add(value);
      }
    for (const LayerRef &l : uses.layers)
      outer.add(l);
    if (!nested)
      return;
    b->captures = std::move(captures);
    b->layers = std::move(uses.layers);
  }

  void statement(const Stmt *s, Uses &uses, std::unordered_set<const Value *> &defined) {
    if (auto *let = as<Let>(s)) {
      expr(let->init, uses);
      defined.insert(let->values.begin(), let->values.end());
    } else if (auto *set = as<Set>(s)) {
      expr(set->init, uses);
      defined.insert(set->value);
    } else if (auto *update = as<Update>(s)) {
      exprs(update->arguments, uses);
      for (const UpdateLeaf &leaf : update->leaves)
        layer(leaf.callee);
    } else if (auto *print = as<Print>(s)) {
      exprs(print->values, uses);
    } else if (auto *assertion = as<Assert>(s)) {
      expr(assertion->condition, uses);
    }
  }

  void exprs(const std::vector<const Expr *> &list, Uses &uses) {
    for (const Expr *e : list)
      expr(e, uses);
  }

  void reads(const std::vector<IndexRead> &list, Uses &uses) {
    for (const IndexRead &read : list)
      expr(read.base, uses);
  }

  void leaves(const std::vector<LeafCall> &list) {
    for (const LeafCall &leaf : list)
      function(leaf.callee);
  }

  void expr(const Expr *e, Uses &uses) {
    switch (e->kind) {
    case Expr::Kind::Literal:
    case Expr::Kind::Iter:
      return;
    case Expr::Kind::Random:
      counts = true;
      return;
    case Expr::Kind::TreeRef: {
      LayerRef ref;
      ref.root = e->type().tree;
      return uses.add(ref);
    }
    case Expr::Kind::ValueRef: {
      const Value *value = static_cast<const ValueRef *>(e)->value;
      counts |= value->kind == Value::Kind::Step || value->kind == Value::Kind::Seed;
      return uses.add(value);
    }
    case Expr::Kind::ParamRef:
      return uses.add(static_cast<const ParamRef *>(e)->layer);
    case Expr::Kind::Comprehension:
      return expr(static_cast<const Comprehension *>(e)->body, uses);
    case Expr::Kind::Gather: {
      auto *g = static_cast<const Gather *>(e);
      expr(g->table, uses);
      return reads(g->indices, uses);
    }
    case Expr::Kind::Scatter: {
      auto *s = static_cast<const Scatter *>(e);
      expr(s->init, uses);
      expr(s->updates, uses);
      return reads(s->indices, uses);
    }
    case Expr::Kind::Argsort:
      return expr(static_cast<const Argsort *>(e)->input, uses);
    case Expr::Kind::Concat:
      return exprs(static_cast<const Concat *>(e)->inputs, uses);
    case Expr::Kind::StopGradient:
      return expr(static_cast<const StopGradient *>(e)->input, uses);
    case Expr::Kind::Collective:
      if (auto *c = static_cast<const Collective *>(e); c->input)
        expr(c->input, uses);
      return;
    case Expr::Kind::Unary:
      return expr(static_cast<const Unary *>(e)->operand, uses);
    case Expr::Kind::Cast:
      return expr(static_cast<const Cast *>(e)->operand, uses);
    case Expr::Kind::Access:
      return expr(static_cast<const Access *>(e)->base, uses);
    case Expr::Kind::Binary:
      expr(static_cast<const Binary *>(e)->left, uses);
      return expr(static_cast<const Binary *>(e)->right, uses);
    case Expr::Kind::Select: {
      auto *s = static_cast<const Select *>(e);
      expr(s->condition, uses);
      expr(s->left, uses);
      return expr(s->right, uses);
    }
    default:
      return calls(e, uses);
    }
  }

  void calls(const Expr *e, Uses &uses) {
    if (auto *call = as<Call>(e)) {
      exprs(call->arguments, uses);
      function(call->callee);
    } else if (auto *call = as<ElementCall>(e)) {
      exprs(call->arguments, uses);
      function(call->callee);
    } else if (auto *call = as<LayerCall>(e)) {
      exprs(call->arguments, uses);
      uses.add(call->layer);
      layer(call->callee);
    } else if (auto *i = as<If>(e)) {
      expr(i->condition, uses);
      body(i->thenBody, uses, true);
      body(i->elseBody, uses, true);
    } else if (auto *scan = as<Scan>(e)) {
      exprs(scan->init, uses);
      for (const ScanSlice &slice : scan->slices)
        expr(slice.source, uses);
      body(scan->body, uses, true);
    } else if (auto *loop = as<While>(e)) {
      exprs(loop->init, uses);
      body(loop->condition, uses, true);
      body(loop->body, uses, true);
    } else if (auto *g = as<Gradient>(e)) {
      expr(g->loss, uses);
      for (const Value *value : g->wrt)
        uses.add(value);
    } else if (auto *g = as<TreeGradient>(e)) {
      expr(g->loss, uses);
    } else if (auto *each = as<Each>(e)) {
      exprs(each->arguments, uses);
      leaves(each->leaves);
    } else if (auto *total = as<Total>(e)) {
      exprs(total->arguments, uses);
      leaves(total->leaves);
    }
  }

  Program &program;
  std::unordered_set<const Function *> functions;
  std::unordered_set<const Layer *> layers;
};

} // namespace

void collectReachable(Program &program) { Walker(program).run(); }

bool countsOrDraws(const Function &function) {
  Program scratch;
  Walker walker(scratch);
  walker.function(&function);
  return walker.counts;
}

} // namespace cleave::sema
