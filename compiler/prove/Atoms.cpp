// Atoms: closing and opening.
#include "compiler/prove/Algebra.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/Support/xxhash.h"

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
  Index made = constant(from.constant);
  if (!free.entries.empty()) {
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
