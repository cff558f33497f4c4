#include "compiler/codegen/cpu/RowPlan.h"

#include "compiler/codegen/common/Contraction.h"
#include "compiler/codegen/common/Kernel.h"

#include "dialects/model/ir/Model.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

// Costs in cycles, of a vector or of a scalar alike. Rough: they only rank the alternatives and size the
// tasks.
constexpr double kAccess = 1, kUniformAccess = 0.25, kGather = 20, kOperation = 1, kMath = 12, kRandom = 60;
constexpr double kUniformIndex = 0.1; // what all lanes share is shared by tiles too, or leaves the loops
constexpr double kScalarMath = 30, kNanosecondsPerCycle = 0.3;
constexpr double kTaskNanoseconds = 30e3, kShortTaskNanoseconds = 3e3;
constexpr int64_t kUnitsWanted = 8;         // so that a few threads find work of equal length
constexpr int64_t kTileRegisters = 12;      // accumulators of a register tile
constexpr int64_t kInnerTileRegisters = 24; // accumulators where a tile loads little beside them
constexpr double kJamFrom = 8;              // terms of a sum that is worth a tile
constexpr int64_t kShortRowVectors = 8;     // vectors of a unit of short rows
constexpr int64_t kWholeDim = 8192; // a last row dim up to this is one block, where nothing speaks against it

struct Cost {
  double scalar = 0; // per point, without vectors
  double vector = 0; // per vector of points
};

/// Adds the cost of one access whose address moves by `stride` from lane to lane, nothing if irregularly.
void addAccess(Cost &cost, std::optional<int64_t> stride) {
  cost.scalar += kAccess;
  cost.vector += !stride ? kGather : *stride == 0 ? kUniformAccess : *stride == 1 ? kAccess : kGather;
}

bool isTranscendental(Operation &op) {
  return isa<math::ExpOp, math::Exp2Op, math::ExpM1Op, math::LogOp, math::Log1pOp, math::TanhOp, math::ErfOp,
             math::SinOp, math::CosOp, math::PowFOp>(op);
}

std::optional<int64_t> extractStride(tensor::ExtractOp extract, std::optional<unsigned> loopDim) {
  if (!loopDim)
    return 0;
  SmallVector<int64_t> strides = rowMajorStrides(extract.getTensor().getType().getShape());
  int64_t stride = 0;
  for (auto [axis, index] : llvm::enumerate(extract.getIndices())) {
    std::optional<int64_t> coefficient = coefficientOf(index, *loopDim);
    if (!coefficient)
      return std::nullopt;
    stride += *coefficient * strides[axis];
  }
  return stride;
}

/// Whether an operation computes a position, or a condition on one, that is the same for all lanes.
bool isUniformIndex(Operation &op, std::optional<unsigned> loopDim) {
  bool position = op.getResult(0).getType().isIndex() || op.getResult(0).getType().isInteger(1);
  return position && (!loopDim || coefficientOf(op.getResult(0), *loopDim) == 0);
}

/// Cost of one point of a stage with lanes along `loopDim` (nothing: every lane does the same).
Cost stageCost(const Stage &stage, std::optional<unsigned> loopDim,
               llvm::function_ref<bool(Value)> inRegister) {
  Cost cost;
  linalg::GenericOp op = stage.op;
  for (OpOperand &operand : op->getOpOperands()) {
    Value tensor = op.isDpsInit(&operand) ? Value(op.getTiedOpResult(&operand)) : operand.get();
    bool reducesInto = op.isDpsInit(&operand) && stage.reducesAny();
    bool unused = !op.isDpsInit(&operand) && op.getMatchingBlockArgument(&operand).use_empty();
    if (unused || inRegister(tensor) || splatOf(tensor) || reducesInto)
      continue;
    auto type = cast<RankedTensorType>(tensor.getType());
    SmallVector<int64_t> strides =
        stage.loopStrides(operand.getOperandNumber(), rowMajorStrides(type.getShape()));
    addAccess(cost, loopDim ? std::optional<int64_t>(strides[*loopDim]) : 0);
  }
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (auto extract = dyn_cast<tensor::ExtractOp>(inner)) {
      addAccess(cost, extractStride(extract, loopDim));
      continue;
    }
    if (isa<linalg::IndexOp, arith::ConstantOp>(inner))
      continue;
    if (isUniformIndex(inner, loopDim)) {
      cost.scalar += kUniformIndex;
      cost.vector += kUniformIndex;
      continue;
    }
    bool random = isa<model::RandomBitsOp>(inner);
    cost.vector += random ? kRandom : isTranscendental(inner) ? kMath : kOperation;
    cost.scalar += random ? kRandom : isTranscendental(inner) ? kScalarMath : kOperation;
  }
  return cost;
}

class Planner {
public:
  Planner(const Kernel &kernel, ArrayRef<Group> groups) : kernel(kernel), groups(groups) {}

  RowPlan run() {
    RowPlan plan;
    double rowCycles = 0; // per row, vectors along inner dims
    for (const Group &group : groups) {
      auto [dim, cycles] = bestInnerDim(group);
      rowCycles += cycles;
      plan.vectorDim.push_back(dim);
      plan.groupUnroll.push_back(unrollOf(group, dim < 0 ? 1 : group.sizes[dim]));
      plan.groupLanes.push_back(lanesFor(dim < 0 ? kLanes : group.sizes[dim]));
    }
    double laneCycles = kernel.rowSizes.empty() ? INFINITY : rowLaneCycles();
    bool tiled = isTiled(kernel);
    plan.vectorRows = tiled || laneCycles < rowCycles;
    if (tiled)
      cutIntoTiles(plan);
    else if (plan.vectorRows)
      cutLastRowDim(plan, laneCycles);
    else
      plan.unitCount = kernel.rows();
    double unit = plan.vectorRows ? laneCycles * plan.block * plan.jammed() : rowCycles;
    plan.grain = chooseGrain(plan.unitCount, unit * kNanosecondsPerCycle);
    return plan;
  }

private:
  /// Whether only members of `group` use the tensor, so that it is never stored.
  bool staysInGroup(Value tensor, const Group &group) const {
    return kernel.producer(tensor) && llvm::all_of(tensor.getUsers(), [&](Operation *user) {
             return llvm::any_of(group.members, [&](const Member &m) { return m.stage->op == user; });
           });
  }

  static double points(const Group &group) {
    double product = 1;
    for (int64_t size : group.sizes)
      product *= size;
    return product;
  }

  /// Cycles of a group for one row, with lanes along its inner dim `dim` or, for -1, without vectors.
  double innerCycles(const Group &group, int dim) const {
    Cost cost;
    for (const Member &member : group.members) {
      std::optional<unsigned> loopDim;
      for (auto [inner, groupDim] : llvm::enumerate(member.groupDim))
        if (static_cast<int>(groupDim) == dim)
          loopDim = member.stage->inner[inner];
      Cost part = stageCost(*member.stage, loopDim, [&](Value v) { return staysInGroup(v, group); });
      cost.scalar += part.scalar;
      cost.vector += part.vector;
    }
    if (dim < 0)
      return points(group) * cost.scalar;
    return points(group) / group.sizes[dim] * llvm::divideCeil(group.sizes[dim], kLanes) * cost.vector;
  }

  std::pair<int, double> bestInnerDim(const Group &group) const {
    std::pair<int, double> best{-1, innerCycles(group, -1)};
    for (unsigned dim = 0; dim < group.sizes.size(); ++dim)
      if (double cycles = innerCycles(group, dim); cycles < best.second)
        best = {static_cast<int>(dim), cycles};
    return best;
  }

  /// Cycles per row when each lane is a row of the last row dim.
  double rowLaneCycles() const {
    int64_t size = kernel.rowSizes.back();
    double cycles = 0;
    for (const Group &group : groups)
      for (const Member &member : group.members) {
        std::optional<unsigned> loopDim;
        for (auto [position, dim] : llvm::enumerate(member.stage->dims))
          if (dim.kind == LoopDim::Row && dim.index + 1 == kernel.rowSizes.size())
            loopDim = position;
        Cost cost = stageCost(*member.stage, loopDim, [&](Value v) { return staysInGroup(v, group); });
        cycles += points(group) * cost.vector;
      }
    return cycles * llvm::divideCeil(size, kLanes) / size;
  }

  /// Vectors side by side: several accumulators hide the latency of a reduction; element-wise code has enough
  /// independent work in one or two.
  int64_t unrollOf(const Group &group, int64_t size) const {
    int64_t outputs = 0, heavy = 0;
    for (const Member &member : group.members) {
      outputs += member.stage->reducesAny();
      for (Operation &op : linalg::GenericOp(member.stage->op).getBody()->without_terminator())
        heavy += isTranscendental(op) || isa<model::RandomBitsOp>(op);
    }
    int64_t wanted = heavy > 1 ? 1 : outputs == 0 ? 2 : std::max<int64_t>(1, 8 / outputs);
    if (heavy)
      wanted = std::min<int64_t>(wanted, 2);
    while (wanted > 1 && wanted * kLanes > size)
      wanted /= 2;
    return wanted;
  }

  /// A short dim is one vector of its size: a store of half a vector holds up the load of what lies behind
  /// it.
  static int64_t lanesFor(int64_t size) {
    int64_t lanes = kLanes;
    while (lanes > kFewestLanes && size <= lanes / 2)
      lanes /= 2;
    return lanes;
  }

  void cutLastRowDim(RowPlan &plan, double laneCycles) const {
    int64_t size = kernel.rowSizes.back();
    plan.jam.assign(kernel.rowSizes.size(), 1);
    plan.lanes = lanesFor(size);
    plan.unroll = kLanes;
    for (const Group &group : groups)
      plan.unroll = std::min(plan.unroll, unrollOf(group, size));
    auto unitCycles = [&] { return laneCycles * plan.unroll * plan.lanes; };
    auto unitCount = [&] { return kernel.rows() / size * llvm::divideCeil(size, plan.unroll * plan.lanes); };
    while (plan.unroll > 2 && unitCount() < kUnitsWanted &&
           unitCycles() * kNanosecondsPerCycle > kTaskNanoseconds / 4)
      plan.unroll /= 2;
    jamOuterDims(plan);
    int64_t step = plan.unroll * plan.lanes;
    // Blocks large enough to be worth a task, yet small enough that a short dim feeds several threads.
    double wanted =
        kTaskNanoseconds / (laneCycles * kNanosecondsPerCycle * static_cast<double>(plan.jammed()));
    if (kernel.rowSizes.size() == 1) // the only dim there is to cut
      wanted = std::min(wanted, std::max(static_cast<double>(size) / kUnitsWanted, wanted / 4));
    int64_t block = std::max<int64_t>(step, static_cast<int64_t>(wanted) / step * step);
    if (size <= kWholeDim && (size <= block || kernel.rowSizes.size() > 1))
      block = size;
    plan.block = std::min({block, size, std::max(step, kWholeDim)});
    plan.unitCount = kernel.rows() / size / plan.jammed() * llvm::divideCeil(size, plan.block);
  }

  /// The largest divisor that fits the registers, so that bounds can be rounded to tiles; some size where
  /// that is small.
  static int64_t tileOf(int64_t size, int64_t most) {
    for (int64_t tile = std::min(most, size); tile >= 4; --tile)
      if (size % tile == 0)
        return tile;
    return std::min<int64_t>(size, 8);
  }

  /// Kernels that hold contractions: a unit is two vectors of rows, whose values stay in cache.
  void cutIntoTiles(RowPlan &plan) const {
    int64_t size = kernel.rowSizes.back();
    int64_t registersPerVector = llvm::divideCeil(accumulatorBits(), 32u);
    plan.jam.assign(kernel.rowSizes.size(), 1);
    plan.unroll = std::max<int64_t>(1, 2 / registersPerVector);
    plan.block = std::min(size, plan.unroll * plan.lanes);
    plan.unitCount = kernel.rows() / size * llvm::divideCeil(size, plan.block);
    int64_t most = kInnerTileRegisters / (plan.unroll * registersPerVector);
    for (const Group &group : groups) {
      auto contraction = matchContraction(kernel, *group.members.front().stage);
      plan.tileDim.push_back(contraction ? static_cast<int>(contraction->dim) : -1);
      plan.tileSize.push_back(contraction ? tileOf(group.sizes[contraction->dim], most) : 1);
    }
  }

  /// Bits of the widest value that is summed.
  unsigned accumulatorBits() const {
    unsigned bits = 0;
    for (const Stage &stage : kernel.stages)
      for (Type type : linalg::GenericOp(stage.op)->getResultTypes())
        bits = std::max(bits, std::max(32u, getElementTypeOrSelf(type).getIntOrFloatBitWidth()));
    return bits;
  }

  /// Short rows of lanes share the arithmetic of a unit where nothing is reduced.
  void jamShortRows(RowPlan &plan) const {
    bool plain = llvm::all_of(kernel.stages, [](const Stage &stage) { return stage.inner.empty(); });
    int64_t vectors = llvm::divideCeil(kernel.rowSizes.back(), plan.lanes);
    int64_t heavy = 1;
    for (const Stage &stage : kernel.stages)
      for (Operation &op : linalg::GenericOp(stage.op).getBody()->without_terminator())
        heavy += isTranscendental(op) || isa<model::RandomBitsOp>(op);
    if (plain)
      jamUpTo(plan, kShortRowVectors / (vectors * heavy));
  }

  /// Whole dims from the last but one outwards, and a divisor of the one that no longer fits.
  void jamUpTo(RowPlan &plan, int64_t most) const {
    for (int64_t dim = static_cast<int64_t>(kernel.rowSizes.size()) - 2; dim >= 0; --dim) {
      int64_t size = kernel.rowSizes[dim], taken = std::min(most, size);
      while (taken > 1 && size % taken)
        --taken;
      if (taken <= 1)
        return;
      plan.jam[dim] = taken;
      most /= taken;
      if (taken < size)
        return;
    }
  }

  /// Register tiles for sums of many terms: a row of the tile shares what does not depend on the outer dims
  /// (the weights of a convolution) with the others. Only where nothing goes through a row buffer.
  void jamOuterDims(RowPlan &plan) const {
    bool sums = kernel.rowSizes.size() >= 2;
    double terms = 1;
    for (const Group &group : groups) {
      sums &= !llvm::is_contained(group.reduced, false);
      terms = std::max(terms, points(group));
    }
    for (const Stage &stage : kernel.stages)
      sums &= stage.inner.empty() || stage.reducesAny();
    if (!sums || terms < kJamFrom)
      return jamShortRows(plan);
    int64_t registersPerLaneVector = llvm::divideCeil(accumulatorBits(), 32u);
    plan.unroll = std::min<int64_t>(plan.unroll, registersPerLaneVector > 1 ? 1 : 2);
    int64_t most = kTileRegisters / (plan.unroll * registersPerLaneVector);
    jamUpTo(plan, most);
  }

  const Kernel &kernel;
  ArrayRef<Group> groups;
};

} // namespace

int64_t chooseGrain(int64_t units, double unitNanoseconds) {
  double total = static_cast<double>(units) * unitNanoseconds, tasks = total / kTaskNanoseconds;
  if (tasks < kUnitsWanted)
    tasks = std::min<double>(kUnitsWanted, total / kShortTaskNanoseconds);
  if (tasks <= 1)
    return units;
  return std::clamp<int64_t>(static_cast<int64_t>(static_cast<double>(units) / tasks), 1, units);
}

RowPlan planRows(const Kernel &kernel, ArrayRef<Group> groups) { return Planner(kernel, groups).run(); }

} // namespace cleave::codegen
