// Results too large for any cache are stored past the caches: no line is fetched to be overwritten.
//
//   scf.for ... { vector.store %v, %y[%i] }
// ->
//   %aligned = (address of %y) % 64 == 0
//   scf.if %aligned { scf.for ... { vector.store %v, %y[%i] {nontemporal, alignment = 64} } } else { scf.for
//   ... }
//
// Only whole cache lines at positions that are known to be multiples of a line, of results that the kernel
// neither reads nor shares with an argument. Other threads see such stores: on x86 the locked instruction
// that ends a task drains them.
#include "compiler/codegen/cpu/Emitters.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

constexpr int64_t kLine = 64;
constexpr int64_t kLargeBytes = int64_t{32} << 20; // the next reader finds little of it in a cache anyway

int64_t bytesOf(MemRefType type) { return type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8); }

/// A power of two, at most a line, that divides the value.
int64_t factorOf(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant))) {
    int64_t number = constant.getSExtValue();
    return number == 0 ? kLine : std::min(kLine, number & -number);
  }
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    bool counts = loop && argument == loop.getInductionVar();
    return counts ? std::min(factorOf(loop.getLowerBound()), factorOf(loop.getStep())) : 1;
  }
  Operation *op = value.getDefiningOp();
  if (isa<arith::AddIOp, arith::SubIOp, arith::MinSIOp, arith::MaxSIOp>(op))
    return std::min(factorOf(op->getOperand(0)), factorOf(op->getOperand(1)));
  if (isa<arith::MulIOp>(op))
    return std::min(kLine, factorOf(op->getOperand(0)) * factorOf(op->getOperand(1)));
  if (isa<arith::RemUIOp>(op))
    return std::min(factorOf(op->getOperand(0)), factorOf(op->getOperand(1)));
  if (isa<arith::IndexCastOp>(op))
    return factorOf(op->getOperand(0));
  return 1;
}

bool fillsLines(vector::StoreOp store) {
  int64_t element = store.getVectorType().getElementTypeBitWidth() / 8;
  return store.getIndices().size() == 1 && element > 0 &&
         store.getVectorType().getNumElements() * element % kLine == 0 &&
         factorOf(store.getIndices()[0]) * element % kLine == 0;
}

/// The stores that fill lines of `result`; none where anything else is done with it.
SmallVector<vector::StoreOp> lineStores(Value result) {
  SmallVector<vector::StoreOp> stores;
  for (Operation *user : result.getUsers()) {
    auto view = dyn_cast<memref::ReinterpretCastOp>(user);
    if (!view)
      return {};
    for (Operation *access : view->getUsers()) {
      auto store = dyn_cast<vector::StoreOp>(access);
      if (store && fillsLines(store))
        stores.push_back(store);
      else if (!store && !isa<vector::MaskedStoreOp, memref::StoreOp, vector::ScatterOp>(access))
        return {};
    }
  }
  return stores;
}

} // namespace

void streamResults(LoopFunction &loops) {
  func::FuncOp function = loops.function;
  llvm::SmallDenseSet<int64_t> shared;
  if (auto pairs = function->getAttrOfType<DenseI64ArrayAttr>(kInplaceAttr))
    for (auto [place, number] : llvm::enumerate(pairs.asArrayRef()))
      if (place % 2 == 1)
        shared.insert(number);
  SmallVector<vector::StoreOp> stores;
  SmallVector<Value> results;
  for (auto [number, result] : llvm::enumerate(loops.results())) {
    if (bytesOf(cast<MemRefType>(result.getType())) < kLargeBytes || shared.contains(number))
      continue;
    SmallVector<vector::StoreOp> found = lineStores(result);
    if (found.empty())
      continue;
    results.push_back(result);
    llvm::append_range(stores, found);
  }
  if (stores.empty())
    return;
  Block &body = function.front();
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  Location loc = function.getLoc();
  OpBuilder builder(body.getTerminator());
  Value addresses;
  for (Value result : results) {
    Value address = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, result);
    addresses = addresses ? Value(arith::OrIOp::create(builder, loc, addresses, address)) : address;
  }
  Value offset =
      arith::RemUIOp::create(builder, loc, addresses, arith::ConstantIndexOp::create(builder, loc, kLine));
  Value aligned = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, offset,
                                        arith::ConstantIndexOp::create(builder, loc, 0));
  auto choice = scf::IfOp::create(builder, loc, aligned, /*withElseRegion=*/true);
  builder.setInsertionPoint(choice.thenBlock()->getTerminator());
  IRMapping mapping;
  for (Operation *op : ops)
    builder.clone(*op, mapping);
  for (vector::StoreOp store : stores) {
    auto copy = cast<vector::StoreOp>(mapping.lookup(store.getOperation()));
    copy.setNontemporal(true);
    copy.setAlignment(kLine);
  }
  for (Operation *op : ops)
    op->moveBefore(choice.elseBlock()->getTerminator());
}

} // namespace cleave::codegen
