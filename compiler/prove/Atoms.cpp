// Atoms: closing and opening.
#include "compiler/prove/Algebra.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/Support/xxhash.h"

#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

uint32_t Algebra::atom(Atom made) {
  uint64_t hash = llvm::hash_combine(made.kind, made.domain, made.name, made.number, made.part, made.combiner,
                                     made.body.id);
  for (int64_t slot : made.slots)
    hash = llvm::hash_combine(hash, slot);
  auto [begin, end] = atomIds.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const Atom &known = atoms[it->second];
    if (known.kind == made.kind && known.domain == made.domain && known.name == made.name &&
        known.number == made.number && known.part == made.part && known.combiner == made.combiner &&
        known.slots == made.slots && known.body == made.body)
      return it->second;
  }
  uint32_t id = atoms.size();
  made.isWhole = makesWhole;
  made.content = contentOf(made);
  if (made.kind == AtomKind::Reduction)
    made.conditions = conditionsOf(made.body);
  atoms.push_back(std::move(made));
  atomIds.emplace(hash, id);
  return id;
}

uint64_t Algebra::contentOf(const Atom &of) const {
  uint64_t content = mix(mix(static_cast<uint64_t>(of.kind), static_cast<uint64_t>(of.domain)), of.part);
  content = mix(mix(content, llvm::xxh3_64bits(of.name)), static_cast<uint64_t>(of.combiner));
  bool isLoop = of.kind == AtomKind::Carry || of.kind == AtomKind::Final; // its number is that of a term
  content = mix(content, isLoop ? termNodes[of.number].content : static_cast<uint64_t>(of.number));
  for (int64_t slot : of.slots)
    content = mix(content, slot);
  return mix(content, of.kind == AtomKind::Reduction ? node(of.body).content : 0);
}

std::optional<Term> Algebra::readOf(Term term, model::Combiner combiner) const {
  const TermNode *of = &node(term);
  if (of->kind == TermKind::Integer) {
    const IndexNode &index = node(of->indices[0]);
    if (index.constant != 0 || index.entries.size() != 1 || index.entries[0].second != 1 ||
        bases[index.entries[0].first].kind != BaseKind::Data)
      return std::nullopt;
    term = bases[index.entries[0].first].term;
    of = &node(term);
  }
  if (of->kind != TermKind::Read || atoms[of->number].kind != AtomKind::Reduction ||
      atoms[of->number].combiner != combiner)
    return std::nullopt;
  return term;
}

Term Algebra::open(Term read, SmallVectorImpl<Var> &vars) {
  const TermNode of = node(read);
  const Atom &from = atoms[of.number];
  Rewrite rewrite;
  for (auto [i, value] : llvm::enumerate(of.indices))
    rewrite.map.emplace(variable(VarKind::Param, i, 0), value);
  for (auto [i, size] : llvm::enumerate(from.slots)) {
    if (i == vars.size())
      vars.push_back(fresh(size));
    rewrite.map.emplace(variable(VarKind::Slot, i, size), this->of(vars[i]));
  }
  return substitute(from.body, rewrite);
}

namespace {
// Guards and clamps of a closed body that depend on its params.
class Conditions {
public:
  explicit Conditions(Algebra &algebra) : algebra(algebra) {}

  void visit(Term term) {
    const TermNode of = algebra.node(term);
    if (!of.clamps || !terms.insert(term.id).second)
      return;
    for (Term child : of.children)
      visit(child);
    for (Index index : of.indices) {
      if (of.kind == TermKind::Guard)
        add(index);
      visit(index);
    }
    if (of.kind == TermKind::Read)
      addWithin(of);
  }
  llvm::SmallVector<Index, 2> found;

private:
  void visit(Index index) {
    if (!algebra.node(index).clamps || !indices.insert(index.id).second)
      return;
    for (auto [id, factor] : IndexNode(algebra.node(index)).entries) {
      const Base base = algebra.base(id);
      for (Index inner : base.indices)
        visit(inner);
      if (base.kind == BaseKind::Data)
        visit(base.term);
      if (base.kind == BaseKind::Max)
        add(algebra.add(base.indices[0], -base.number));
      if (base.kind == BaseKind::Min)
        add(algebra.subtract(algebra.constant(base.number), base.indices[0]));
    }
  }

  // What an atom that is read asks of where it is read, its own slots under names of their own.
  void addWithin(const TermNode &read) {
    const Atom atom = algebra.atomOf(read.number);
    Rewrite rewrite;
    for (auto [i, index] : llvm::enumerate(read.indices))
      rewrite.map.emplace(algebra.variable(VarKind::Param, i, 0), index);
    for (auto [i, size] : llvm::enumerate(atom.slots))
      rewrite.map.emplace(algebra.variable(VarKind::Slot, i, size),
                          algebra.of(algebra.variable(VarKind::Slot, -1 - static_cast<int64_t>(i), size)));
    for (Index condition : atom.conditions)
      add(algebra.substitute(condition, rewrite));
  }

  void add(Index index) {
    bool hasParam = llvm::any_of(algebra.varsOf(algebra.node(index).vars),
                                 [&](Var var) { return algebra.base(var).varKind == VarKind::Param; });
    if (hasParam && found.size() < 32 && !llvm::is_contained(found, index))
      found.push_back(index);
  }

  Algebra &algebra;
  std::set<uint32_t> terms, indices;
};
} // namespace

SmallVector<Index, 2> Algebra::conditionsOf(Term body) {
  Conditions conditions(*this);
  conditions.visit(body);
  return std::move(conditions.found);
}

// A reduction where it is read, once it is known there what its body holds against 0.
Term Algebra::refresh(Term term, Rewrite &rewrite) {
  const TermNode of = node(term);
  if (of.kind != TermKind::Read || atoms[of.number].conditions.empty())
    return term;
  if (rewrite.known.empty())
    if (auto known = refreshed.find(term.id); known != refreshed.end())
      return known->second;
  Rewrite place;
  for (auto [i, value] : llvm::enumerate(of.indices))
    place.map.emplace(variable(VarKind::Param, i, 0), value);
  bool isDecided = llvm::any_of(SmallVector<Index, 2>(atoms[of.number].conditions), [&](Index condition) {
    Index here = substitute(condition, place);
    return implied(here, rewrite.known) || implied(subtract(constant(-1), here), rewrite.known);
  });
  Term made = term;
  if (isDecided) {
    SmallVector<Var> vars;
    model::Combiner combiner = atoms[of.number].combiner;
    Term body = assume(open(term, vars), rewrite.known);
    made = reduce(combiner, vars, body);
  }
  if (rewrite.known.empty())
    refreshed.emplace(term.id, made);
  return made;
}

//===----------------------------------------------------------------------===//
// Closing
//===----------------------------------------------------------------------===//

Index Algebra::closeBase(uint32_t id, Closing &closing) {
  Base from = bases[id];
  if (from.kind == BaseKind::Var) {
    Var var{id};
    if (!closing.bound[var])
      return of(var);
    auto [it, isNew] = closing.slots.try_emplace(var, closing.slots.size());
    if (isNew)
      closing.slotSizes.push_back(from.size);
    return of(variable(VarKind::Slot, it->second, from.size));
  }
  if (from.kind == BaseKind::Data) {
    Term inner = close(from.term, closing);
    return node(inner).kind == TermKind::Integer ? node(inner).indices[0] : data(inner);
  }
  for (Index &index : from.indices)
    index = closeIndex(index, closing);
  return fromBase(std::move(from));
}

// The part that is free becomes a param, the part that is bound is renamed.
Index Algebra::closeIndex(Index index, Closing &closing) {
  auto known = closing.indices.find(index.id);
  if (known != closing.indices.end())
    return known->second;
  const IndexNode from = node(index);
  auto isBound = [&](uint32_t base) {
    return llvm::any_of(sets[bases[base].vars], [&](Var var) { return closing.bound.count(var) != 0; });
  };
  IndexNode free;
  SmallVector<std::pair<uint32_t, int64_t>> bound;
  for (auto entry : from.entries) {
    if (isBound(entry.first))
      bound.push_back(entry);
    else
      free.entries.push_back(entry);
  }
  // Larger factors first: an order that names have no part in.
  sortStably(bound, [](auto a, auto b) { return std::abs(a.second) > std::abs(b.second); });
  // So does the constant, so that it is the same whether something is added to a param before or after.
  Index made = constant(free.entries.empty() ? from.constant : 0);
  if (!free.entries.empty()) {
    free.constant = from.constant;
    Index value = intern(std::move(free));
    auto [it, isNew] = closing.params.try_emplace(value, closing.values.size());
    if (isNew)
      closing.values.push_back(value);
    made = add(made, of(variable(VarKind::Param, it->second, 0)));
  }
  for (auto [base, factor] : bound)
    made = combine(made, closeBase(base, closing), factor);
  closing.indices.emplace(index.id, made);
  return made;
}

// An order of conditions that the names of variables have no part in: by what is bound in them.
void Algebra::sortForClosing(SmallVectorImpl<Index> &conditions, const Closing &closing) const {
  auto keyOf = [&](Index index) {
    const IndexNode &of = node(index);
    SmallVector<std::pair<int64_t, int64_t>> bound;
    for (auto [base, factor] : of.entries) {
      bool isBound =
          llvm::any_of(sets[bases[base].vars], [&](Var var) { return closing.bound.count(var) != 0; });
      auto slot = closing.slots.find(Var{base});
      if (isBound)
        bound.push_back({factor, slot == closing.slots.end() ? -1 : slot->second});
    }
    llvm::sort(bound);
    return std::pair(std::move(bound), of.constant);
  };
  sortStably(conditions, [&](Index a, Index b) { return keyOf(a) < keyOf(b); });
}

Term Algebra::close(Term term, Closing &closing) {
  const TermNode from = node(term);
  if (from.vars == 0)
    return term;
  auto known = closing.terms.find(term.id);
  if (known != closing.terms.end())
    return known->second;
  TermNode made = from;
  for (Term &child : made.children)
    child = close(child, closing);
  // Conditions last: what they are about has its name by then, and their order is that of the new names.
  if (made.kind == TermKind::Guard)
    sortForClosing(made.indices, closing);
  for (Index &index : made.indices)
    index = closeIndex(index, closing);
  if (made.kind == TermKind::Guard)
    llvm::sort(made.indices);
  made.vars = 0;
  made.clamps = false;
  Term closed = intern(std::move(made));
  closing.terms.emplace(term.id, closed);
  return closed;
}

bool Algebra::isWhole(Term term) {
  auto known = wholeMemo.find(term.id);
  if (known != wholeMemo.end())
    return known->second;
  const TermNode &of = node(term);
  bool whole = of.kind != TermKind::Read || atoms[of.number].isWhole;
  for (Term child : of.children)
    whole = whole && isWhole(child);
  SmallVector<Index> work(of.indices.begin(), of.indices.end());
  while (whole && !work.empty())
    for (auto [id, factor] : node(work.pop_back_val()).entries) {
      const Base &base = bases[id];
      work.append(base.indices.begin(), base.indices.end());
      whole = whole && (base.kind != BaseKind::Data || isWhole(base.term));
    }
  wholeMemo.emplace(term.id, whole);
  return whole;
}

bool Algebra::reads(Term term, uint32_t atom) {
  uint64_t key = (uint64_t(atom) << 32) | term.id;
  auto known = readsMemo.find(key);
  if (known != readsMemo.end())
    return known->second;
  const TermNode of = node(term);
  bool found = false;
  if (of.kind == TermKind::Read) {
    const Atom &read = atoms[of.number];
    found = of.number == atom || (read.kind == AtomKind::Reduction && reads(read.body, atom));
    // What stands for itself in a loop is bound by it.
    bool isOfLoop = read.kind == AtomKind::Carry || read.kind == AtomKind::Final;
    bool isBound = atoms[atom].kind == AtomKind::Self && atoms[atom].number >= read.depth;
    found = found || (isOfLoop && !isBound && reads(Term{static_cast<uint32_t>(read.number)}, atom));
  }
  SmallVector<Index> work(of.indices.begin(), of.indices.end());
  while (!found && !work.empty()) {
    Index index = work.pop_back_val();
    for (auto [id, factor] : node(index).entries) {
      const Base &base = bases[id];
      work.append(base.indices.begin(), base.indices.end());
      found = found || (base.kind == BaseKind::Data && reads(base.term, atom));
    }
  }
  for (Term child : of.children)
    found = found || reads(child, atom);
  readsMemo.emplace(key, found);
  return found;
}

Term Algebra::identity(model::Combiner combiner, Domain domain) {
  switch (domain) {
  case Domain::Boolean:
    return boolean(combiner == model::Combiner::Min);
  case Domain::Integer:
    return integer(combiner == model::Combiner::Sum    ? constant(0)
                   : combiner == model::Combiner::Prod ? constant(1)
                   : combiner == model::Combiner::Max  ? constant(-kFar)
                                                       : constant(kFar));
  case Domain::Real:
    break;
  }
  if (combiner == model::Combiner::Sum)
    return zeroTerm;
  if (combiner == model::Combiner::Prod)
    return oneTerm;
  return op(combiner == model::Combiner::Max ? "least" : "greatest", 0, Domain::Real, {});
}
