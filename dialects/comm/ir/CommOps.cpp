#include "dialects/comm/ir/Comm.h"
#include "dialects/dist/ir/Axes.h"

using namespace mlir;
using namespace cleave::comm;

#define GET_OP_CLASSES
#include "dialects/comm/ir/CommOps.cpp.inc"

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

// The two types are equal but for the sizes of some dims.
static LogicalResult verifyAlike(Operation *op, ArrayRef<int64_t> dims) {
  RankedTensorType in = typeOf(op->getOperand(0)), out = typeOf(op->getResult(0));
  for (int64_t dim : dims)
    if (dim < 0 || dim >= in.getRank())
      return op->emitOpError("has dim ") << dim << " of a tensor of rank " << in.getRank();
  if (in.getElementType() != out.getElementType() || in.getEncoding() != out.getEncoding() ||
      in.getRank() != out.getRank())
    return op->emitOpError("keeps element type, axes and rank, got: ") << in << " to " << out;
  for (int64_t dim = 0; dim < in.getRank(); ++dim)
    if (!llvm::is_contained(dims, dim) && in.getDimSize(dim) != out.getDimSize(dim))
      return op->emitOpError("changes the size of dim ") << dim << ": " << in << " to " << out;
  return success();
}

LogicalResult AllReduceOp::verify() { return verifyAlike(*this, {}); }
LogicalResult BroadcastOp::verify() { return verifyAlike(*this, {}); }
LogicalResult OnlyOp::verify() { return verifyAlike(*this, {}); }
LogicalResult PermuteOp::verify() {
  SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(0, typeOf(getInput()).getRank()));
  return verifyAlike(*this, dims); // members may hold blocks of other sizes
}
LogicalResult AllGatherOp::verify() { return verifyAlike(*this, {static_cast<int64_t>(getDim())}); }
LogicalResult ReduceScatterOp::verify() { return verifyAlike(*this, {static_cast<int64_t>(getDim())}); }
LogicalResult SliceOp::verify() { return verifyAlike(*this, {static_cast<int64_t>(getDim())}); }
LogicalResult HaloOp::verify() { return verifyAlike(*this, {static_cast<int64_t>(getDim())}); }
LogicalResult WaitOp::verify() {
  Operation *begun = begunBy(*this);
  if (!begun || !isAsync(begun))
    return emitOpError("waits for a collective that is async");
  if (!getInput().hasOneUse() || !begun->getResult(0).hasOneUse())
    return emitOpError("is the only reader of what it waits for");
  return success();
}

// Whether `whole` is as many of `block` along `dim`, its first that is more than one, as a group has members.
static bool isOnePiece(Operation *op, FlatSymbolRefAttr name, ArrayAttr over, Type whole, Type block,
                       int64_t dim) {
  auto mesh = SymbolTable::lookupNearestSymbolFrom<cleave::dist::MeshOp>(op, name);
  auto large = cast<RankedTensorType>(whole), small = cast<RankedTensorType>(block);
  int64_t members = cleave::dist::membersOf(mesh, cleave::dist::axesOf(over));
  return !op->hasAttr("padded") && large.getDimSize(dim) == small.getDimSize(dim) * members &&
         llvm::all_of(large.getShape().take_front(dim), [](int64_t size) { return size == 1; });
}

bool cleave::comm::isOnePiece(SliceOp slice) {
  return ::isOnePiece(slice, slice.getMeshAttr(), slice.getOver(), slice.getInput().getType(),
                      slice.getType(), slice.getDim());
}

bool cleave::comm::isOnePiece(AllGatherOp gather) {
  return ::isOnePiece(gather, gather.getMeshAttr(), gather.getOver(), gather.getType(),
                      gather.getInput().getType(), gather.getDim());
}

bool cleave::comm::isAsync(Operation *op) {
  return isa_and_present<CommDialect>(op->getDialect()) && op->hasAttr("async");
}

bool cleave::comm::isAhead(Operation *op) {
  return isa_and_present<CommDialect>(op->getDialect()) && op->hasAttr("ahead");
}

Operation *cleave::comm::waitOf(Operation *begun) {
  if (!begun->getResult(0).hasOneUse())
    return nullptr;
  OpOperand &use = *begun->getResult(0).use_begin();
  Operation *reader = use.getOwner();
  auto loop = dyn_cast<pipe::LoopOp>(reader->getParentOp());
  if (loop && isa<pipe::YieldOp>(reader) && loop.getResult(use.getOperandNumber()).hasOneUse())
    reader = *loop.getResult(use.getOperandNumber()).user_begin();
  return isa<WaitOp>(reader) ? reader : nullptr;
}

Operation *cleave::comm::begunBy(Operation *wait) {
  auto result = dyn_cast<OpResult>(wait->getOperand(0));
  if (!result)
    return nullptr;
  auto loop = dyn_cast<pipe::LoopOp>(result.getOwner());
  unsigned number = result.getResultNumber();
  if (loop && number >= loop.getCarries().size())
    return loop.getYield()->getOperand(number).getDefiningOp();
  return loop ? nullptr : result.getOwner();
}
LogicalResult AllToAllOp::verify() {
  if (getSplit() == getConcat())
    return emitOpError("splits and joins dim ") << getSplit();
  return verifyAlike(*this, {static_cast<int64_t>(getSplit()), static_cast<int64_t>(getConcat())});
}
