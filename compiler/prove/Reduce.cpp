// Reductions: over what a rank has, and over ranks, in one form.
//
//   sum(c < 2) sum(l < 8) f(8 c + l)         ->  sum(i < 16) f(i)
//   sum(c) (p(c) + q(c)) * w                 ->  (sum(c) p(c) + sum(c) q(c)) * w
//   sum(i < 16) (i < 10 ? f(i) : 0)          ->  sum(i < 10) f(i)
//   sum(c < 2) (8 c <= q < 8 c + 8 ? f(c) : 0)  ->  f(floor(q / 8))
//
// What cannot be brought further becomes an atom: a closed reduction.
#include "compiler/prove/Occurrences.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

namespace cleave::prove {
// One reduction on its way to normal form.
class Reducer {
public:
  // `unfold`: how often sums within products are opened.
  Reducer(Algebra &algebra, model::Combiner combiner, unsigned unfold = 0)
      : algebra(algebra), combiner(combiner), unfold(unfold) {}
  Term run(SmallVector<Var> vars, Term body);

private:
  bool isSum() const { return combiner == model::Combiner::Sum; }
  Term distribute(ArrayRef<Var> vars, Term body);
  Term distributeIntegers(ArrayRef<Var> vars, Term body);
  bool isLinear(Term body) const;
  Term repeat(Term body, double times);
  SmallVector<Term> factorsOf(Term body);
  bool flatten(SmallVector<Var> &vars, Term &body);
  std::optional<Term> factorOut(SmallVector<Var> &vars, Term body);
  std::optional<Term> throughGuard(SmallVector<Var> &vars, Term body);
  std::optional<Term> throughSelect(SmallVector<Var> &vars, Term body);
  bool clip(SmallVector<Var> &vars, Term &body);
  bool choose(SmallVector<Var> &vars, Term &body);
  bool merge(SmallVector<Var> &vars, Term &body);
  bool split(SmallVector<Var> &vars, Term &body);
  bool lift(SmallVector<Var> &vars, Term &body);
  bool chooseBlock(SmallVector<Var> &vars, Term &body);
  Term closed(ArrayRef<Var> vars, Term body);
  bool dependsOnAny(Term term, ArrayRef<Var> vars) const {
    return llvm::any_of(vars, [&](Var var) { return algebra.depends(term, var); });
  }
  bool dependsOnAny(Index index, ArrayRef<Var> vars) const {
    return llvm::any_of(vars, [&](Var var) { return algebra.depends(index, var); });
  }

  Algebra &algebra;
  model::Combiner combiner;
  unsigned unfold;
};

} // namespace cleave::prove

static int64_t factorOf(const Algebra &algebra, Index index, Var var) {
  for (auto [base, factor] : algebra.node(index).entries)
    if (base == var.id)
      return factor;
  return 0;
}

// What is left when a variable is over: all elements are the same.
Term Reducer::repeat(Term body, double times) {
  if (times == 1 || !isSum())
    return body;
  if (algebra.node(body).domain == Domain::Integer)
    return algebra.integer(algebra.scale(algebra.indexOf(body), static_cast<int64_t>(times)));
  return algebra.scale(times, body);
}

Term Reducer::distribute(ArrayRef<Var> vars, Term body) {
  const TermNode of = algebra.node(body);
  SmallVector<std::pair<double, Term>> terms;
  for (auto [factor, child] : llvm::zip(of.factors, of.children))
    terms.push_back({factor, Reducer(*this).run(SmallVector<Var>(vars), child)});
  return algebra.sum(terms);
}

// Whether an integer is a sum of several things, or a multiple of one.
bool Reducer::isLinear(Term body) const {
  const IndexNode &of = algebra.node(algebra.node(body).indices[0]);
  bool hasData =
      llvm::any_of(of.entries, [&](auto entry) { return algebra.base(entry.first).kind == BaseKind::Data; });
  return hasData && (of.entries.size() > 1 || of.constant != 0 || of.entries[0].second != 1);
}

// Integers the program computes are summed each on its own, places together.
Term Reducer::distributeIntegers(ArrayRef<Var> vars, Term body) {
  const IndexNode of = algebra.node(algebra.node(body).indices[0]);
  Index places = algebra.constant(of.constant), made = algebra.constant(0);
  auto run = [&](Index index) {
    return algebra.indexOf(Reducer(*this).run(SmallVector<Var>(vars), algebra.integer(index)));
  };
  for (auto [id, factor] : of.entries) {
    const Base base = algebra.base(id);
    if (base.kind == BaseKind::Data)
      made = algebra.add(made, algebra.scale(run(algebra.data(base.term)), factor));
    else
      places = algebra.add(places, algebra.scale(algebra.fromBase(base), factor));
  }
  return algebra.integer(algebra.add(made, run(places)));
}

// What a sum is of: factors, and conditions as factors that are 0 or 1.
SmallVector<Term> Reducer::factorsOf(Term body) {
  SmallVector<Term> factors;
  const TermNode *of = &algebra.node(body);
  if (of->kind == TermKind::Guard && algebra.isZero(of->children[1])) {
    for (Index condition : of->indices)
      factors.push_back(algebra.guard({condition}, algebra.number(1), algebra.zero()));
    body = of->children[0];
    of = &algebra.node(body);
  }
  if (of->kind == TermKind::Product)
    factors.append(of->children.begin(), of->children.end());
  else
    factors.push_back(body);
  return factors;
}

// Opens factors that are sums and depend on what is summed over.
bool Reducer::flatten(SmallVector<Var> &vars, Term &body) {
  SmallVector<Term> factors = factorsOf(body);
  bool changed = false;
  for (Term &factor : factors)
    if (std::optional<Term> inner = algebra.readOf(factor, combiner); inner && dependsOnAny(factor, vars)) {
      SmallVector<Var> own;
      factor = algebra.open(*inner, own);
      vars.append(own.begin(), own.end());
      changed = true;
    }
  if (changed)
    body = algebra.product(factors);
  return changed;
}

// What no variable is in leaves the sum; a variable that is in one factor alone is summed there.
std::optional<Term> Reducer::factorOut(SmallVector<Var> &vars, Term body) {
  const TermNode of = algebra.node(body);
  SmallVector<Term> inside, outside;
  for (Term child : of.children)
    (dependsOnAny(child, vars) ? inside : outside).push_back(child);
  bool changed = false;
  for (Term &child : inside) {
    SmallVector<Var> own;
    for (Var var : vars)
      if (llvm::count_if(inside, [&](Term other) { return algebra.depends(other, var); }) == 1 &&
          algebra.depends(child, var))
        own.push_back(var);
    if (own.empty())
      continue;
    child = Reducer(*this).run(own, child);
    llvm::erase_if(vars, [&](Var var) { return llvm::is_contained(own, var); });
    changed = true;
  }
  if (!changed && outside.empty())
    return std::nullopt;
  Term rest = algebra.product(inside);
  outside.push_back(vars.empty() ? rest : Reducer(*this).run(vars, rest));
  return algebra.product(outside);
}

// Conditions that no variable is in hold for all terms or none.
std::optional<Term> Reducer::throughGuard(SmallVector<Var> &vars, Term body) {
  const TermNode of = algebra.guarded(body);
  SmallVector<Index> inside, outside;
  for (Index index : of.indices)
    (dependsOnAny(index, vars) ? inside : outside).push_back(index);
  if (outside.empty())
    return std::nullopt;
  Term then = Reducer(*this).run(vars, algebra.guard(inside, of.children[0], of.children[1]));
  Term otherwise = Reducer(*this).run(vars, of.children[1]);
  return algebra.guard(outside, then, otherwise);
}

// So does a truth that the program computes.
std::optional<Term> Reducer::throughSelect(SmallVector<Var> &vars, Term body) {
  const TermNode of = algebra.node(body);
  if (!algebra.isSelect(body) || dependsOnAny(of.children[0], vars))
    return std::nullopt;
  return algebra.select(of.children[0], Reducer(*this).run(vars, of.children[1]),
                        Reducer(*this).run(vars, of.children[2]));
}

// A condition that fails for some values of a variable, whatever the others are, cuts its range.
bool Reducer::clip(SmallVector<Var> &vars, Term &body) {
  const TermNode of = algebra.guarded(body);
  for (Index index : of.indices)
    for (Var &var : vars) {
      int64_t factor = factorOf(algebra, index, var), size = algebra.base(var).size;
      Index rest = algebra.subtract(index, algebra.scale(algebra.of(var), factor));
      int64_t most = algebra.rangeOf(rest).high;
      if (factor == 0 || algebra.depends(rest, var) || most >= kFar)
        continue;
      int64_t low = 0, high = size - 1; // most + factor * value >= 0
      if (factor > 0)
        low = std::max<int64_t>(0, most >= 0 ? 0 : (-most + factor - 1) / factor);
      else
        high = std::min(high, most >= 0 ? most / -factor : -1);
      if (high < low) {
        body = of.children[1];
        vars.clear();
        return true;
      }
      if (low == 0 && high == size - 1)
        continue;
      Var clipped = algebra.fresh(high - low + 1);
      body = algebra.substitute(body, var, algebra.add(algebra.of(clipped), low));
      var = clipped;
      return true;
    }
  return false;
}

// 0 <= q - b v < b holds for v = floor(q / b) alone.
bool Reducer::choose(SmallVector<Var> &vars, Term &body) {
  const TermNode of = algebra.guarded(body);
  for (Var &var : vars)
    for (Index below : of.indices) {
      int64_t block = -factorOf(algebra, below, var);
      Index rest = algebra.add(below, algebra.scale(algebra.of(var), block)); // q
      if (block <= 0 || algebra.depends(rest, var))
        continue;
      for (Index above : of.indices) {
        std::optional<int64_t> width = algebra.constantOf(algebra.add(below, above));
        if (!width || *width >= block)
          continue;
        Index chosen = algebra.floorDiv(rest, block);
        int64_t size = algebra.base(var).size;
        Rewrite rewrite;
        rewrite.map.emplace(var, chosen);
        rewrite.known = {chosen, algebra.subtract(algebra.constant(size - 1), chosen)};
        Term then = algebra.substitute(body, rewrite);
        body = algebra.guard(rewrite.known, then, of.children[1]);
        vars.erase(&var);
        return true;
      }
    }
  return false;
}

// a and b are one variable where they occur as size(b) * a + b only.
bool Reducer::merge(SmallVector<Var> &vars, Term &body) {
  Occurrences occurrences(algebra, vars);
  occurrences.visit(body);
  auto joins = [&](Var major, Var minor) {
    int64_t size = algebra.base(minor).size;
    return llvm::all_of(occurrences.found, [&](Index index) {
      return factorOf(algebra, index, major) == size * factorOf(algebra, index, minor);
    });
  };
  for (Var &major : vars)
    for (Var &minor : vars) {
      if (major == minor || !joins(major, minor))
        continue;
      Var joined = algebra.fresh(algebra.base(major).size * algebra.base(minor).size);
      Rewrite rewrite;
      rewrite.map.emplace(major, algebra.constant(0));
      rewrite.map.emplace(minor, algebra.of(joined));
      body = algebra.substitute(body, rewrite);
      minor = joined;
      vars.erase(&major);
      return true;
    }
  return false;
}

// A variable that is divided is two.
bool Reducer::split(SmallVector<Var> &vars, Term &body) {
  Occurrences occurrences(algebra, vars);
  occurrences.visit(body);
  for (Var &var : vars)
    for (Index index : occurrences.found)
      for (auto [id, factor] : algebra.node(index).entries) {
        const Base &base = algebra.base(id);
        int64_t size = algebra.base(var).size;
        if (base.kind != BaseKind::Div || size % base.number != 0 || size == base.number ||
            algebra.node(base.indices[0]).entries.size() != 1 ||
            factorOf(algebra, base.indices[0], var) != 1 || algebra.node(base.indices[0]).constant != 0)
          continue;
        Var major = algebra.fresh(size / base.number), minor = algebra.fresh(base.number);
        body = algebra.substitute(
            body, var, algebra.add(algebra.scale(algebra.of(major), base.number), algebra.of(minor)));
        var = major;
        vars.push_back(minor);
        return true;
      }
  return false;
}

// A place in an uneven block becomes one in what the block is of: l + start(c) -> b, where b is in block c.
bool Reducer::lift(SmallVector<Var> &vars, Term &body) {
  Occurrences occurrences(algebra, vars);
  occurrences.visit(body);
  for (Var &var : vars)
    for (Index index : occurrences.found) {
      int64_t factor = factorOf(algebra, index, var);
      if (factor == 0)
        continue;
      for (auto [id, times] : IndexNode(algebra.node(index)).entries) {
        const Base base = algebra.base(id);
        if (base.kind != BaseKind::Start || times != factor || !dependsOnAny(base.indices[1], vars) ||
            algebra.depends(base.indices[1], var))
          continue;
        Index start = algebra.fromBase(base);
        Var joined = algebra.fresh(algebra.rangeOf(base.indices[0]).high);
        Index place = algebra.subtract(algebra.of(joined), start);
        Term moved = algebra.substitute(body, var, place);
        Index last = algebra.subtract(algebra.add(base.indices[0], -1), algebra.of(joined));
        body = algebra.guard({place, last}, moved, algebra.identity(combiner, algebra.node(body).domain));
        var = joined;
        return true;
      }
    }
  return false;
}

// start(c) <= b < start(c) + length(c) holds for the block that b is in.
bool Reducer::chooseBlock(SmallVector<Var> &vars, Term &body) {
  const TermNode of = algebra.guarded(body);
  for (Index below : of.indices)
    for (auto [id, factor] : IndexNode(algebra.node(below)).entries) {
      const Base base = algebra.base(id);
      if (base.kind != BaseKind::Start || factor != -1)
        continue;
      Var *var = llvm::find_if(vars, [&](Var each) { return algebra.of(each) == base.indices[1]; });
      if (var == vars.end())
        continue;
      Index place = algebra.add(below, algebra.fromBase(base)); // b
      Index length = algebra.blockLength(base.indices[0], base.number, base.indices[1]);
      Index above = algebra.subtract(algebra.add(algebra.fromBase(base), algebra.add(length, -1)), place);
      if (algebra.depends(place, *var) || !llvm::is_contained(of.indices, above))
        continue;
      SmallVector<Index> rest{place, algebra.subtract(algebra.add(base.indices[0], -1), place)};
      for (Index each : of.indices)
        if (each != below && each != above)
          rest.push_back(each);
      Term then = algebra.guard(rest, of.children[0], of.children[1]);
      body = algebra.substitute(then, *var, algebra.blockOwner(base.indices[0], base.number, place));
      vars.erase(var);
      return true;
    }
  return false;
}

Term Reducer::closed(ArrayRef<Var> vars, Term body) {
  Algebra::Closing closing;
  for (Var var : vars)
    closing.bound[var] = true;
  Atom made;
  made.kind = AtomKind::Reduction;
  made.domain = algebra.node(body).domain;
  made.combiner = combiner;
  made.body = algebra.close(body, closing);
  made.slots = closing.slotSizes;
  return algebra.read(algebra.atom(std::move(made)), closing.values);
}

Term Reducer::run(SmallVector<Var> vars, Term body) {
  for (;;) {
    double times = 1;
    llvm::erase_if(vars, [&](Var var) {
      if (algebra.depends(body, var))
        return false;
      times *= static_cast<double>(algebra.base(var).size);
      return true;
    });
    if (times != 1 && combiner == model::Combiner::Prod)
      return closed(vars, algebra.op("power", 0, algebra.node(body).domain, {body, algebra.number(times)}));
    if (vars.empty())
      return repeat(body, times);
    if (times != 1 && isSum())
      return repeat(run(vars, body), times);
    const TermNode &of = algebra.node(body);
    if (of.kind == TermKind::Sum && isSum())
      return distribute(vars, body);
    if (of.kind == TermKind::Integer && isSum() && isLinear(body))
      return distributeIntegers(vars, body);
    bool isReal = isSum() && of.domain == Domain::Real;
    if (isReal && unfold > 0 && unfold-- && flatten(vars, body))
      continue;
    if (combiner != model::Combiner::None)
      if (std::optional<Term> reduction = algebra.readOf(body, combiner)) {
        SmallVector<Var> inner;
        body = algebra.open(*reduction, inner);
        vars.append(inner.begin(), inner.end());
        continue;
      }
    if (merge(vars, body))
      continue;
    if (algebra.guarded(body).kind == TermKind::Guard) {
      if (std::optional<Term> made = throughGuard(vars, body))
        return *made;
      bool isIdentity =
          algebra.guarded(body).children[1] == algebra.identity(combiner, algebra.node(body).domain);
      if (isIdentity && (clip(vars, body) || choose(vars, body) || chooseBlock(vars, body)))
        continue;
    }
    if (std::optional<Term> made = throughSelect(vars, body))
      return *made;
    if (split(vars, body) || lift(vars, body))
      continue;
    if (isReal && algebra.node(body).kind == TermKind::Product)
      if (std::optional<Term> made = factorOut(vars, body))
        return *made;
    return closed(vars, body);
  }
}

Term Algebra::reduce(model::Combiner combiner, ArrayRef<Var> vars, Term body) {
  return Reducer(*this, combiner).run(SmallVector<Var>(vars), body);
}

// Products of sums have no one form; of those there are, what the whole program has is taken.
Term Algebra::reduceToWhole(model::Combiner combiner, ArrayRef<Var> vars, Term body) {
  Term first = reduce(combiner, vars, body);
  if (combiner != model::Combiner::Sum || isWhole(first))
    return first;
  for (unsigned unfold = 1; unfold <= 2; ++unfold) {
    Term other = Reducer(*this, combiner, unfold).run(SmallVector<Var>(vars), body);
    if (isWhole(other))
      return other;
  }
  return first;
}
