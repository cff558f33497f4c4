// Where what ranks run begins to differ from the program: for words, once a proof has failed.
//
// Values of a rank are held against values of the program that stand at the same source line, at every place
// where a rank's part of them may lie. A value is right where it is such a part, or the parts of a reduction
// that is still to be taken; the fault is where all that goes in is right and what comes out is not.
#ifndef CLEAVE_COMPILER_PROVE_TRACE_H
#define CLEAVE_COMPILER_PROVE_TRACE_H

#include "compiler/prove/Evaluate.h"

#include "llvm/ADT/SmallBitVector.h"

namespace cleave::prove {

// What a value of a rank is of a value of the program.
struct Twin {
  const Step *whole = nullptr;
  llvm::SmallVector<Index> place;                 // by dim of the whole
  llvm::SmallVector<llvm::SmallVector<Var>> axes; // digits that cut it, by dim
  llvm::SmallVector<Var> pending;                 // digits over which it is a part of a reduction
  model::Combiner combiner = model::Combiner::None;
};

struct Fault {
  mlir::Value value;
  std::string name; // of the value, where it has one
  std::string words;
  bool isInside = false;                 // it has none: the name is of what is computed from it
  mlir::Operation *use = nullptr;        // where it is used as if it were right
  std::optional<mlir::Location> program; // where the program computes it
};

class Trace {
public:
  // `whole`: what the program computes.
  Trace(Proof &proof, const Mesh &mesh, llvm::ArrayRef<Step> whole);

  // Upstream of a value that is wrong.
  std::optional<Fault> find(mlir::Value wrong);
  // What a value is a part of; null: of nothing that the program computes.
  const Twin *twinOf(mlir::Value value, size_t before);

private:
  struct Placement {
    llvm::SmallVector<Index> place;
    llvm::SmallVector<llvm::SmallVector<Var>> axes;
  };
  using Words = std::optional<std::string>;

  // --- the graph of values ---
  llvm::SmallVector<mlir::Value> sourcesOf(mlir::Value value);
  std::optional<size_t> stepOf(mlir::Value value, size_t before);
  bool isRight(mlir::Value value);
  bool isUsedRightly(mlir::Value value);
  void collect(mlir::Value value);

  // --- twins ---
  const Twin *match(size_t step);
  static bool isMover(mlir::Operation *op);
  struct Candidate {
    const Step *step = nullptr;
    unsigned common = 0;                             // things that both are made of
    model::Combiner combiner = model::Combiner::Sum; // that a part of it would be pending by
  };
  llvm::SmallVector<Candidate> candidatesOf(size_t step);
  llvm::SmallVector<Term> inputsOf(size_t whole);
  std::optional<Twin> partOf(const Step &step, const Candidate &candidate);
  std::optional<Twin> pendingOf(const Step &step, const Candidate &candidate, Placement &placement,
                                Term expected, Term found);
  llvm::SmallVector<Placement> placementsOf(const Step &step, llvm::ArrayRef<int64_t> sizes);
  struct Cut {
    Index place;
    llvm::SmallVector<Var> axes;
  };
  llvm::SmallVector<Cut> cutsOf(const Step &step, unsigned dim, int64_t whole);
  // The arguments, carries and ops that a term is made of.
  const llvm::SmallBitVector &leavesOf(Term term);
  Term termAt(const Step &step, const Step &whole, const Placement &placement);

  // --- words ---
  std::optional<Fault> explain(size_t step);
  Words ofReduction(mlir::Operation *op, const Step &input, const Twin &twin);
  Words ofGather(mlir::Operation *op, const Twin &twin);
  Words ofPlace(size_t step, mlir::Value input, const Twin &twin);
  Words ofFactor(size_t step);
  Words ofOperands(size_t step);
  Words ofPending(size_t step, Fault &fault);
  Words ofRest(size_t step, std::optional<mlir::Location> &program);
  Words placeWords(Index found, Index meant, int64_t size, const std::string &dim, const std::string &rank);
  std::string nameOf(mlir::Value value, const Twin *twin);
  std::string nameBehind(mlir::Value value);
  static std::string neverTaken(model::Combiner combiner, const std::string &axes);
  std::string axesText(llvm::ArrayRef<Var> digits);
  std::string dimName(mlir::Value value, unsigned dim);

  Proof &proof;
  Algebra &algebra;
  const Mesh &mesh;
  llvm::ArrayRef<Step> whole;
  std::map<mlir::Operation *, llvm::SmallVector<mlir::Operation *>> callers; // of functions, looked up only
  mlir::ModuleOp module;
  std::optional<mlir::SymbolTable> symbols;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<size_t>> stepsOf, wholeSteps;
  llvm::DenseMap<mlir::Location, llvm::SmallVector<size_t>> wholeAt;
  std::map<int64_t, llvm::SmallVector<size_t>> wholeReading; // arguments, by atom
  std::map<size_t, std::optional<Twin>> twins;
  std::map<uint32_t, llvm::SmallBitVector> leaves;
  llvm::DenseMap<mlir::Value, bool> region;
  llvm::SmallVector<mlir::Value> wrongs;
};

} // namespace cleave::prove

#endif
