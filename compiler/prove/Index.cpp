// Indices: sums of bases, floor division, ranges.
#include "compiler/prove/Algebra.h"

#include "llvm/ADT/Hashing.h"

#include <numeric>

using namespace mlir;
using namespace cleave::prove;

//===----------------------------------------------------------------------===//
// Sets of variables
//===----------------------------------------------------------------------===//

uint32_t Algebra::setOf(Var var) {
  SmallVector<Var, 4> set{var};
  auto [it, isNew] = setIds.try_emplace(set, sets.size());
  if (isNew)
    sets.push_back(set);
  return it->second;
}

uint32_t Algebra::unite(uint32_t a, uint32_t b) {
  if (a == b || b == 0)
    return a;
  if (a == 0)
    return b;
  auto [known, isNew] = unions.try_emplace(std::minmax(a, b), 0);
  if (!isNew)
    return known->second;
  SmallVector<Var, 4> both;
  std::set_union(sets[a].begin(), sets[a].end(), sets[b].begin(), sets[b].end(), std::back_inserter(both));
  auto [it, isFresh] = setIds.try_emplace(both, sets.size());
  if (isFresh)
    sets.push_back(both);
  return known->second = it->second;
}

bool Algebra::contains(uint32_t set, Var var) const {
  return std::binary_search(sets[set].begin(), sets[set].end(), var);
}

bool Algebra::touches(uint32_t set, const Rewrite &rewrite) const {
  return llvm::any_of(sets[set], [&](Var var) { return rewrite.map.count(var) != 0; });
}

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

static uint64_t hashOf(const Base &base) {
  uint64_t hash = llvm::hash_combine(base.kind, base.varKind, base.number, base.size, base.term.id);
  for (Index index : base.indices)
    hash = llvm::hash_combine(hash, index.id);
  return hash;
}

uint64_t Algebra::contentOf(const Base &of) const {
  uint64_t content = mix(mix(static_cast<uint64_t>(of.kind), static_cast<uint64_t>(of.varKind)), of.number);
  content = mix(content, of.size);
  for (Index index : of.indices)
    content = mix(content, node(index).content);
  return of.kind == BaseKind::Data ? mix(content, node(of.term).content) : content;
}

uint32_t Algebra::intern(Base base) {
  uint64_t hash = hashOf(base);
  auto [begin, end] = baseIds.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const Base &known = bases[it->second];
    if (known.kind == base.kind && known.varKind == base.varKind && known.number == base.number &&
        known.size == base.size && known.indices == base.indices && known.term == base.term)
      return it->second;
  }
  uint32_t id = bases.size();
  base.content = contentOf(base);
  base.clamps |= base.kind == BaseKind::Max || base.kind == BaseKind::Min;
  if (base.kind == BaseKind::Var) {
    base.vars = setOf(Var{id});
  } else {
    for (Index index : base.indices) {
      base.vars = unite(base.vars, node(index).vars);
      base.clamps |= node(index).clamps;
    }
    if (base.kind == BaseKind::Data) {
      base.vars = unite(base.vars, node(base.term).vars);
      base.clamps |= node(base.term).clamps;
    }
  }
  bases.push_back(std::move(base));
  baseIds.emplace(hash, id);
  return id;
}

Index Algebra::intern(IndexNode made) {
  uint64_t hash = llvm::hash_value(made.constant);
  for (auto [base, factor] : made.entries)
    hash = llvm::hash_combine(hash, base, factor);
  auto [begin, end] = indexIds.equal_range(hash);
  for (auto it = begin; it != end; ++it)
    if (indexNodes[it->second].constant == made.constant && indexNodes[it->second].entries == made.entries)
      return Index{it->second};
  for (auto [base, factor] : made.entries) {
    made.vars = unite(made.vars, bases[base].vars);
    made.clamps |= bases[base].clamps;
    made.content += mix(bases[base].content, factor); // in any order
  }
  made.content = mix(made.content, made.constant);
  Index index{static_cast<uint32_t>(indexNodes.size())};
  indexNodes.push_back(std::move(made));
  indexIds.emplace(hash, index.id);
  return index;
}

Index Algebra::constant(int64_t value) {
  IndexNode made;
  made.constant = value;
  return intern(std::move(made));
}

Var Algebra::variable(VarKind kind, int64_t number, int64_t size) {
  Base made;
  made.varKind = kind;
  made.number = number;
  made.size = size;
  return Var{intern(std::move(made))};
}

Index Algebra::of(Var var) {
  if (base(var).size == 1)
    return constant(0);
  IndexNode made;
  made.entries.push_back({var.id, 1});
  return intern(std::move(made));
}

Index Algebra::fromBase(Base made) {
  IndexNode index;
  index.entries.push_back({intern(std::move(made)), 1});
  return intern(std::move(index));
}

Index Algebra::fromBase(BaseKind kind, int64_t number, ArrayRef<Index> indices) {
  Base made;
  made.kind = kind;
  made.number = number;
  made.indices.assign(indices.begin(), indices.end());
  return fromBase(std::move(made));
}

Index Algebra::combine(Index a, Index b, int64_t factor) {
  const IndexNode &left = node(a), &right = node(b);
  IndexNode made;
  made.constant = left.constant + factor * right.constant;
  const auto *i = left.entries.begin(), *j = right.entries.begin();
  while (i != left.entries.end() || j != right.entries.end()) {
    if (j == right.entries.end() || (i != left.entries.end() && i->first < j->first)) {
      made.entries.push_back(*i++);
    } else if (i == left.entries.end() || j->first < i->first) {
      made.entries.push_back({j->first, factor * j->second});
      ++j;
    } else {
      if (int64_t both = i->second + factor * j->second)
        made.entries.push_back({i->first, both});
      ++i;
      ++j;
    }
  }
  return intern(std::move(made));
}

Index Algebra::scale(Index a, int64_t factor) { return combine(constant(0), a, factor); }

Index Algebra::floorDiv(Index a, int64_t by) {
  if (by == 1)
    return a;
  const IndexNode &from = node(a);
  IndexNode whole, rest;
  int64_t remainder = ((from.constant % by) + by) % by;
  whole.constant = (from.constant - remainder) / by;
  rest.constant = remainder;
  int64_t common = by;
  for (auto [base, factor] : from.entries) {
    if (factor % by == 0) {
      whole.entries.push_back({base, factor / by});
    } else {
      rest.entries.push_back({base, factor});
      common = std::gcd(common, factor);
    }
  }
  Index multiple = intern(std::move(whole));
  if (common > 1) { // floor((g r + c) / (g b)) = floor((r + floor(c / g)) / b)
    rest.constant /= common;
    for (auto &entry : rest.entries)
      entry.second /= common;
    by /= common;
  }
  Index inner = intern(std::move(rest));
  if (by == 1)
    return add(multiple, inner);
  // Of a factor beyond `by`, what is left below it: where that makes it a constant.
  Index below = inner, beyond = constant(0);
  for (auto [base, factor] : IndexNode(node(inner)).entries)
    if (int64_t left = ((factor % by) + by) % by; std::abs(factor) > by) {
      Index one = fromBase(Base(bases[base]));
      below = add(below, scale(one, left - factor));
      beyond = add(beyond, scale(one, (factor - left) / by));
    }
  auto quotient = [&](int64_t value) { return value >= 0 ? value / by : -((-value + by - 1) / by); };
  Interval range = rangeOf(below);
  if (range.low > -kFar && range.high < kFar && quotient(range.low) == quotient(range.high))
    return add(add(multiple, beyond), constant(quotient(range.low)));
  const IndexNode &left = node(inner);
  if (left.constant == 0 && left.entries.size() == 1 && left.entries[0].second == 1 &&
      bases[left.entries[0].first].kind == BaseKind::Div) {
    Base nested = bases[left.entries[0].first];
    return add(multiple, floorDiv(nested.indices[0], nested.number * by));
  }
  return add(multiple, fromBase(BaseKind::Div, by, {inner}));
}

Index Algebra::atLeast(Index a, int64_t bound) {
  Interval range = rangeOf(a);
  if (range.low >= bound)
    return a;
  if (range.high <= bound)
    return constant(bound);
  return fromBase(BaseKind::Max, bound, {a});
}

Index Algebra::atMost(Index a, int64_t bound) {
  Interval range = rangeOf(a);
  if (range.high <= bound)
    return a;
  if (range.low >= bound)
    return constant(bound);
  return fromBase(BaseKind::Min, bound, {a});
}

Index Algebra::data(Term term) {
  Base made;
  made.kind = BaseKind::Data;
  made.term = term;
  return fromBase(std::move(made));
}

// Where the last block alone is smaller, the others begin as if it were not.
static bool isLastSmaller(std::optional<int64_t> size, int64_t parts) {
  return size && *size % parts == parts - 1;
}

// How far apart such blocks begin.
int64_t Algebra::beginning(Index whole, int64_t parts, Index member) {
  int64_t size = *constantOf(whole), room = (size + parts - 1) / parts;
  const IndexNode &of = node(member);
  if (size % parts != 0 && of.constant == 0 && of.entries.size() == 1 && of.entries[0].second == 1)
    lengthsFrom.try_emplace({of.entries[0].first, room}, blockLength(whole, parts, member));
  return room;
}

std::optional<Index> Algebra::lengthFrom(uint32_t base, int64_t factor) {
  const Base of = bases[base];
  if (of.kind == BaseKind::Start && factor == 1)
    return blockLength(of.indices[0], of.number, of.indices[1]);
  auto found = lengthsFrom.find({base, factor});
  return found == lengthsFrom.end() ? std::nullopt : std::optional(found->second);
}

Index Algebra::blockStart(Index whole, int64_t parts, Index member) {
  std::optional<int64_t> size = constantOf(whole), known = constantOf(member);
  if (size && (*size % parts == 0 || isLastSmaller(size, parts)))
    return scale(member, beginning(whole, parts, member));
  if (size && known)
    return constant(*known * (*size / parts) + std::min(*known, *size % parts));
  return fromBase(BaseKind::Start, parts, {whole, member});
}

Index Algebra::blockLength(Index whole, int64_t parts, Index member) {
  std::optional<int64_t> size = constantOf(whole), known = constantOf(member);
  if (size && *size % parts == 0)
    return constant(*size / parts);
  if (size && known)
    return constant(*size / parts + (*known < *size % parts));
  return fromBase(BaseKind::Length, parts, {whole, member});
}

// What a condition on the length of a block comes to, where the last one alone is smaller: it holds of the
// others, and up to the end of all.
std::optional<std::pair<Index, Index>> Algebra::boundsOf(Index condition) {
  for (auto [id, factor] : node(condition).entries) {
    const Base of = bases[id];
    if (of.kind != BaseKind::Length || factor != 1 || !isLastSmaller(constantOf(of.indices[0]), of.number))
      continue;
    int64_t whole = *constantOf(of.indices[0]), most = (whole + of.number - 1) / of.number;
    Index rest = subtract(condition, fromBase(of));
    return std::pair(add(rest, most), add(rest, subtract(constant(whole), scale(of.indices[1], most))));
  }
  return std::nullopt;
}

Index Algebra::blockOwner(Index whole, int64_t parts, Index position) {
  std::optional<int64_t> size = constantOf(whole);
  if (size && (*size % parts == 0 || isLastSmaller(size, parts)))
    return floorDiv(position, (*size + parts - 1) / parts);
  return fromBase(BaseKind::Owner, parts, {whole, position});
}

std::optional<int64_t> Algebra::constantOf(Index index) const {
  if (!node(index).entries.empty())
    return std::nullopt;
  return node(index).constant;
}

Index Algebra::affine(AffineExpr expr, ArrayRef<Index> dims, ArrayRef<Index> symbols) {
  if (auto value = dyn_cast<AffineConstantExpr>(expr))
    return constant(value.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Index left = affine(binary.getLHS(), dims, symbols), right = affine(binary.getRHS(), dims, symbols);
  if (expr.getKind() == AffineExprKind::Add)
    return add(left, right);
  if (expr.getKind() == AffineExprKind::Mul && constantOf(left))
    std::swap(left, right);
  int64_t by = constantOf(right).value_or(1); // affine: one side is a constant
  switch (expr.getKind()) {
  case AffineExprKind::Mul:
    return scale(left, by);
  case AffineExprKind::FloorDiv:
    return floorDiv(left, by);
  case AffineExprKind::CeilDiv:
    return floorDiv(add(left, by - 1), by);
  default:
    return mod(left, by);
  }
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

static int64_t bounded(__int128 value) {
  return value > kFar ? kFar : value < -kFar ? -kFar : static_cast<int64_t>(value);
}

static Interval scaled(Interval range, int64_t factor) {
  int64_t a = bounded(__int128(range.low) * factor), b = bounded(__int128(range.high) * factor);
  return {std::min(a, b), std::max(a, b)};
}

static Interval plus(Interval a, Interval b) {
  return {bounded(__int128(a.low) + b.low), bounded(__int128(a.high) + b.high)};
}

Interval Algebra::rangeOf(Index index) {
  auto known = ranges.find(index.id);
  if (known != ranges.end())
    return known->second;
  Interval range = computeRange(index);
  ranges.emplace(index.id, range);
  return range;
}

Interval Algebra::computeRange(Index index) {
  IndexNode from = node(index);
  // m * e - m * k * floor(e / k) is m times a remainder.
  for (auto [base, factor] : from.entries) {
    const Base &division = bases[base];
    if (division.kind != BaseKind::Div || factor % division.number != 0)
      continue;
    int64_t times = -factor / division.number, by = division.number;
    IndexNode inner = node(division.indices[0]);
    bool isThere = llvm::all_of(inner.entries, [&](auto entry) {
      return llvm::is_contained(from.entries,
                                std::pair<uint32_t, int64_t>(entry.first, entry.second * times));
    });
    if (!isThere)
      continue;
    Index rest = subtract(index, scale(mod(division.indices[0], by), times));
    return plus(rangeOf(rest), scaled({0, by - 1}, times));
  }
  Interval range{from.constant, from.constant};
  for (auto [base, factor] : from.entries)
    range = plus(range, scaled(rangeOfBase(base), factor));
  return range;
}

Interval Algebra::rangeOfBase(uint32_t id) {
  const Base of = bases[id];
  switch (of.kind) {
  case BaseKind::Var:
    return of.size > 0 ? Interval{0, of.size - 1} : Interval{-kFar, kFar};
  case BaseKind::Div: {
    Interval inner = rangeOf(of.indices[0]);
    auto quotient = [&](int64_t value) {
      return value >= 0 ? value / of.number : -((-value + of.number - 1) / of.number);
    };
    return {quotient(inner.low), quotient(inner.high)};
  }
  case BaseKind::Max:
    return {std::max(rangeOf(of.indices[0]).low, of.number),
            std::max(rangeOf(of.indices[0]).high, of.number)};
  case BaseKind::Min:
    return {std::min(rangeOf(of.indices[0]).low, of.number),
            std::min(rangeOf(of.indices[0]).high, of.number)};
  case BaseKind::Data:
    return rangeOfTerm(of.term);
  case BaseKind::Start:
    return {0, rangeOf(of.indices[0]).high};
  case BaseKind::Length:
    return {rangeOf(of.indices[0]).low / of.number, rangeOf(of.indices[0]).high / of.number + 1};
  case BaseKind::Owner:
    return {0, of.number - 1};
  }
  return {-kFar, kFar};
}

Interval Algebra::rangeOfTerm(Term term) {
  const TermNode &of = node(term);
  if (of.kind != TermKind::Guard)
    return {-kFar, kFar};
  Interval a = rangeOf(indexOf(of.children[0])), b = rangeOf(indexOf(of.children[1]));
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

//===----------------------------------------------------------------------===//
// Substitution
//===----------------------------------------------------------------------===//

Index Algebra::substituteBase(uint32_t id, Rewrite &rewrite) {
  Base from = bases[id];
  auto inner = [&] { return substitute(from.indices[0], rewrite); };
  switch (from.kind) {
  case BaseKind::Var: {
    auto found = rewrite.map.find(Var{id});
    return found == rewrite.map.end() ? of(Var{id}) : found->second;
  }
  case BaseKind::Div:
    return floorDiv(inner(), from.number);
  case BaseKind::Max: {
    Index index = inner();
    return implied(add(index, -from.number), rewrite.known) ? index : atLeast(index, from.number);
  }
  case BaseKind::Min: {
    Index index = inner();
    return implied(subtract(constant(from.number), index), rewrite.known) ? index
                                                                          : atMost(index, from.number);
  }
  case BaseKind::Data:
    return indexOf(substitute(from.term, rewrite));
  case BaseKind::Start:
    return blockStart(inner(), from.number, substitute(from.indices[1], rewrite));
  case BaseKind::Length:
    return blockLength(inner(), from.number, substitute(from.indices[1], rewrite));
  case BaseKind::Owner:
    return blockOwner(inner(), from.number, substitute(from.indices[1], rewrite));
  }
  return constant(0);
}

Index Algebra::substitute(Index index, Rewrite &rewrite) {
  const IndexNode &from = node(index);
  bool isTouched = touches(from.vars, rewrite) || (from.clamps && !rewrite.known.empty());
  if (!isTouched)
    return index;
  auto known = rewrite.indices.find(index.id);
  if (known != rewrite.indices.end())
    return known->second;
  Index made = constant(from.constant);
  for (auto [base, factor] : SmallVector<std::pair<uint32_t, int64_t>, 4>(from.entries))
    made = combine(made, substituteBase(base, rewrite), factor);
  rewrite.indices.emplace(index.id, made);
  return made;
}
