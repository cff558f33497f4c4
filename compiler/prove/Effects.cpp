#include "compiler/prove/Effects.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

// As it is written.
static std::string textOf(Operation *op) {
  if (auto print = dyn_cast<model::PrintOp>(op))
    return "print \"" + print.getLabel().str() + "\"";
  return "assert \"" + cast<model::AssertOp>(op).getMessage().str() + "\"";
}

// What the program has where a rank has an element of an operand: the same, or that of a turn's rows.
static std::optional<Term> expectedOf(Algebra &algebra, const Tensor &whole, const Tensor &own,
                                      const Effect &at) {
  if (whole.sizes.size() != own.sizes.size())
    return std::nullopt;
  Rewrite rewrite;
  rewrite.map = at.turns;
  for (auto [dim, size] : llvm::enumerate(whole.sizes)) {
    Index place = algebra.of(algebra.dim(dim, own.sizes[dim]));
    if (size != own.sizes[dim]) {
      const Var *turn = llvm::find_if(at.around, [&, size = size, dim = dim](Var var) {
        return algebra.base(var).size * own.sizes[dim] == size;
      });
      if (turn == at.around.end())
        return std::nullopt;
      place = algebra.add(algebra.scale(place, algebra.base(*turn).size), algebra.of(*turn));
    }
    rewrite.map[algebra.dim(dim, size)] = place;
  }
  return algebra.substitute(whole.element, rewrite);
}

static LogicalResult reportOther(ArrayRef<Effect> whole, ArrayRef<Effect> rank, size_t number,
                                 func::FuncOp entry) {
  Operation *at = number < rank.size()    ? rank[number].op
                  : number < whole.size() ? whole[number].op
                                          : entry.getOperation();
  InFlightDiagnostic error =
      at->emitError("E964: ranks print and assert what the program does, in its order, found ");
  if (number == rank.size())
    return error << "'" << textOf(whole[number].op) << "' left out", failure();
  error << "'" << textOf(rank[number].op) << "'";
  if (number < whole.size())
    error << " where '" << textOf(whole[number].op) << "' is meant";
  else
    error << " once more than it does";
  return failure();
}

LogicalResult cleave::prove::compareEffects(Proof &proof, ArrayRef<Effect> whole, ArrayRef<Effect> rank,
                                            func::FuncOp entry, std::vector<Mismatch> &mismatches) {
  for (size_t number = 0; number < std::max(whole.size(), rank.size()); ++number) {
    if (number >= whole.size() || number >= rank.size() ||
        textOf(whole[number].op) != textOf(rank[number].op) ||
        whole[number].operands.size() != rank[number].operands.size())
      return reportOther(whole, rank, number, entry);
    for (auto [i, own] : llvm::enumerate(rank[number].operands)) {
      const Tensor &wanted = whole[number].operands[i];
      std::optional<Term> expected = expectedOf(proof.algebra, wanted, own, rank[number]);
      // What is reduced over rows is reduced over a turn's in a loop over micro-batches; ranks have one
      // value.
      bool isOfTurn = rank[number].around.size() > whole[number].around.size();
      if (expected == own.element || (isOfTurn && !proof.algebra.dependsOnKind(own.element, VarKind::Coord)))
        continue;
      Operation *op = rank[number].op;
      mismatches.push_back(
          {op, textOf(op), expected.value_or(wanted.element), own.element, op->getOperand(i)});
    }
  }
  return success();
}
