// Sums of products over windows as calls of the runtime, which multiplies strided memory as it lies.
#include "compiler/codegen/common/StridedProduct.h"
#include "compiler/codegen/cpu/Emitters.h"
#include "compiler/codegen/cpu/RowPlan.h"
#include "runtime/device/cpu/StridedProduct.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

// Below, generated loops are as good: they keep small weights in registers.
constexpr int64_t kFewestColumns = 32, kFewestTerms = 16, kFewestMultiplications = 1 << 20;
constexpr double kFlopsPerNanosecond = 220, kPackedBytesPerNanosecond = 20;
constexpr double kWorkPerPacking = 16; // a task multiplies so much longer than it packs B
constexpr int64_t kTasks = 16;         // at least, where the units allow

/// The one generic of a kernel that is nothing but a sum into zeros.
linalg::GenericOp onlySum(func::FuncOp func) {
  auto generics = func.getOps<linalg::GenericOp>();
  if (!llvm::hasSingleElement(generics))
    return {};
  linalg::GenericOp op = *generics.begin();
  Operation *terminator = func.front().getTerminator();
  if (terminator->getNumOperands() != 1 || terminator->getOperand(0) != op->getResult(0) ||
      op->hasAttr(kExactAttr))
    return {};
  TypedAttr init = splatOf(op.getDpsInits()[0]);
  return init && matchPattern(init, m_AnyZeroFloat()) ? op : linalg::GenericOp();
}

bool pays(const StridedProduct &product) {
  return product.column.size >= kFewestColumns &&
         product.term.size * product.segmentCount() >= kFewestTerms &&
         product.multiplications() * product.unitCount() >= kFewestMultiplications &&
         product.units.size() <= rt::StridedProduct::kMostUnitDims &&
         product.segments.size() <= rt::StridedProduct::kMostSegmentDims;
}

int64_t grainOf(const StridedProduct &product) {
  int64_t units = product.unitCount();
  double unit = 2.0 * static_cast<double>(product.multiplications()) / kFlopsPerNanosecond;
  double packing = 4.0 *
                   static_cast<double>(product.column.size * product.term.size * product.segmentCount()) /
                   kPackedBytesPerNanosecond;
  auto grain = static_cast<int64_t>(kWorkPerPacking * packing / unit);
  return std::max(chooseGrain(units, unit), std::min<int64_t>(grain, llvm::divideCeil(units, kTasks)));
}

/// As `cleave_rt_strided_product` reads it.
SmallVector<int64_t> describe(const StridedProduct &product) {
  SmallVector<int64_t> words = {product.row.size,
                                product.row.a,
                                product.row.c,
                                product.column.size,
                                product.term.size,
                                product.term.a,
                                product.term.b,
                                static_cast<int64_t>(product.units.size()),
                                static_cast<int64_t>(product.segments.size())};
  for (const StridedProduct::Dim &dim : product.units)
    words.append({dim.size, dim.a, dim.b, dim.c});
  for (const StridedProduct::Dim &dim : product.segments)
    words.append({dim.size, dim.a, dim.b});
  return words;
}

class StridedProductEmitter : LoopBuilder {
public:
  StridedProductEmitter(OpBuilder &builder, LoopFunction &loops)
      : LoopBuilder(builder, loops.function.getLoc()), loops(loops) {}

  void emit(const StridedProduct &product) {
    SmallVector<int64_t> words = describe(product);
    auto type = MemRefType::get({static_cast<int64_t>(words.size())}, builder.getI64Type());
    Value description = memref::AllocaOp::create(builder, loc, type);
    for (auto [i, value] : llvm::enumerate(words))
      memref::StoreOp::create(builder, loc, word(value), description, index(i));
    auto start = [&](unsigned argument, int64_t offset) {
      return address(loops.function.getArgument(argument), index(offset), sizeof(float));
    };
    unsigned result = loops.function.getNumArguments() - 3;
    call(loops.function, "cleave_rt_strided_product",
         {address(description, index(0), 8), start(product.a.argument, product.a.offset),
          start(product.b.argument, product.b.offset), start(result, 0), word(loops.begin()),
          word(loops.end())});
  }

private:
  LoopFunction &loops;
};

} // namespace

std::optional<LogicalResult> emitStridedProduct(func::FuncOp func) {
  linalg::GenericOp op = onlySum(func);
  std::optional<StridedProduct> product = op ? matchStridedProduct(op) : std::nullopt;
  if (!product || !pays(*product))
    return std::nullopt;
  LoopFunction loops(func);
  OpBuilder builder(loops.function.front().getTerminator());
  StridedProductEmitter(builder, loops).emit(*product);
  loops.finish(product->unitCount(), grainOf(*product));
  return success();
}

} // namespace cleave::codegen
