// Terms: their normal form.
#include "compiler/prove/Algebra.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/Support/xxhash.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace cleave::prove;

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

Algebra::Algebra() {
  name(""); // 0
  selectName = name("select");
  reciprocalName = name("reciprocal");
  sets.emplace_back();
  setIds.emplace(sets.front(), 0);
  TermNode one, zero;
  zero.kind = TermKind::Sum;
  oneTerm = intern(std::move(one));
  zeroTerm = intern(std::move(zero));
}

// To 30 bits, which is where two ways of computing a constant agree; equal ones are told by this, and kept as
// they are.
static double rounded(double value) {
  if (value == 0 || !std::isfinite(value))
    return value;
  int exponent = 0;
  double mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(mantissa, 30)), exponent - 30);
}

static uint64_t bitsOf(double value) {
  uint64_t bits;
  value = rounded(value);
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

static uint64_t hashOf(const TermNode &node) {
  uint64_t hash = llvm::hash_combine(node.kind, node.domain, node.number, node.name, node.detail);
  for (double factor : node.factors)
    hash = llvm::hash_combine(hash, bitsOf(factor));
  for (Term child : node.children)
    hash = llvm::hash_combine(hash, child.id);
  for (Index index : node.indices)
    hash = llvm::hash_combine(hash, index.id);
  return hash;
}

static bool isSameFactor(double a, double b) { return rounded(a) == rounded(b); }

static bool isSame(const TermNode &a, const TermNode &b) {
  return a.kind == b.kind && a.domain == b.domain && a.number == b.number && a.name == b.name &&
         a.detail == b.detail && llvm::equal(a.factors, b.factors, isSameFactor) &&
         a.children == b.children && a.indices == b.indices;
}

void Algebra::markVars(TermNode &made) {
  made.clamps |= made.kind == TermKind::Guard;
  made.clamps |= made.kind == TermKind::Read && !atoms[made.number].conditions.empty();
  for (Term child : made.children) {
    made.vars = unite(made.vars, node(child).vars);
    made.clamps |= node(child).clamps;
  }
  for (Index index : made.indices) {
    made.vars = unite(made.vars, node(index).vars);
    made.clamps |= node(index).clamps;
  }
}

void Algebra::markContent(TermNode &made) {
  uint64_t own = mix(static_cast<uint64_t>(made.kind), static_cast<uint64_t>(made.domain));
  own = mix(own, made.kind == TermKind::Read ? atoms[made.number].content : made.number);
  for (Name name : {made.name, made.detail})
    own = mix(own, texts[name].second);
  for (double factor : made.factors)
    own = mix(own, bitsOf(factor));
  made.shape = made.content = mix(own, made.children.size());
  for (Term child : made.children) {
    made.shape = mix(made.shape, node(child).shape);
    made.content = mix(made.content, node(child).content);
  }
  uint64_t places = 0; // conditions have no order
  for (Index index : made.indices)
    places = made.kind == TermKind::Guard ? places + mix(0, node(index).content)
                                          : mix(places, node(index).content);
  made.content = mix(made.content, places);
}

Term Algebra::intern(TermNode made) {
  uint64_t hash = hashOf(made);
  auto [begin, end] = termIds.equal_range(hash);
  for (auto it = begin; it != end; ++it)
    if (isSame(termNodes[it->second], made))
      return Term{it->second};
  markVars(made);
  markContent(made);
  Term term{static_cast<uint32_t>(termNodes.size())};
  termNodes.push_back(std::move(made));
  termIds.emplace(hash, term.id);
  return term;
}

Term Algebra::number(double value) { return sum({{value, oneTerm}}); }

Term Algebra::boolean(bool value) {
  TermNode made;
  made.kind = TermKind::Boolean;
  made.domain = Domain::Boolean;
  made.number = value;
  return intern(std::move(made));
}

Term Algebra::integer(Index index) {
  TermNode made;
  made.kind = TermKind::Integer;
  made.domain = Domain::Integer;
  made.indices = {index};
  return intern(std::move(made));
}

Term Algebra::opaque(Attribute value, Domain domain) {
  TermNode made;
  made.kind = TermKind::Opaque;
  made.domain = domain;
  made.name = name(value);
  return intern(std::move(made));
}

Index Algebra::indexOf(Term term) {
  const TermNode &of = node(term);
  return of.kind == TermKind::Integer ? of.indices[0] : data(term);
}

std::optional<double> Algebra::numberOf(Term term) const {
  const TermNode &of = node(term);
  if (of.kind == TermKind::One)
    return 1.0;
  if (of.kind == TermKind::Sum && of.children.empty())
    return 0.0;
  if (of.kind == TermKind::Sum && of.children.size() == 1 && of.children[0] == oneTerm)
    return of.factors[0];
  return std::nullopt;
}

Name Algebra::name(StringRef text) {
  auto [it, isNew] = names.try_emplace(text, texts.size());
  if (isNew)
    texts.emplace_back(it->first(), llvm::xxh3_64bits(text));
  return it->second;
}

template <typename Printed>
static Name nameOf(Algebra &algebra, DenseMap<const void *, Name> &known, Printed what) {
  Name &name = known[what.getAsOpaquePointer()];
  if (name == 0) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    what.print(stream);
    name = algebra.name(text);
  }
  return name;
}

Name Algebra::name(Attribute attribute) { return nameOf(*this, printed, attribute); }
Name Algebra::name(Type type) { return nameOf(*this, printed, type); }

Term Algebra::op(Name name, Name detail, Domain domain, ArrayRef<Term> children) {
  TermNode made;
  made.kind = TermKind::Op;
  made.domain = domain;
  made.name = name;
  made.detail = detail;
  made.children.assign(children.begin(), children.end());
  Term term = intern(std::move(made));
  return domain == Domain::Integer ? integer(data(term)) : term;
}

// By what they are, not by what their variables are called: a body that is written with other variables has
// the same order.
static void sortByShape(const Algebra &algebra, SmallVectorImpl<std::pair<double, Term>> &terms) {
  sortStably(terms, [&](const auto &a, const auto &b) {
    return algebra.node(a.second).shape < algebra.node(b.second).shape;
  });
}

Term Algebra::sum(ArrayRef<std::pair<double, Term>> terms) {
  SmallVector<std::pair<double, Term>> flat;
  auto add = [&](double factor, Term term) {
    auto *same = llvm::find_if(flat, [&](const auto &known) { return known.second == term; });
    if (same == flat.end())
      flat.push_back({factor, term});
    else if (isSameFactor(same->first, -factor))
      flat.erase(same);
    else
      same->first += factor;
  };
  for (auto [factor, term] : terms) {
    const TermNode &of = node(term);
    if (of.kind != TermKind::Sum)
      add(factor, term);
    else
      for (auto [inner, child] : llvm::zip(of.factors, of.children))
        add(factor * inner, child);
  }
  llvm::erase_if(flat, [](const auto &entry) { return std::abs(entry.first) < 1e-300; });
  if (flat.size() == 1 && rounded(flat[0].first) == 1)
    return flat[0].second;
  sortByShape(*this, flat);
  TermNode made;
  made.kind = TermKind::Sum;
  for (auto [factor, term] : flat) {
    made.factors.push_back(factor);
    made.children.push_back(term);
  }
  return intern(std::move(made));
}

Term Algebra::product(ArrayRef<Term> factors) {
  double times = 1;
  SmallVector<std::pair<double, Term>> flat;
  SmallVector<Index> conditions;
  SmallVector<Term> work(factors.rbegin(), factors.rend());
  while (!work.empty()) {
    Term term = work.pop_back_val();
    const TermNode &of = node(term);
    if (of.kind == TermKind::Sum && of.children.empty())
      return zeroTerm;
    if (of.kind == TermKind::Sum) { // its first factor leaves it
      times *= of.factors[0];
      Term rest = of.children.size() == 1 ? of.children[0] : scale(1 / of.factors[0], term);
      if (of.children.size() == 1)
        work.push_back(rest);
      else
        flat.push_back({1, rest});
    } else if (of.kind == TermKind::Product) {
      work.append(of.children.rbegin(), of.children.rend());
    } else if (of.kind == TermKind::Guard && isZero(of.children[1])) {
      conditions.append(of.indices.begin(), of.indices.end());
      work.push_back(of.children[0]);
    } else if (of.kind != TermKind::One) {
      flat.push_back({1, term});
    }
  }
  sortByShape(*this, flat);
  Term made = oneTerm;
  if (flat.size() == 1) {
    made = flat[0].second;
  } else if (!flat.empty()) {
    TermNode fresh;
    fresh.kind = TermKind::Product;
    for (auto &entry : flat)
      fresh.children.push_back(entry.second);
    made = intern(std::move(fresh));
  }
  made = scale(times, made);
  return conditions.empty() ? made : guard(conditions, made, zeroTerm);
}

Term Algebra::reciprocal(Term term) {
  const TermNode &of = node(term);
  if (std::optional<double> value = numberOf(term); value && *value != 0)
    return number(1 / *value);
  if (of.kind == TermKind::Sum && !of.children.empty()) {
    double first = of.factors[0];
    if (first != 1)
      return scale(1 / first, reciprocal(scale(1 / first, term)));
  }
  if (of.kind == TermKind::Op && of.name == reciprocalName)
    return of.children[0];
  return op(reciprocalName, 0, Domain::Real, {term});
}

//===----------------------------------------------------------------------===//
// Guards
//===----------------------------------------------------------------------===//

bool Algebra::implied(Index index, ArrayRef<Index> known) {
  if (rangeOf(index).low >= 0)
    return true;
  return llvm::any_of(known, [&](Index other) { return rangeOf(subtract(index, other)).low >= 0; });
}

// In lowest terms; none where it always holds.
std::optional<Index> Algebra::condition(Index index, ArrayRef<Index> known, bool &isNever) {
  IndexNode from = node(index);
  int64_t common = 0;
  for (auto [base, factor] : from.entries)
    common = std::gcd(common, factor);
  if (common > 1) {
    for (auto &entry : from.entries)
      entry.second /= common;
    int64_t rest = ((from.constant % common) + common) % common;
    from.constant = (from.constant - rest) / common;
    index = intern(std::move(from));
  }
  // floor(e / k) >= c where e >= k c, and <= c where e <= k c + k - 1.
  const IndexNode &reduced = node(index);
  if (reduced.entries.size() == 1 && std::abs(reduced.entries[0].second) == 1) {
    const Base &division = bases[reduced.entries[0].first];
    if (division.kind == BaseKind::Div) {
      bool isLower = reduced.entries[0].second > 0;
      Index inner =
          isLower ? division.indices[0] : subtract(constant(division.number - 1), division.indices[0]);
      return condition(add(inner, reduced.constant * division.number), known, isNever);
    }
  }
  if (implied(index, known))
    return std::nullopt;
  Index opposite = subtract(constant(-1), index); // -1 - e >= 0: e is below 0
  isNever |= rangeOf(index).high < 0 || implied(opposite, known);
  return index;
}

const TermNode &Algebra::guarded(Term term) const {
  const TermNode &of = node(term);
  if (of.kind != TermKind::Integer)
    return of;
  const IndexNode &index = node(of.indices[0]);
  if (index.constant != 0 || index.entries.size() != 1 || index.entries[0].second != 1)
    return of;
  const Base &inner = bases[index.entries[0].first];
  return inner.kind == BaseKind::Data && node(inner.term).kind == TermKind::Guard ? node(inner.term) : of;
}

Term Algebra::assume(Term term, ArrayRef<Index> known) {
  if (!node(term).clamps)
    return term;
  Rewrite rewrite;
  rewrite.known.assign(known.begin(), known.end());
  return substitute(term, rewrite);
}

SmallVector<Index> Algebra::insideOf(ArrayRef<int64_t> sizes, ArrayRef<Index> place) {
  SmallVector<Index> inside;
  for (auto [size, index] : llvm::zip_equal(sizes, place)) {
    inside.push_back(index);
    inside.push_back(subtract(constant(size - 1), index));
  }
  return inside;
}

Term Algebra::guard(ArrayRef<Index> conditions, Term then, Term otherwise) {
  SmallVector<Index> kept, plain;
  for (Index each : conditions) {
    if (auto bounds = boundsOf(each))
      plain.append({bounds->first, bounds->second});
    else
      plain.push_back(each);
  }
  conditions = plain;
  bool isNever = false;
  for (Index each : conditions) {
    std::optional<Index> reduced = condition(each, kept, isNever);
    if (isNever)
      return otherwise;
    if (!reduced)
      continue;
    llvm::erase_if(kept, [&](Index other) { // the tighter one stays
      std::optional<int64_t> more = constantOf(subtract(other, *reduced));
      return more && *more >= 0;
    });
    kept.push_back(*reduced);
  }
  if (kept.empty() || then == otherwise)
    return then;
  then = assume(then, kept);
  const TermNode &inner = guarded(then);
  if (inner.kind == TermKind::Guard && inner.children[1] == otherwise) {
    kept.append(inner.indices.begin(), inner.indices.end());
    then = inner.children[0];
  }
  if (then == otherwise)
    return then;
  llvm::sort(kept);
  if (inner.domain == Domain::Real && isZero(otherwise))
    return guardReal(kept, then);
  TermNode made;
  made.kind = TermKind::Guard;
  made.domain = node(then).domain;
  made.indices.assign(kept.begin(), kept.end());
  made.children = {then, otherwise};
  Term term = intern(std::move(made));
  return node(term).domain == Domain::Integer ? integer(data(term)) : term;
}

// Elsewhere 0: a sum is guarded term by term, its factors stay outside.
Term Algebra::guardReal(ArrayRef<Index> conditions, Term then) {
  auto make = [&](Term of) {
    TermNode made;
    made.kind = TermKind::Guard;
    made.indices.assign(conditions.begin(), conditions.end());
    made.children = {of, zeroTerm};
    return intern(std::move(made));
  };
  TermNode of = node(then);
  if (of.kind != TermKind::Sum)
    return make(then);
  SmallVector<std::pair<double, Term>> terms;
  for (auto [factor, child] : llvm::zip(of.factors, of.children)) {
    const TermNode &inner = node(child);
    if (inner.kind == TermKind::Guard && isZero(inner.children[1]))
      terms.push_back({factor, guard(conditions, child, zeroTerm)});
    else
      terms.push_back({factor, make(child)});
  }
  return sum(terms);
}

bool Algebra::isSelect(Term term) const {
  return node(term).kind == TermKind::Op && node(term).name == selectName;
}

Term Algebra::select(Term condition, Term then, Term otherwise) {
  const TermNode &of = node(condition);
  if (of.kind == TermKind::Boolean)
    return of.number ? then : otherwise;
  if (then == otherwise)
    return then;
  if (of.kind == TermKind::Guard && node(of.children[0]).kind == TermKind::Boolean &&
      node(of.children[1]).kind == TermKind::Boolean) {
    bool first = node(of.children[0]).number != 0;
    SmallVector<Index> conditions(of.indices.begin(), of.indices.end());
    return first ? guard(conditions, then, otherwise) : guard(conditions, otherwise, then);
  }
  return op(selectName, 0, node(then).domain, {condition, then, otherwise});
}

Term Algebra::read(uint32_t atom, ArrayRef<Index> indices) {
  TermNode made;
  made.kind = TermKind::Read;
  made.domain = atoms[atom].domain;
  made.number = atom;
  made.indices.assign(indices.begin(), indices.end());
  Term term = intern(std::move(made));
  return atoms[atom].domain == Domain::Integer ? integer(data(term)) : term;
}

//===----------------------------------------------------------------------===//
// Substitution
//===----------------------------------------------------------------------===//

Term Algebra::substitute(Term term, Var var, Index value) {
  Rewrite rewrite;
  rewrite.map.emplace(var, value);
  return substitute(term, rewrite);
}

Term Algebra::substitute(Term term, Rewrite &rewrite) {
  const TermNode &from = node(term);
  if (!touches(from.vars, rewrite) && !(from.clamps && !rewrite.known.empty()))
    return term;
  auto known = rewrite.terms.find(term.id);
  if (known != rewrite.terms.end())
    return known->second;
  SmallVector<Term> children;
  for (Term child : from.children)
    children.push_back(substitute(child, rewrite));
  SmallVector<Index> indices;
  for (Index index : from.indices)
    indices.push_back(substitute(index, rewrite));
  Term made = term;
  switch (from.kind) {
  case TermKind::One:
  case TermKind::Boolean:
  case TermKind::Opaque:
    break;
  case TermKind::Integer:
    made = integer(indices[0]);
    break;
  case TermKind::Op:
    if (isSelect(term))
      made = select(children[0], children[1], children[2]);
    else if (from.name == reciprocalName)
      made = reciprocal(children[0]);
    else
      made = op(from.name, from.detail, from.domain, children);
    break;
  case TermKind::Sum: {
    SmallVector<std::pair<double, Term>> terms;
    for (auto [factor, child] : llvm::zip(from.factors, children))
      terms.push_back({factor, child});
    made = sum(terms);
    break;
  }
  case TermKind::Product:
    made = product(children);
    break;
  case TermKind::Guard: {
    llvm::erase_if(indices, [&](Index index) { return implied(index, rewrite.known); });
    bool isNever = llvm::any_of(
        indices, [&](Index index) { return implied(subtract(constant(-1), index), rewrite.known); });
    made = isNever ? children[1] : guard(indices, children[0], children[1]);
    break;
  }
  case TermKind::Read:
    made = read(from.number, indices);
    if (from.clamps && from.domain != Domain::Integer)
      made = refresh(made, rewrite);
    break;
  }
  rewrite.terms.emplace(term.id, made);
  return made;
}

bool Algebra::hasUnknownDim(Index index, const Rewrite &known) const {
  return llvm::any_of(sets[node(index).vars], [&](Var var) {
    return base(var).varKind == VarKind::Dim && known.map.count(var) == 0;
  });
}

bool Algebra::dependsOnKind(Term term, VarKind kind) const {
  return llvm::any_of(sets[node(term).vars], [&](Var var) { return base(var).varKind == kind; });
}
