// The `ast` stage as text.
#include "lang/ast/Tree.h"

#include <cmath>
#include <cstdio>
#include <unordered_map>

namespace cleave::ast {

namespace {

const char *const kUnaryNames[] = {"-",   "!",   "exp", "log", "log1p", "expm1", "sqrt",  "rsqrt", "tanh",
                                   "erf", "sin", "cos", "abs", "floor", "ceil",  "round", "sign",  "isnan"};
const char *const kBinaryNames[] = {"+", "-",  "*", "/",  "%",  "pow", "maximum", "minimum",
                                    "<", "<=", ">", ">=", "==", "!=",  "&&",      "||"};
const char *const kCombinerNames[] = {"set", "sum", "max", "min", "prod"};

class Printer {
public:
  std::string run(const Program &program) {
    for (const Axis *axis : program.axes)
      line("axis " + axis->name + " = " + std::to_string(axis->size) +
           (axis->root != axis ? " // alias of " + axis->root->name : ""));
    for (const Hyper &hyper : program.hypers)
      line("hyper " + hyper.name + ": " +
           (hyper.value ? toString(hyper.value->type()) + " = " + expr(hyper.value)
                        : std::string("type = ") + nameOf(hyper.element)));
    for (const DataSource *source : program.data)
      data(*source);
    for (const State *state : program.states)
      this->state(*state);
    for (const WeightMap &map : program.weights)
      weights(map);
    if (program.plan)
      plan(*program.plan);
    for (const Function *f : program.functions)
      function(*f);
    for (const Layer *l : program.layers)
      layer(*l);
    for (const Entry *e : program.entries)
      entry(*e);
    return std::move(out);
  }

private:
  void line(const std::string &text) { out += std::string(indent, ' ') + text + "\n"; }

  template <typename List, typename F>
  std::string join(const List &list, F each, const char *between = ", ") {
    std::string text;
    bool first = true;
    for (const auto &item : list) {
      text += (first ? "" : between) + each(item);
      first = false;
    }
    return text;
  }

  // A name no other value has here: `h`, then `h.1`.
  std::string name(const Value *value) {
    auto known = names.find(value);
    if (known != names.end())
      return known->second;
    std::string base = value->name.empty() ? "_" : value->name;
    unsigned &count = used[base];
    std::string text = count++ || value->name.empty() ? base + "." + std::to_string(count - 1) : base;
    return names[value] = text;
  }

  std::string declare(const Value *value) { return name(value) + ": " + toString(value->type); }
  std::string typesOf(const std::vector<Type> &types) {
    return join(types, [](const Type &t) { return toString(t); });
  }

  // The shortest digits that read back as the same value of the type.
  static std::string number(double value, bool single) {
    if (std::isinf(value))
      return value < 0 ? "-inf" : "inf";
    char buffer[32];
    for (int digits = 1; digits <= 17; ++digits) {
      std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
      double read = std::strtod(buffer, nullptr);
      if (read == value || (single && static_cast<float>(read) == value))
        break;
    }
    std::string text = buffer;
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }

  std::string variables(const std::vector<const IndexVariable *> &list) {
    return join(list, [&](const IndexVariable *v) { return variable(v) + ": " + v->axis->name; });
  }

  // Variables without a name, and those that share one, are numbered.
  std::string variable(const IndexVariable *v) {
    auto known = variableNames.find(v);
    if (known != variableNames.end())
      return known->second;
    std::string text = v->name.empty() ? "i" + std::to_string(anonymous++) : v->name;
    return variableNames[v] = text;
  }

  std::string affine(const Affine &a) {
    std::string text;
    for (const AffineTerm &term : a.terms) {
      std::string part = term.variable ? variable(term.variable)
                         : term.symbol >= 0
                             ? "#" + std::to_string(term.symbol)
                             : "((" + affine(*term.inner) + (term.remainder ? ") % " : ") / ") +
                                   std::to_string(term.divisor) + ")";
      if (term.coefficient != 1)
        part = std::to_string(term.coefficient) + "*" + part;
      text += (text.empty() ? "" : " + ") + part;
    }
    if (a.constant || text.empty())
      text += (text.empty() ? "" : " + ") + std::to_string(a.constant);
    return text;
  }

  std::string positions(const std::vector<Affine> &list) {
    return list.empty() ? "" : "[" + join(list, [&](const Affine &a) { return affine(a); }) + "]";
  }

  std::string reads(const std::vector<IndexRead> &list) {
    unsigned n = 0;
    return join(list, [&](const IndexRead &r) {
      return "#" + std::to_string(n++) + " = " + expr(r.base) + positions(r.positions);
    });
  }

  std::string exprs(const std::vector<const Expr *> &list) {
    return join(list, [&](const Expr *e) { return expr(e); });
  }

  std::string literal(const Literal *l) {
    if (isFloat(l->type().element))
      return number(l->real, l->type().element == ElementType::F32);
    if (l->type().element == ElementType::Bool)
      return l->integer ? "true" : "false";
    return std::to_string(l->integer);
  }

  std::string layerRef(const LayerRef &ref) {
    return (ref.root ? ref.root->path : std::string("self")) +
           join(ref.path, [](unsigned slot) { return "." + std::to_string(slot); }, "");
  }

  std::string leaves(const std::vector<LeafCall> &list) {
    return "{" + join(list, [](const LeafCall &l) { return l.callee ? l.callee->instanceName : "?"; }) + "}";
  }

  // Element level, and the tensor level that is not control.
  std::string expr(const Expr *e) {
    switch (e->kind) {
    case Expr::Kind::Literal:
      return literal(static_cast<const Literal *>(e));
    case Expr::Kind::ValueRef:
      return name(static_cast<const ValueRef *>(e)->value);
    case Expr::Kind::ParamRef: {
      auto *p = static_cast<const ParamRef *>(e);
      return layerRef(p->layer) + ".state" + std::to_string(p->slot);
    }
    case Expr::Kind::Iter:
      return variable(static_cast<const Iter *>(e)->variable);
    case Expr::Kind::Access: {
      auto *a = static_cast<const Access *>(e);
      return expr(a->base) + positions(a->positions) + (a->outside ? " outside " + expr(a->outside) : "");
    }
    case Expr::Kind::Unary: {
      auto *u = static_cast<const Unary *>(e);
      return std::string(kUnaryNames[static_cast<size_t>(u->op)]) + "(" + expr(u->operand) + ")";
    }
    case Expr::Kind::Binary: {
      auto *b = static_cast<const Binary *>(e);
      std::string op = kBinaryNames[static_cast<size_t>(b->op)];
      if (b->op == BinaryOp::Pow || b->op == BinaryOp::Max || b->op == BinaryOp::Min)
        return op + "(" + expr(b->left) + ", " + expr(b->right) + ")";
      return "(" + expr(b->left) + " " + op + " " + expr(b->right) + ")";
    }
    case Expr::Kind::Select: {
      auto *s = static_cast<const Select *>(e);
      return "where(" + expr(s->condition) + ", " + expr(s->left) + ", " + expr(s->right) + ")";
    }
    case Expr::Kind::Cast:
      return toString(e->type()) + "(" + expr(static_cast<const Cast *>(e)->operand) + ")";
    case Expr::Kind::Random: {
      auto *r = static_cast<const Random *>(e);
      return std::string(r->normal ? "normal" : "uniform") + "@" + std::to_string(r->site) + "()";
    }
    case Expr::Kind::ElementCall: {
      auto *c = static_cast<const ElementCall *>(e);
      return c->callee->instanceName + "(" + exprs(c->arguments) + ")";
    }
    default:
      return tensor(e);
    }
  }

  std::string tensor(const Expr *e) {
    if (auto *c = as<Comprehension>(e)) {
      std::string text = "{" + variables(c->variables);
      if (c->combiner != Combiner::None)
        text += std::string(c->variables.empty() ? "" : " ") +
                kCombinerNames[static_cast<size_t>(c->combiner)] + "(" + variables(c->reduced) + ")";
      return text + (text.size() > 1 ? " | " : "") + expr(c->body) + "}";
    }
    if (auto *g = as<Gather>(e))
      return "gather{" + variables(g->variables) + " | " + expr(g->table) + positions(g->positions) +
             " where " + reads(g->indices) + (g->clamped ? " clamped" : "") + "}";
    if (auto *s = as<Scatter>(e))
      return std::string("scatter ") + kCombinerNames[static_cast<size_t>(s->combiner)] + "{" +
             variables(s->variables) + " | " + expr(s->updates) + " at " + positions(s->positions) +
             (s->indices.empty() ? "" : " where " + reads(s->indices)) + " into " + expr(s->init) + "}";
    if (auto *a = as<Argsort>(e))
      return "argsort(" + expr(a->input) + ", over: " + a->type().axes[a->dim]->name +
             (a->descending ? ", descending)" : ")");
    if (auto *c = as<Concat>(e))
      return "concat(" + exprs(c->inputs) + ", over: " + c->type().axes[c->dim]->name + ")";
    if (auto *s = as<StopGradient>(e))
      return "stop_gradient(" + expr(s->input) + ")";
    if (auto *c = as<Collective>(e))
      return std::string(nameOf(c->op)) + "(" + (c->input ? expr(c->input) + ", over: " : "") +
             c->over->name +
             (c->combiner == Combiner::None
                  ? ""
                  : std::string(", by: ") + kCombinerNames[static_cast<size_t>(c->combiner)]) +
             (c->op == Collective::Op::Permute ? ", by: " + std::to_string(c->shift) : "") + ")";
    if (auto *c = as<Call>(e))
      return c->callee->instanceName + "(" + exprs(c->arguments) + ")";
    if (auto *c = as<LayerCall>(e))
      return layerRef(c->layer) + ":" + c->callee->instanceName +
             (c->repeat ? "[" + c->repeat->name + "]" : "") + "(" + exprs(c->arguments) + ")";
    if (auto *g = as<Gradient>(e))
      return "grad(" + expr(g->loss) + ", " + join(g->wrt, [&](const Value *v) { return name(v); }) + ")";
    if (auto *g = as<TreeGradient>(e))
      return "grad(" + expr(g->loss) + ", " + e->type().tree->path + ")";
    if (as<TreeRef>(e))
      return e->type().tree->path;
    if (auto *each = as<Each>(e))
      return "each" + leaves(each->leaves) + "(" + exprs(each->arguments) + ")";
    if (auto *total = as<Total>(e))
      return "total" + leaves(total->leaves) + "(" + exprs(total->arguments) + ")";
    return control(e);
  }

  std::string control(const Expr *e) {
    if (auto *i = as<If>(e))
      return "if " + expr(i->condition) + " " + nested(*i->thenBody) + " else " + nested(*i->elseBody);
    if (auto *s = as<Scan>(e))
      return "scan over " + s->axis->name + " carry (" + exprs(s->init) + ") slices (" +
             join(s->slices, [&](const ScanSlice &slice) { return expr(slice.source); }) + ") " +
             nested(*s->body);
    if (auto *w = as<While>(e))
      return "while bound " + std::to_string(w->bound) + " carry (" + exprs(w->init) + ") " +
             nested(*w->condition) + " do " + nested(*w->body);
    return "?";
  }

  std::string nested(const Body &b) {
    std::string outer = std::move(out);
    out.clear();
    indent += 2;
    if (!b.captures.empty())
      line("captures " + join(b.captures, [&](const Value *v) { return name(v); }));
    body(b, "yield");
    indent -= 2;
    std::string text = "(" + join(b.arguments, [&](const Value *v) { return declare(v); }) + ") {\n" + out +
                       std::string(indent, ' ') + "}";
    out = std::move(outer);
    return text;
  }

  void body(const Body &b, const char *end) {
    for (const Stmt *s : b.statements)
      statement(s);
    line(std::string(end) + " " + exprs(b.results));
  }

  void statement(const Stmt *s) {
    if (auto *let = as<Let>(s)) {
      std::string left = join(let->values, [&](const Value *v) { return declare(v); });
      line((let->residual ? "residual " : "let ") + left + " = " + expr(let->init));
    } else if (auto *set = as<Set>(s)) {
      line("set " + (set->state ? set->state->path : "state" + std::to_string(set->slot)) + " as " +
           declare(set->value) + " = " + expr(set->init));
    } else if (auto *update = as<Update>(s)) {
      line("update " + update->object->path + " (" + exprs(update->arguments) + ") {");
      for (const UpdateLeaf &leaf : update->leaves)
        line("  " + leaf.parameter->path + " with " + leaf.callee->instanceName + " of " + leaf.object->path);
      line("}");
    } else if (auto *print = as<Print>(s)) {
      line("print \"" + print->label + "\" (" + exprs(print->values) + ")");
    } else if (auto *assertion = as<Assert>(s)) {
      line("assert " + expr(assertion->condition) + " \"" + assertion->message + "\"");
    }
  }

  void data(const DataSource &source) {
    static const char *const kinds[] = {"bytes", "tokens", "npy", "synthetic"};
    static const char *const distributions[] = {"normal", "uniform", "integers"};
    std::string text = join(source.paths, [](const std::string &p) { return "\"" + p + "\""; });
    if (!source.tokenType.empty())
      text += ", " + source.tokenType;
    if (source.kind == DataSource::Kind::Synthetic)
      text = distributions[static_cast<size_t>(source.distribution)];
    line("data " + source.name + " = " + kinds[static_cast<size_t>(source.kind)] + "(" + text + ")");
  }

  void state(const State &s) {
    static const char *const kinds[] = {"param", "optimizer", "state"};
    line(std::string(kinds[static_cast<size_t>(s.kind)]) + " " + s.path + ": " + toString(s.type) + " = " +
         expr(s.initialiser));
  }

  void clear() {
    names.clear();
    used.clear();
    variableNames.clear();
    anonymous = 0;
  }

  void function(const Function &f) {
    clear();
    line(std::string(f.composite ? "composite " : "") + "function " + f.instanceName + "(" +
         join(f.arguments, [&](const Value *v) { return declare(v); }) + ") -> (" + typesOf(f.results) +
         ") {");
    indent += 2;
    body(*f.body, "return");
    indent -= 2;
    if (f.backward) {
      line("} backward (" + join(f.backward->arguments, [&](const Value *v) { return declare(v); }) + ") {");
      indent += 2;
      body(*f.backward, "return");
      indent -= 2;
    }
    line("}");
  }

  void layer(const Layer &l) {
    clear();
    line("layer " + l.instanceName + "(" + join(l.arguments, [&](const Value *v) { return declare(v); }) +
         ") -> (" + typesOf(l.results) + ") {");
    indent += 2;
    for (const StateSlot &slot : l.slots)
      line((slot.parameter ? "param " : "state ") + declare(slot.value));
    for (const ChildSlot &child : l.children)
      line("layer " + child.name + (child.repeat ? "[" + child.repeat->name + "]" : ""));
    body(*l.body, "return");
    indent -= 2;
    line("}");
  }

  // Index variables are numbered by the dim of the state: {0}, #1.
  std::string position(const WeightPosition &p) {
    std::string text = p.offset ? std::to_string(p.offset) : "";
    for (size_t k = 0; k < p.strides.size(); ++k)
      if (p.strides[k])
        text += (text.empty() ? "" : " + ") +
                (p.strides[k] == 1 ? "" : std::to_string(p.strides[k]) + " * ") + "#" + std::to_string(k);
    return text.empty() ? "0" : text;
  }

  std::string source(const WeightSource &s) {
    std::string text = "\"" + s.name + "\"[";
    for (size_t d = 0; d < s.positions.size(); ++d)
      text += (d ? ", " : "") + position(s.positions[d]) + " of " + std::to_string(s.sizes[d]);
    return text + "]";
  }

  void weights(const WeightMap &map) {
    line("weights " + map.name + " for " + map.object->path +
         (map.types.empty()
              ? ""
              : " from " + join(map.types, [](ElementType t) { return std::string(nameOf(t)); })) +
         (map.prefixes.empty()
              ? ""
              : " under " +
                    join(map.prefixes, [](const std::string &prefix) { return "\"" + prefix + "\""; })) +
         " {");
    indent += 2;
    for (const Weight &weight : map.weights)
      line(weight.state->path + " = " +
           join(weight.sources, [&](const WeightSource &s) { return source(s); }, " else "));
    for (const std::string &name : map.ignored)
      line("ignore \"" + name + "\"");
    indent -= 2;
    line("}");
  }

  void plan(const Plan &p) {
    line("plan " + p.name + (p.target.empty() ? "" : " for " + p.target) + " on " + p.mesh.name +
         toString(p.mesh) + " { // " + p.hash);
    indent += 2;
    for (const Tactic &tactic : p.tactics)
      line(toString(tactic, p.mesh));
    indent -= 2;
    line("}");
  }

  void entry(const Entry &e) {
    clear();
    std::string with =
        join(e.rebound, [](const Axis *a) { return a->name + " = " + std::to_string(a->size); });
    line("entry " + e.name + (with.empty() ? "" : " with (" + with + ")") + "(" +
         join(e.inputs,
              [&](const EntryInput &i) {
                return declare(i.value) + (i.source ? " from " + i.source->name : "") +
                       (i.inOrder ? " in order" : "");
              }) +
         ") -> (" + join(e.outputNames, [](const std::string &n) { return n; }) + ") {");
    indent += 2;
    body(*e.body, "return");
    indent -= 2;
    line("}");
  }

  std::string out;
  unsigned indent = 0, anonymous = 0;
  std::unordered_map<const Value *, std::string> names;
  std::unordered_map<std::string, unsigned> used;
  std::unordered_map<const IndexVariable *, std::string> variableNames;
};

} // namespace

std::string print(const Program &program) { return Printer().run(program); }

} // namespace cleave::ast
