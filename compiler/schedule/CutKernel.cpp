#include "compiler/schedule/CutKernel.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::schedule;

static constexpr int64_t kNone = -1, kUnknown = -2;

// The dim of an operand that runs with a loop dim: kNone where there is none, kUnknown where it is no dim of
// its own.
static int64_t dimWith(AffineMap map, int64_t loop) {
  int64_t found = kNone;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfDim(loop))
      continue;
    if (found != kNone || !isa<AffineDimExpr>(expr))
      return kUnknown;
    found = static_cast<int64_t>(i);
  }
  return found;
}

namespace {

// Which tensors of a kernel are cut: all of them along their first dim, or not at all.
class Cutter {
public:
  explicit Cutter(func::FuncOp kernel) : kernel(kernel) {}

  std::optional<RowCut> run() {
    auto rows = kernel->getAttrOfType<DenseI64ArrayAttr>(pipe::kRowsAttr);
    if (!rows || rows.empty() || kernel.isExternal())
      return std::nullopt;
    for (Operation &op : kernel.getBody().front())
      if (!visit(&op))
        return std::nullopt;
    RowCut cut;
    cut.rows = rows[0];
    for (Value value : kernel.getBody().front().getTerminator()->getOperands())
      if (!isCut.lookup(value))
        return std::nullopt;
    for (BlockArgument argument : kernel.getArguments())
      cut.arguments.push_back(isCut.lookup(argument));
    return cut;
  }

private:
  // A value is cut for all its readers or for none.
  bool mark(Value value, int64_t dim) {
    if (dim == kUnknown || dim > 0)
      return false;
    auto [known, isNew] = isCut.try_emplace(value, dim == 0);
    if (!isNew && known->second != (dim == 0))
      return false;
    // What is made empty or filled has the size of who writes it.
    if (auto fill = value.getDefiningOp<linalg::FillOp>())
      return mark(fill.getDpsInits()[0], dim);
    return true;
  }

  bool visit(Operation *op) {
    if (isa<tensor::EmptyOp, linalg::FillOp, arith::ConstantOp, func::ReturnOp>(op))
      return true;
    auto generic = dyn_cast<linalg::GenericOp>(op);
    auto rows = op->getAttrOfType<DenseI64ArrayAttr>(pipe::kRowsAttr);
    if (!generic || !rows || rows.empty() || generic->getNumResults() != 1)
      return false;
    int64_t loop = rows[0];
    bool asks = false;
    generic.getRegion().walk([&](Operation *inner) {
      auto index = dyn_cast<linalg::IndexOp>(inner);
      asks |= (index && static_cast<int64_t>(index.getDim()) == loop) || isa<tensor::ExtractOp>(inner);
    });
    if (asks)
      return false;
    for (OpOperand &operand : generic->getOpOperands())
      if (!mark(operand.get(), dimWith(generic.getMatchingIndexingMap(&operand), loop)))
        return false;
    return mark(generic.getResult(0),
                dimWith(generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)), loop));
  }

  func::FuncOp kernel;
  llvm::DenseMap<Value, bool> isCut;

  friend func::FuncOp cleave::schedule::cutKernel(func::FuncOp, const RowCut &, int64_t, SymbolTable &);
};

} // namespace

std::optional<RowCut> cleave::schedule::rowCutOf(func::FuncOp kernel) { return Cutter(kernel).run(); }

static Type cutType(Type type, int64_t parts) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> sizes(tensor.getShape());
  sizes[0] /= parts;
  return tensor.clone(sizes);
}

func::FuncOp cleave::schedule::cutKernel(func::FuncOp kernel, const RowCut &cut, int64_t parts,
                                         SymbolTable &symbols) {
  std::string name = (kernel.getName() + "_part_" + Twine(parts)).str();
  if (auto known = symbols.lookup<func::FuncOp>(name))
    return known;
  auto made = cast<func::FuncOp>(kernel->clone());
  made.setName(name);
  Cutter cutter(made);
  cutter.run();
  for (auto &[value, isCut] : cutter.isCut)
    if (isCut)
      value.setType(cutType(value.getType(), parts));
  Block &block = made.getBody().front();
  made.setFunctionType(FunctionType::get(made.getContext(), block.getArgumentTypes(),
                                         block.getTerminator()->getOperandTypes()));
  SmallVector<int64_t> rows(made->getAttrOfType<DenseI64ArrayAttr>(pipe::kRowsAttr).asArrayRef());
  rows[0] = cut.rows / parts;
  made->setAttr(pipe::kRowsAttr, DenseI64ArrayAttr::get(made.getContext(), rows));
  symbols.insert(made, std::next(kernel->getIterator()));
  return made;
}
