// Verifiers of the model ops other than model.index.
#include "dialects/model/ir/Model.h"

using namespace mlir;
using namespace cleave::model;

// (type, type...), possibly empty: what `type($variadic)` between parentheses cannot parse.
static ParseResult parseTypeList(OpAsmParser &parser, SmallVectorImpl<Type> &types) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren,
                                        [&]() { return parser.parseType(types.emplace_back()); });
}

static void printTypeList(OpAsmPrinter &printer, Operation *, TypeRange types) {
  printer << "(" << types << ")";
}

#define GET_OP_CLASSES
#include "dialects/model/ir/ModelOps.cpp.inc"

static RankedTensorType ranked(Value value) { return cast<RankedTensorType>(value.getType()); }

// Shared by gather (`side` is the table) and scatter (`side` is the result).
static LogicalResult verifyPositions(Operation *op, RankedTensorType side, RankedTensorType points,
                                     OperandRange indices, AffineMap map, ArrayAttr indexMaps) {
  if (map.getNumDims() != points.getRank() || map.getNumSymbols() != indices.size() ||
      map.getNumResults() != side.getRank())
    return op->emitOpError("map must have one dim per point axis, one symbol per index tensor and one result "
                           "per axis, got: ")
           << AffineMapAttr::get(map);
  if (indexMaps.size() != indices.size())
    return op->emitOpError("needs one index map per index tensor");
  for (auto [index, attr] : llvm::zip(indices, indexMaps)) {
    AffineMap indexMap = cast<AffineMapAttr>(attr).getValue();
    if (!ranked(index).getElementType().isIntOrIndex())
      return op->emitOpError("index tensors must hold integers, got: ") << index.getType();
    if (indexMap.getNumDims() != points.getRank() || indexMap.getNumResults() != ranked(index).getRank())
      return op->emitOpError("index map does not fit its tensor, got: ") << AffineMapAttr::get(indexMap);
  }
  return success();
}

LogicalResult GatherOp::verify() {
  if (ranked(getTable()).getElementType() != ranked(getResult()).getElementType())
    return emitOpError("table and result must have one element type");
  return verifyPositions(*this, ranked(getTable()), ranked(getResult()), getIndices(), getTableMap(),
                         getIndexMaps());
}

LogicalResult ScatterOp::verify() {
  if (getInit().getType() != getResult().getType())
    return emitOpError("init and result must have one type");
  return verifyPositions(*this, ranked(getResult()), ranked(getUpdates()), getIndices(), getResultMap(),
                         getIndexMaps());
}

LogicalResult ArgsortOp::verify() {
  if (ranked(getInput()).getShape() != ranked(getResult()).getShape() ||
      !ranked(getResult()).getElementType().isInteger(32))
    return emitOpError("result must hold i32 and have the input's shape");
  return success();
}

static LogicalResult verifyTypes(Operation *op, Twine what, TypeRange expected, TypeRange found) {
  if (expected.size() != found.size())
    return op->emitOpError() << what << ": expected " << expected.size() << " values, got: " << found.size();
  for (auto [i, pair] : llvm::enumerate(llvm::zip(expected, found)))
    if (std::get<0>(pair) != std::get<1>(pair))
      return op->emitOpError() << what << " " << i << ": expected " << std::get<0>(pair)
                               << ", got: " << std::get<1>(pair);
  return success();
}

static FailureOr<FunctionType> calleeType(Operation *op, FlatSymbolRefAttr symbol) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, symbol);
  if (!callee)
    return op->emitOpError("calls an unknown function, got: ") << symbol;
  return callee.getFunctionType();
}

// [count, rest...] -> [rest...]
static RankedTensorType dropLeading(RankedTensorType type) {
  SmallVector<StringRef> axes = axesOf(type);
  return tensorOf(type.getElementType(), ArrayRef(axes).drop_front(), type.getShape().drop_front());
}

LogicalResult ScanOp::verify() {
  FailureOr<FunctionType> body = calleeType(*this, getBodyAttr());
  if (failed(body))
    return failure();
  SmallVector<Type> inputs{RankedTensorType::get({}, IntegerType::get(getContext(), 64))};
  llvm::append_range(inputs, getConsts().getTypes());
  llvm::append_range(inputs, getCarries().getTypes());
  for (Value slice : getSlices()) {
    if (ranked(slice).getRank() == 0 || ranked(slice).getDimSize(0) != static_cast<int64_t>(getCount()))
      return emitOpError("a slice needs a leading axis of size ")
             << getCount() << ", got: " << slice.getType();
    inputs.push_back(dropLeading(ranked(slice)));
  }
  SmallVector<Type> outputs;
  for (auto [i, value] : llvm::enumerate(getResults()))
    outputs.push_back(i < getCarries().size() ? value.getType() : dropLeading(ranked(value)));
  if (failed(verifyTypes(*this, "argument", inputs, body->getInputs())))
    return failure();
  return verifyTypes(*this, "result", outputs, body->getResults());
}

LogicalResult IfOp::verify() {
  for (FlatSymbolRefAttr symbol : {getThenBodyAttr(), getElseBodyAttr()}) {
    FailureOr<FunctionType> type = calleeType(*this, symbol);
    if (failed(type) || failed(verifyTypes(*this, "argument", getInputs().getTypes(), type->getInputs())) ||
        failed(verifyTypes(*this, "result", getResultTypes(), type->getResults())))
      return failure();
  }
  return success();
}

LogicalResult WhileOp::verify() {
  SmallVector<Type> inputs(getConsts().getTypes());
  llvm::append_range(inputs, getCarries().getTypes());
  FailureOr<FunctionType> condition = calleeType(*this, getConditionAttr());
  FailureOr<FunctionType> body = calleeType(*this, getBodyAttr());
  if (failed(condition) || failed(body))
    return failure();
  Type flag = RankedTensorType::get({}, IntegerType::get(getContext(), 1));
  if (failed(verifyTypes(*this, "condition argument", inputs, condition->getInputs())) ||
      failed(verifyTypes(*this, "condition result", flag, condition->getResults())) ||
      failed(verifyTypes(*this, "argument", inputs, body->getInputs())) ||
      failed(verifyTypes(*this, "carry", getCarries().getTypes(), body->getResults())))
    return failure();
  return verifyTypes(*this, "result", getCarries().getTypes(), getResultTypes());
}

LogicalResult CallOp::verify() {
  FailureOr<FunctionType> type = calleeType(*this, getCalleeAttr());
  if (failed(type) || failed(verifyTypes(*this, "argument", getInputs().getTypes(), type->getInputs())))
    return failure();
  return verifyTypes(*this, "result", getResultTypes(), type->getResults());
}

LogicalResult GradientOp::verify() {
  if (ranked(getLoss()).getRank() != 0)
    return emitOpError("differentiates a scalar, got: ") << getLoss().getType();
  return verifyTypes(*this, "result", getWrt().getTypes(), getResultTypes());
}
