// What the functions of a module compute, as terms.
//
// A tensor is the term of its element at Dim 0, Dim 1, ... The program before it was distributed is evaluated
// once; then the program of a class of ranks, whose collectives are read as what they mean: an all_reduce is
// a reduction over coordinates, an all_gather reads at other coordinates.
#ifndef CLEAVE_COMPILER_PROVE_EVALUATE_H
#define CLEAVE_COMPILER_PROVE_EVALUATE_H

#include "compiler/prove/Algebra.h"
#include "compiler/prove/Mesh.h"

namespace cleave::prove {

// Ranks of several classes have blocks of different sizes of a dim that is cut unevenly. Here such a dim has
// the largest size for all, and `lengths` says how many elements of it a rank has.
struct Tensor {
  Tensor() = default;
  Tensor(llvm::ArrayRef<int64_t> sizes, Term element) : sizes(sizes.begin(), sizes.end()), element(element) {}
  llvm::SmallVector<int64_t, 4> sizes;
  Term element;
  std::map<unsigned, Index> lengths; // by dim
};
using Tensors = llvm::SmallVector<Tensor>;

// A loop with carries that are no sums, as the whole program has it.
struct Loop {
  mlir::Operation *op = nullptr;
  int64_t count = 0; // a while's bound
  bool reverse = false, isWhile = false;
  int64_t number = 0; // of its atoms
  int64_t depth = 0;  // loops around it
  Var turn;           // its position, in what follows
  Tensors inits, nexts;
  Term condition;                      // of a while
  llvm::SmallVector<Index, 2> context; // variables of loops around it
};

// A value as it was evaluated: for words, once a proof has failed.
struct Step {
  mlir::Value value;
  Tensor tensor;
  std::map<Var, Index> turns;    // of the whole program's loops around it, by those of the rank's
  llvm::SmallVector<Var> around; // turns of the rank's loops
};

// A print or an assertion.
struct Effect {
  mlir::Operation *op = nullptr;
  Tensors operands;
  std::map<Var, Index> turns; // as of a step
  llvm::SmallVector<Var> around;
};

// A value of the rank's program that is not what the whole program has in its place.
struct Mismatch {
  mlir::Operation *op = nullptr;
  std::string what; // which value
  Term expected, found;
  mlir::Value value;
};

// What both evaluations share.
struct Proof {
  explicit Proof(mlir::MLIRContext *context) : context(context) {}
  mlir::MLIRContext *context;
  Algebra algebra;
  std::vector<Loop> loops;
  std::vector<Mismatch> mismatches;
  std::vector<Step> steps; // of a rank's program, up to the first mismatch
  mlir::Operation *unknownOp = nullptr;
  std::string unknown; // what the checker has no rule for
  // The first op of the rank's program that gave a term, or read an atom as its result.
  llvm::DenseMap<uint32_t, mlir::Operation *> origins, atomOrigins;
  llvm::DenseMap<mlir::Attribute, int64_t> constants; // those that are no splats, in order of first use
};

class Evaluator {
public:
  // `loops`: of a rank's program, those of the proof that may be related to its own; none: it is the whole,
  // where the mesh is that of manual regions, and null where there are none.
  Evaluator(Proof &proof, mlir::ModuleOp module, const Mesh *mesh,
            std::optional<std::pair<size_t, size_t>> loops);

  // The results of a function; none where there is something it has no rule for.
  std::optional<Tensors> run(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments);

  // What an op makes of its one operand.
  std::optional<Tensor> apply(mlir::Operation *op, const Tensor &input);

  // Prints and assertions, in order.
  std::vector<Effect> effects;
  // Operands of collectives, in order.
  std::vector<std::pair<mlir::Operation *, Term>> sent;
  // Every value that an op gives or a loop is given, in order.
  std::vector<Step> steps;

private:
  using Values = llvm::DenseMap<mlir::Value, Tensor>;

  bool fail(mlir::Operation *op, const llvm::Twine &what);
  bool runOp(mlir::Operation *op, Values &values);
  using Lengths = std::map<unsigned, Index>;
  void note(mlir::Value value, const Tensor &tensor);
  void define(mlir::Value value, Term element, Values &values, const Lengths &lengths = {});
  // The sizes of a type, but for dims that have a length.
  llvm::SmallVector<int64_t, 4> sizesOf(llvm::ArrayRef<int64_t> shape, const Lengths &lengths);
  void inferLengths(Tensor &tensor);
  Lengths lengthsOf(model::IndexOp op, Values &values);
  Lengths lengthsOf(mlir::ValueRange tensors, llvm::ArrayRef<mlir::AffineMap> maps, Values &values);
  llvm::SmallVector<Index> dimsOf(llvm::ArrayRef<int64_t> sizes);
  Term at(const Tensor &tensor, llvm::ArrayRef<Index> indices);
  Tensors gathered(mlir::ValueRange operands, Values &values);

  // --- Evaluate.cpp ---
  bool runIndex(model::IndexOp op, Values &values);
  bool runGather(model::GatherOp op, Values &values);
  void unmask(model::ScatterOp op, unsigned symbol, Index &position,
              llvm::SmallVectorImpl<Index> &conditions);
  bool runScatter(model::ScatterOp op, Values &values);
  bool runArgsort(model::ArgsortOp op, Values &values);
  bool runIf(model::IfOp op, Values &values);
  bool runCall(model::CallOp op, Values &values);
  bool runConstant(mlir::arith::ConstantOp op, Values &values);

  // --- Scalars.cpp ---
  std::optional<Term> scalar(mlir::Operation *op, llvm::ArrayRef<Term> operands);
  std::optional<Term> integerScalar(mlir::Operation *op, llvm::ArrayRef<Term> operands);
  std::optional<Term> truth(mlir::Operation *op, llvm::ArrayRef<Term> operands);
  std::optional<Term> scalarBody(mlir::Block &block, llvm::ArrayRef<Term> arguments,
                                 llvm::ArrayRef<Index> dims);
  Index lengthLike(Index place, int64_t size);
  Term compare(mlir::arith::CmpIOp op, Term left, Term right);
  Term constantTerm(mlir::Attribute value, mlir::Type type);

  // --- Collectives.cpp ---
  bool runCollective(mlir::Operation *op, Values &values);
  std::optional<Tensor> collective(mlir::Operation *op, const Tensor &input,
                                   llvm::ArrayRef<dist::AxisRefAttr> over);
  std::optional<Index> sourceOf(llvm::ArrayRef<int64_t> sources, llvm::ArrayRef<dist::AxisRefAttr> over);
  Term permute(comm::PermuteOp op, const Tensor &input, llvm::ArrayRef<dist::AxisRefAttr> over);
  Term reduceOver(model::Combiner combiner, llvm::ArrayRef<dist::AxisRefAttr> over, Term element);
  Term fromMember(const Tensor &tensor, llvm::ArrayRef<Index> place, llvm::ArrayRef<dist::AxisRefAttr> over,
                  Index member);
  Tensor slice(const Tensor &input, int64_t dim, int64_t size, llvm::ArrayRef<dist::AxisRefAttr> over,
               bool padded);
  Tensor gather(const Tensor &input, int64_t dim, int64_t size, llvm::ArrayRef<dist::AxisRefAttr> over,
                bool padded);
  Tensor halo(comm::HaloOp op, const Tensor &input);

  // --- Regions.cpp ---
  bool runManual(dist::ManualOp op, Values &values);
  bool runAsked(dist::CollectiveOp op, Values &values);
  void leaveRegion(model::CallOp op, mlir::DictionaryAttr region, Values &values);
  Term sameOnRanks(Term element, llvm::ArrayRef<dist::AxisRefAttr> over, dist::LayoutAttr layout);
  Tensor blockOf(const Tensor &tensor, dist::LayoutAttr layout);
  Tensor joined(const Tensor &block, dist::LayoutAttr layout, llvm::ArrayRef<int64_t> sizes);

  // --- Loops.cpp ---
  struct Carried;
  bool runScan(model::ScanOp op, Values &values);
  bool runWhile(model::WhileOp op, Values &values);
  std::optional<Tensors> turnOf(Carried &loop, llvm::ArrayRef<Tensor> carries);
  // What becomes of carries that stand for themselves in a turn. False: an op without a rule.
  bool tryTurn(Carried &loop, const Tensors &carries);
  void classify(Carried &loop, llvm::ArrayRef<Tensor> nexts);
  bool finish(Carried &loop, llvm::ArrayRef<Tensor> inits, Values &values);
  struct Part;
  std::optional<Part> partOf(const Tensor &from, const Tensor &own, Carried &loop, unsigned carry,
                             bool isLast);
  bool isPart(const Part &part, Term whole, Term own, std::optional<Var> turn, const Carried &loop,
              mlir::Value value, bool isLast);
  bool agrees(Term expected, Term found, const Carried &loop, mlir::Value value, bool isLast);
  bool keepsParts(const Loop &whole, Carried &loop, llvm::MutableArrayRef<Part> parts, bool isLast,
                  bool &retry);
  bool relate(Carried &loop, Tensors &carries, Tensors &finals);
  bool relateTo(const Loop &whole, Carried &loop, Tensors &carries, Tensors &finals, bool isLast);
  void makeLoop(Carried &loop, Tensors &carries, Tensors &finals);
  Tensors selves(Carried &loop);

  Proof &proof;
  Algebra &algebra;
  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  const Mesh *mesh;
  bool isWhole;
  llvm::SmallVector<Var>
      varying; // coordinates that values may depend on: of a rank all, of the whole manual ones
  std::pair<size_t, size_t> known;
  int64_t depth = 0;             // loops that are being looked at
  llvm::SmallVector<Var> around; // their positions
  int64_t unsure = 0;            // those whose carries are not related yet
  std::vector<Term> shown;       // by prints and assertions of turns that are only looked at
  std::map<Var, Index> turns;    // of loops of the whole, by those of the rank
};

} // namespace cleave::prove

#endif
