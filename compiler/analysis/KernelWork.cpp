#include "compiler/analysis/KernelWork.h"

#include "compiler/analysis/MemoryReport.h"
#include "dialects/model/ir/Model.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave;

namespace {

constexpr int64_t kPolynomial = 16;
constexpr int64_t kPower = 40;

int64_t bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * ((tensor.getElementTypeBitWidth() + 7) / 8);
}

int64_t flopsOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::RemFOp, arith::NegFOp,
            arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp, math::SqrtOp,
            math::RsqrtOp>([](auto) { return 1; })
      .Case<math::FmaOp>([](auto) { return 2; })
      .Case<math::ExpOp, math::ExpM1Op, math::LogOp, math::Log1pOp, math::TanhOp, math::ErfOp, math::SinOp,
            math::CosOp>([](auto) { return kPolynomial; })
      .Case<math::PowFOp>([](auto) { return kPower; })
      .Default([](Operation *) { return 0; });
}

// Counts one generic: each operation of its body as often as the loops it depends on turn.
class GenericWork {
public:
  explicit GenericWork(linalg::GenericOp op) : op(op), ranges(op.getStaticLoopRanges()) {
    for (auto [argument, map] : llvm::zip(op.getBody()->getArguments(), op.getIndexingMapsArray())) {
      llvm::SmallBitVector &dims = dimsOf[argument];
      dims.resize(ranges.size());
      for (unsigned dim = 0; dim < ranges.size(); ++dim)
        dims[dim] = map.isFunctionOfDim(dim);
    }
    for (BlockArgument sum : op.getRegionOutputArgs()) // changes from turn to turn
      dimsOf[sum].set();
  }

  // `read` is told how many elements of a tensor each read reaches at most.
  int64_t count(llvm::function_ref<void(Value, int64_t)> read) {
    for (OpOperand *input : op.getDpsInputOperands())
      if (op.payloadUsesValueFromOperand(input))
        read(input->get(), cast<RankedTensorType>(input->get().getType()).getNumElements());
    int64_t flops = 0;
    for (Operation &inner : op.getBody()->without_terminator()) {
      int64_t turns = turnsOf(&inner);
      if (auto extract = dyn_cast<tensor::ExtractOp>(inner))
        read(extract.getTensor(), turns);
      flops += turns * flopsOf(&inner);
    }
    return flops;
  }

private:
  int64_t turnsOf(Operation *inner) {
    llvm::SmallBitVector dims(ranges.size());
    for (Value operand : inner->getOperands())
      if (auto found = dimsOf.find(operand); found != dimsOf.end())
        dims |= found->second;
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      dims.set(index.getDim());
    for (Value result : inner->getResults())
      dimsOf[result] = dims;
    int64_t turns = 1;
    for (unsigned dim : dims.set_bits())
      turns *= ranges[dim];
    return turns;
  }

  linalg::GenericOp op;
  SmallVector<int64_t> ranges;
  llvm::DenseMap<Value, llvm::SmallBitVector> dimsOf;
};

// The value behind casts between floating-point types.
Value beforeCasts(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::ExtFOp, arith::TruncFOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

} // namespace

SmallVector<Operation *> analysis::partsOf(func::FuncOp kernel) {
  SmallVector<Operation *> parts;
  if (!kernel.isExternal())
    kernel.walk([&](Operation *op) {
      if (isa<linalg::GenericOp, model::ScatterOp, model::ArgsortOp>(op))
        parts.push_back(op);
    });
  return parts;
}

static int64_t flopsOfWhole(Operation *op) {
  auto scatter = dyn_cast<model::ScatterOp>(op);
  if (!scatter || scatter.getCombiner() == model::Combiner::None)
    return 0;
  auto updates = cast<RankedTensorType>(scatter.getUpdates().getType());
  return isa<FloatType>(updates.getElementType()) ? updates.getNumElements() : 0;
}

std::vector<rt::Work> analysis::workOf(func::FuncOp kernel) {
  SmallVector<Operation *> parts = partsOf(kernel);
  std::vector<rt::Work> works;
  llvm::DenseMap<Value, std::pair<unsigned, int64_t>> reads; // argument: first reader, elements reached
  for (auto [number, part] : llvm::enumerate(parts)) {
    auto read = [&, reader = static_cast<unsigned>(number)](Value tensor, int64_t elements) {
      if (isa<BlockArgument>(tensor))
        reads.try_emplace(tensor, reader, 0).first->second.second += elements;
    };
    rt::Work &work = works.emplace_back();
    if (auto generic = dyn_cast<linalg::GenericOp>(part)) {
      work.flops = GenericWork(generic).count(read);
      continue;
    }
    work.flops = flopsOfWhole(part);
    for (Value operand : part->getOperands())
      read(operand, cast<RankedTensorType>(operand.getType()).getNumElements());
  }
  for (auto [argument, reader] : reads) {
    auto type = cast<RankedTensorType>(argument.getType());
    int64_t elements = std::min(reader.second, type.getNumElements());
    works[reader.first].bytes += elements * ((type.getElementTypeBitWidth() + 7) / 8);
  }
  if (parts.empty())
    return works;
  llvm::SmallDenseMap<Operation *, unsigned> numbers;
  for (auto [number, part] : llvm::enumerate(parts))
    numbers[part] = number;
  for (Value result : kernel.getBody().front().getTerminator()->getOperands()) {
    auto maker = numbers.find(result.getDefiningOp());
    works[maker == numbers.end() ? parts.size() - 1 : maker->second].bytes += bytesOf(result.getType());
  }
  return works;
}

rt::Type analysis::arithmeticOf(func::FuncOp kernel) {
  rt::Type found = rt::Type::F32;
  for (Operation *part : partsOf(kernel)) {
    auto generic = dyn_cast<linalg::GenericOp>(part);
    if (!generic)
      continue;
    for (Type type : part->getResultTypes())
      if (getElementTypeOrSelf(type).isF64())
        found = rt::Type::F64;
    Operation *end = generic.getBody()->getTerminator();
    Operation *last = beforeCasts(end->getOperand(0)).getDefiningOp();
    if (generic.getNumReductionLoops() == 0 || !isa_and_nonnull<arith::AddFOp>(last))
      continue;
    for (Value term : last->getOperands())
      if (auto product = beforeCasts(term).getDefiningOp<arith::MulFOp>()) {
        Type factor = beforeCasts(product.getLhs()).getType();
        if (factor == beforeCasts(product.getRhs()).getType() && factor.isBF16())
          return rt::Type::BF16;
      }
  }
  return found;
}

Location analysis::locationOfParts(func::FuncOp kernel) {
  MLIRContext *context = kernel.getContext();
  SmallVector<Location> locations;
  SmallVector<Attribute> lines;
  for (Operation *part : partsOf(kernel)) {
    locations.push_back(part->getLoc());
    lines.push_back(StringAttr::get(context, sourceOf(part->getLoc())));
  }
  if (locations.empty())
    return kernel.getLoc();
  return FusedLoc::get(locations, ArrayAttr::get(context, lines), context);
}

std::vector<std::string> analysis::linesOfParts(Location loc) {
  std::vector<std::string> lines;
  auto fused = dyn_cast<FusedLoc>(loc);
  auto texts = fused ? dyn_cast_or_null<ArrayAttr>(fused.getMetadata()) : ArrayAttr();
  if (texts)
    for (auto text : texts.getAsRange<StringAttr>())
      lines.push_back(text.getValue().str());
  return lines;
}
