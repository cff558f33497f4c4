// Where variables occur in a term.
#ifndef CLEAVE_COMPILER_PROVE_OCCURRENCES_H
#define CLEAVE_COMPILER_PROVE_OCCURRENCES_H

#include "compiler/prove/Algebra.h"

#include <set>

namespace cleave::prove {

// Every index that depends on one of these variables, those within others included.
class Occurrences {
public:
  Occurrences(const Algebra &algebra, llvm::ArrayRef<Var> vars)
      : algebra(algebra), vars(vars.begin(), vars.end()) {}
  void visit(Term term) {
    const TermNode &of = algebra.node(term);
    if (of.vars == 0 || !seenTerms.insert(term.id).second)
      return;
    for (Term child : of.children)
      visit(child);
    for (Index index : of.indices)
      visit(index);
  }
  void visit(Index index) {
    const IndexNode &of = algebra.node(index);
    if (of.vars == 0 || !seen.insert(index.id).second)
      return;
    if (llvm::any_of(vars, [&](Var var) { return algebra.depends(index, var); }))
      found.push_back(index);
    for (auto [id, factor] : of.entries) {
      const Base &base = algebra.base(id);
      if (base.kind == BaseKind::Data)
        visit(base.term);
      for (Index inner : base.indices)
        visit(inner);
    }
  }
  llvm::SmallVector<Index> found;

private:
  const Algebra &algebra;
  llvm::SmallVector<Var> vars;
  std::set<uint32_t> seenTerms, seen;
};

} // namespace cleave::prove

#endif
