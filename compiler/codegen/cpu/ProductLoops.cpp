// Products as calls of the runtime, one tile of C per unit.
//
// Tiles are fixed by the shape, and each takes the whole of k: every element is one sum in one order. What a
// kernel computes at each point of the product is done to a tile while it is in the cache.
#include "compiler/codegen/common/Product.h"
#include "compiler/codegen/cpu/Emitters.h"
#include "compiler/codegen/cpu/RowEmitter.h"
#include "compiler/codegen/cpu/RowPlan.h"
#include "runtime/core/Program.h"
#include "runtime/device/cpu/Product.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
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

bool isReduction(linalg::GenericOp op) { return op.getNumReductionLoops() > 0; }

/// Computed at each point of the kernel's rows.
bool isPointwise(linalg::GenericOp op) {
  auto rows = op->getAttrOfType<DenseI64ArrayAttr>(kRowsAttr);
  auto isExtract = [](Operation *user) { return isa<tensor::ExtractOp>(user); };
  return !isReduction(op) && rows && rows.size() == static_cast<int64_t>(op.getNumLoops()) &&
         llvm::none_of(op->getUsers(), isExtract);
}

/// The one product into zeros of a kernel, all else of which is computed at its points.
linalg::GenericOp productOf(func::FuncOp func) {
  linalg::GenericOp product;
  for (auto op : func.getOps<linalg::GenericOp>()) {
    if (isReduction(op) && !product)
      product = op;
    else if (!isPointwise(op))
      return {};
  }
  if (!product || product->hasAttr(kExactAttr) || !isa<BlockArgument>(product->getOperand(0)) ||
      !isa<BlockArgument>(product->getOperand(1)))
    return {};
  TypedAttr init = splatOf(product.getDpsInits()[0]);
  return init && matchPattern(init, m_AnyZeroFloat()) ? product : linalg::GenericOp();
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
  const Type types[] = {product.a.type, product.b.type, product.c.type, product.factors};
  int64_t word = 0;
  for (auto [number, type] : llvm::enumerate(types))
    word |= static_cast<int64_t>(runtimeType(type)) << (4 * number);
  return word;
}

/// A tile of C while its unit runs.
struct TileOfC {
  Value m0, n0, start; // first row and column of the matrix, and where that lies in C
  Value rows, columns;
};

class ProductEmitter : LoopBuilder {
public:
  /// `out`: where the product goes, all of C or, where `tileOnly`, memory for one tile.
  ProductEmitter(OpBuilder &builder, const Product &product, const Tiling &tiling, LoopFunction &loops,
                 Value out, bool tileOnly)
      : LoopBuilder(builder, loops.function.getLoc()), product(product), tiling(tiling), loops(loops),
        out(out), tileOnly(tileOnly) {}

  void emit(llvm::function_ref<void(const TileOfC &)> epilogue) {
    auto units = scf::ForOp::create(builder, loc, loops.begin(), loops.end(), index(1));
    builder.setInsertionPointToStart(units.getBody());
    Value unit = units.getInductionVar();
    Value column = takeDigit(unit, tiling.acrossN), row = takeDigit(unit, tiling.acrossM);
    Value m0 = times(row, tiling.rows), n0 = times(column, tiling.columns);
    Value offsets[3] = {times(m0, product.a.rowStride), times(n0, product.b.columnStride),
                        times(m0, product.c.rowStride)};
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
    TileOfC tile{m0, n0, offsets[2], rest(m0, tiling.rows, product.m), rest(n0, tiling.columns, product.n)};
    Value sizes[2] = {tile.rows, tile.columns};
    offsets[2] = tileOnly ? index(0) : plus(offsets[2], n0);
    emitCalls(offsets, sizes, reduced, {});
    epilogue(tile);
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
    const Value memory[3] = {loops.function.getArgument(product.a.operand),
                             loops.function.getArgument(product.b.operand), out};
    const Type types[3] = {product.a.type, product.b.type, product.c.type};
    Value pointers[3];
    for (unsigned operand = 0; operand < 3; ++operand)
      pointers[operand] = address(memory[operand], offsets[operand], bytesOf(types[operand]));
    int64_t transpose = (product.a.transpose ? 1 : 0) | (product.b.transpose ? 2 : 0);
    call(loops.function, "cleave_rt_product",
         {word(typesOf(product)), word(transpose), word(sizes[0]), word(sizes[1]), word(product.k),
          pointers[0], word(product.a.leading), pointers[1], word(product.b.leading), pointers[2],
          word(tileOnly ? tiling.columns : product.c.leading),
          accumulate ? word(accumulate) : word(int64_t{0}), word(parts.size), word(parts.strideA),
          word(parts.strideB)});
  }

  const Product &product;
  const Tiling &tiling;
  LoopFunction &loops;
  Value out;
  bool tileOnly;
  Product::OuterDim parts; // of k that lie apart and are added up within a call
};

/// A kernel's product with what is computed at its points.
class ProductKernel {
public:
  ProductKernel(func::FuncOp func, linalg::GenericOp op, const Product &product)
      : func(func), op(op), product(product), tiling(tile(product)) {}

  /// Whether the points can be walked tile by tile; then `emit` may follow.
  bool plan() {
    if (func.getNumResults() == 1 && resultOf() == 0)
      return true; // nothing else is of use
    FailureOr<Kernel> found = analyseKernel(func, firstColumnAxis());
    if (failed(found))
      return false;
    kernel = std::move(*found);
    llvm::erase_if(kernel.stages, [&](const Stage &stage) { return stage.op == op; });
    last = kernel.rowSizes.empty() ? 0 : kernel.rowSizes.back();
    if (last < 1 || product.n % last || product.c.rowStride % last)
      return false;
    if (last < product.n) { // columns of several dims: tiles of whole ones
      tiling.columns = std::max(last, tiling.columns / last * last);
      tiling.acrossN = llvm::divideCeil(product.n, tiling.columns);
    }
    groups = groupStages(kernel);
    rows = planRows(kernel, groups);
    rows.jam.assign(kernel.rowSizes.size(), 1);
    return rows.vectorRows && rows.tileDim.empty();
  }

  void emit() {
    int64_t units = tiling.acrossM * tiling.acrossN;
    double nanoseconds = nanosecondsOf(product, tiling);
    for (const Product::OuterDim &dim : product.outer) {
      units *= dim.reduced ? 1 : dim.size;
      nanoseconds *= dim.reduced ? static_cast<double>(dim.size) : 1;
    }
    LoopFunction loops(func);
    OpBuilder builder(loops.function.front().getTerminator());
    bool tileOnly = resultOf() < 0;
    Value out =
        tileOnly ? makeTile(builder) : Value(loops.function.getArgument(func.getNumArguments() + resultOf()));
    ProductEmitter tiles(builder, product, tiling, loops, out, tileOnly);
    if (kernel.stages.empty()) {
      tiles.emit([](const TileOfC &) {});
    } else {
      RowEmitter emitter(builder, kernel, groups, rows);
      for (BlockArgument argument : func.getArguments())
        emitter.bind(argument, loops.place(builder, argument.getArgNumber()));
      for (OpOperand &result : func.front().getTerminator()->getOpOperands())
        emitter.bind(result.get(), loops.place(builder, func.getNumArguments() + result.getOperandNumber()));
      tiles.emit([&](const TileOfC &tile) {
        if (tileOnly)
          emitter.bind(op.getResult(0), placeOfTile(builder, out, tile));
        emitPoints(builder, emitter, tile);
      });
    }
    loops.finish(units, chooseGrain(units, nanoseconds));
  }

private:
  ArrayRef<int64_t> shape() { return cast<RankedTensorType>(op.getResult(0).getType()).getShape(); }

  /// Which result of the kernel the product is; -1 for none.
  int64_t resultOf() {
    for (OpOperand &result : func.front().getTerminator()->getOpOperands())
      if (result.get() == op.getResult(0))
        return result.getOperandNumber();
    return -1;
  }

  /// The first axis of C that is part of a matrix's columns.
  unsigned firstColumnAxis() {
    SmallVector<int64_t> strides = rowMajorStrides(shape());
    unsigned axis = strides.size();
    while (axis > 0 && (strides[axis - 1] < product.n || shape()[axis - 1] == 1))
      --axis;
    return axis;
  }

  Value makeTile(OpBuilder &builder) {
    auto type = MemRefType::get({tiling.rows * tiling.columns}, storageType(product.c.type));
    return memref::AllocaOp::create(builder, func.getLoc(), type, builder.getI64IntegerAttr(64));
  }

  /// Positions of C in a tile: axes of batches have no stride in it.
  Place placeOfTile(OpBuilder &builder, Value memory, const TileOfC &tile) {
    Place place;
    place.memref = memory;
    for (auto [size, stride] : llvm::zip(shape(), rowMajorStrides(shape()))) {
      bool isRow = stride >= product.c.rowStride && stride < product.c.rowStride * product.m;
      place.strides.push_back(size == 1            ? 0
                              : stride < product.n ? stride
                              : isRow              ? stride / product.c.rowStride * tiling.columns
                                                   : 0);
    }
    LoopBuilder loops(builder, func.getLoc());
    place.origin = loops.plus(loops.times(tile.m0, tiling.columns), tile.n0);
    return place;
  }

  void emitPoints(OpBuilder &builder, RowEmitter &emitter, const TileOfC &tile) {
    LoopBuilder loops(builder, func.getLoc());
    Value begin = arith::DivUIOp::create(builder, func.getLoc(), tile.start, loops.index(last));
    Value end = loops.plus(tile.n0, tile.columns);
    loops.loop(loops.index(0), tile.rows, [&](Value row) {
      Value first = loops.plus(begin, loops.times(row, product.c.rowStride / last));
      if (last == product.n)
        return emitter.emitSpan(first, tile.n0, end);
      Value low = arith::DivUIOp::create(builder, func.getLoc(), tile.n0, loops.index(last));
      Value high = arith::DivUIOp::create(builder, func.getLoc(), end, loops.index(last));
      loops.loop(low, high, [&](Value block) {
        emitter.emitSpan(loops.plus(first, block), loops.index(0), loops.index(last));
      });
    });
  }

  func::FuncOp func;
  linalg::GenericOp op;
  const Product &product;
  Tiling tiling;
  Kernel kernel; // what is computed at the points, without the product
  SmallVector<Group> groups;
  RowPlan rows;
  int64_t last = 0; // columns that lie side by side in all that is read and written
};

} // namespace

std::optional<LogicalResult> emitProduct(func::FuncOp func) {
  linalg::GenericOp op = productOf(func);
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
  ProductKernel kernel(func, op, *product);
  if (!kernel.plan())
    return std::nullopt;
  kernel.emit();
  return success();
}

} // namespace cleave::codegen
