// Products as calls of the runtime, one tile of C per unit.
//
// Tiles are fixed by the shape, and each takes the whole of k: every element is one sum in one order.
#include "compiler/codegen/common/Product.h"
#include "compiler/codegen/cpu/Emitters.h"
#include "compiler/codegen/cpu/RowPlan.h"
#include "runtime/core/Program.h"
#include "runtime/device/cpu/Product.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

// Below this many multiplications per call generated code is as good and needs no packing.
constexpr int64_t kLibraryFrom = 1 << 15;
// Measured on 2 threads: tiles of 256 x 384 reach 97 % of what the whole product does, from k = 64 up.
constexpr double kBytesPerNanosecond = 30;
constexpr int64_t kPieceBytes = 1 << 10, kStreamTileBytes = 1 << 16, kMostSkinnyColumns = 1 << 13;
constexpr int64_t kTileRows = 256, kTileColumns = 384, kTilesWanted = 8;
constexpr int64_t kThinTiles = 4, kThinColumns = 64, kFewestRows = 32, kVectorColumns = 16;

struct Tiling {
  int64_t rows, columns;    // of C per tile
  int64_t acrossM, acrossN; // tiles
};

int64_t bytesOf(Type element) { return element.getIntOrFloatBitWidth() / 8; }

/// Few rows: B is read once, and memory bounds it. Columns that lie apart are streams; neighbouring ones are
/// read in pieces of rows, that must not be short.
int64_t skinnyColumns(const Product &product) {
  int64_t element = bytesOf(product.b.type);
  int64_t least = product.b.transpose ? kStreamTileBytes / (product.k * element) : kPieceBytes / element;
  least = llvm::alignTo(std::max<int64_t>(least, 1), 16);
  return std::min(product.n,
                  std::max<int64_t>(least, llvm::alignTo(llvm::divideCeil(product.n, kTilesWanted), 16)));
}

Tiling tile(const Product &product) {
  int64_t outer = 1;
  for (const Product::OuterDim &dim : product.outer)
    outer *= dim.reduced ? 1 : dim.size;
  Tiling tiling{std::min(product.m, kTileRows), std::min(product.n, kTileColumns), 1, 1};
  auto count = [&] {
    tiling.acrossM = llvm::divideCeil(product.m, tiling.rows);
    tiling.acrossN = llvm::divideCeil(product.n, tiling.columns);
    return outer * tiling.acrossM * tiling.acrossN;
  };
  if (product.m <= rt::kSkinnyRows) {
    tiling.columns = outer >= kTilesWanted ? std::min(product.n, kMostSkinnyColumns) : skinnyColumns(product);
    count();
    return tiling;
  }
  // Even tiles: 384 rows as 2 x 192, not 256 and 128; 1000 columns as 3 x 336, not 384 + 384 + 232.
  tiling.rows =
      std::min(product.m, static_cast<int64_t>(llvm::alignTo(
                              llvm::divideCeil(product.m, llvm::divideCeil(product.m, kTileRows)), 8)));
  int64_t across = llvm::divideCeil(product.n, tiling.columns);
  tiling.columns =
      std::min(product.n, static_cast<int64_t>(llvm::alignTo(llvm::divideCeil(product.n, across), 48)));
  while (count() < kTilesWanted && tiling.rows > 128)
    tiling.rows /= 2;
  while (count() < kTilesWanted && tiling.columns > 192)
    tiling.columns = llvm::alignTo(tiling.columns / 2, 48);
  // A thin product has rows alone to share out.
  while (count() < kThinTiles && tiling.rows > kFewestRows && product.n <= kThinColumns)
    tiling.rows /= 2;
  // As even as tiles of whole vectors can be, so that no core waits for the last: 512 columns as 4 x 128.
  tiling.columns = std::min(product.n, static_cast<int64_t>(llvm::alignTo(
                                           llvm::divideCeil(product.n, tiling.acrossN), kVectorColumns)));
  count();
  return tiling;
}

/// The one generic of a kernel that is nothing but a product into zeros.
linalg::GenericOp onlyProduct(func::FuncOp func) {
  auto generics = func.getOps<linalg::GenericOp>();
  if (!llvm::hasSingleElement(generics))
    return {};
  linalg::GenericOp op = *generics.begin();
  Operation *terminator = func.front().getTerminator();
  if (terminator->getNumOperands() != 1 || terminator->getOperand(0) != op->getResult(0) ||
      op->hasAttr(kExactAttr))
    return {};
  if (!isa<BlockArgument>(op->getOperand(0)) || !isa<BlockArgument>(op->getOperand(1)))
    return {};
  TypedAttr init = splatOf(op.getDpsInits()[0]);
  return init && matchPattern(init, m_AnyZeroFloat()) ? op : linalg::GenericOp();
}

double flopsPerNanosecond(const Product &product) {
  return product.factors.isF64() ? 100 : product.factors.isBF16() ? 400 : 200;
}

/// Of one tile, for each of the calls that add up.
double nanosecondsOf(const Product &product, const Tiling &tiling) {
  double points = static_cast<double>(tiling.columns * product.k);
  double bytes = product.m <= rt::kSkinnyRows ? points * static_cast<double>(bytesOf(product.b.type)) : 0;
  return std::max(2 * points * static_cast<double>(tiling.rows) / flopsPerNanosecond(product),
                  bytes / kBytesPerNanosecond);
}

rt::Type runtimeType(Type element) {
  return element.isF64()    ? rt::Type::F64
         : element.isBF16() ? rt::Type::BF16
         : element.isF16()  ? rt::Type::F16
                            : rt::Type::F32;
}

int64_t typesOf(const Product &product) {
  int64_t word = 0;
  for (auto [number, type] :
       llvm::enumerate(ArrayRef<Type>{product.a.type, product.b.type, product.c.type, product.factors}))
    word |= static_cast<int64_t>(runtimeType(type)) << (4 * number);
  return word;
}

class ProductEmitter : LoopBuilder {
public:
  ProductEmitter(OpBuilder &builder, const Product &product, const Tiling &tiling, LoopFunction &loops)
      : LoopBuilder(builder, loops.function.getLoc()), product(product), tiling(tiling), loops(loops) {}

  void emit() {
    auto units = scf::ForOp::create(builder, loc, loops.begin(), loops.end(), index(1));
    builder.setInsertionPointToStart(units.getBody());
    Value unit = units.getInductionVar();
    Value column = takeDigit(unit, tiling.acrossN), row = takeDigit(unit, tiling.acrossM);
    Value m0 = times(row, tiling.rows), n0 = times(column, tiling.columns);
    Value offsets[3] = {times(m0, product.a.rowStride), times(n0, product.b.columnStride),
                        plus(times(m0, product.c.rowStride), n0)};
    SmallVector<const Product::OuterDim *> reduced;
    for (const Product::OuterDim &dim : llvm::reverse(product.outer)) {
      if (!dim.reduced)
        move(offsets, dim, takeDigit(unit, dim.size));
      else if (dim.size > parts.size)
        parts = dim;
    }
    for (const Product::OuterDim &dim : llvm::reverse(product.outer))
      if (dim.reduced && (dim.strideA != parts.strideA || dim.strideB != parts.strideB))
        reduced.push_back(&dim);
    Value sizes[2] = {rest(m0, tiling.rows, product.m), rest(n0, tiling.columns, product.n)};
    emitCalls(offsets, sizes, reduced, {});
  }

private:
  void move(Value (&offsets)[3], const Product::OuterDim &dim, Value position) {
    const int64_t strides[3] = {dim.strideA, dim.strideB, dim.strideC};
    for (unsigned operand = 0; operand < 3; ++operand)
      offsets[operand] = plus(offsets[operand], times(position, strides[operand]));
  }

  /// How much of a tile lies inside.
  Value rest(Value start, int64_t tileSize, int64_t size) {
    if (size % tileSize == 0)
      return index(tileSize);
    Value left = arith::SubIOp::create(builder, loc, index(size), start);
    return arith::MinSIOp::create(builder, loc, left, index(tileSize));
  }

  /// One call, or, where several dims of k lie apart, a loop of calls that add up.
  void emitCalls(Value (&offsets)[3], Value (&sizes)[2], ArrayRef<const Product::OuterDim *> reduced,
                 Value accumulate) {
    if (!reduced.empty())
      return loop(index(0), index(reduced[0]->size), [&](Value position) {
        Value inner[3] = {offsets[0], offsets[1], offsets[2]};
        move(inner, *reduced[0], position);
        Value any = accumulate ? Value(arith::OrIOp::create(builder, loc, accumulate, position)) : position;
        emitCalls(inner, sizes, reduced.drop_front(), any);
      });
    unsigned result = loops.function.getNumArguments() - 3;
    const unsigned arguments[3] = {product.a.operand, product.b.operand, result};
    const Type types[3] = {product.a.type, product.b.type, product.c.type};
    Value pointers[3];
    for (unsigned operand = 0; operand < 3; ++operand)
      pointers[operand] =
          address(loops.function.getArgument(arguments[operand]), offsets[operand], bytesOf(types[operand]));
    int64_t transpose = (product.a.transpose ? 1 : 0) | (product.b.transpose ? 2 : 0);
    call(loops.function, "cleave_rt_product",
         {word(typesOf(product)), word(transpose), word(sizes[0]), word(sizes[1]), word(product.k),
          pointers[0], word(product.a.leading), pointers[1], word(product.b.leading), pointers[2],
          word(product.c.leading), accumulate ? word(accumulate) : word(int64_t{0}), word(parts.size),
          word(parts.strideA), word(parts.strideB)});
  }

  const Product &product;
  const Tiling &tiling;
  LoopFunction &loops;
  Product::OuterDim parts; // of k that lie apart and are added up within a call
};

} // namespace

std::optional<LogicalResult> emitProduct(func::FuncOp func) {
  linalg::GenericOp op = onlyProduct(func);
  std::optional<Product> product = op ? matchProduct(op) : std::nullopt;
  if (!product || product->m * product->n * product->k < kLibraryFrom)
    return std::nullopt;
  // Calls that add up would round C each time.
  int64_t apart = llvm::count_if(product->outer, [](const Product::OuterDim &dim) { return dim.reduced; });
  if (apart > 1 && product->c.type.isBF16())
    return std::nullopt;
  // The arguments of the function are those of the product, in whatever order it names them.
  product->a.operand = cast<BlockArgument>(op->getOperand(product->a.operand)).getArgNumber();
  product->b.operand = cast<BlockArgument>(op->getOperand(product->b.operand)).getArgNumber();
  Tiling tiling = tile(*product);
  int64_t units = tiling.acrossM * tiling.acrossN;
  for (const Product::OuterDim &dim : product->outer)
    units *= dim.reduced ? 1 : dim.size;
  LoopFunction loops(func);
  OpBuilder builder(loops.function.front().getTerminator());
  ProductEmitter(builder, *product, tiling, loops).emit();
  double nanoseconds = nanosecondsOf(*product, tiling);
  for (const Product::OuterDim &dim : product->outer)
    nanoseconds *= dim.reduced ? static_cast<double>(dim.size) : 1;
  loops.finish(units, chooseGrain(units, nanoseconds));
  return success();
}

} // namespace cleave::codegen
