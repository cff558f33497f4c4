// Verifiers of the pipe ops.
#include "dialects/pipe/ir/Pipe.h"

using namespace mlir;
using namespace cleave::pipe;

// (type, type...), possibly empty: what `type($variadic)` between parentheses cannot parse.
static ParseResult parseTypeList(OpAsmParser &parser, SmallVectorImpl<Type> &types) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren,
                                        [&]() { return parser.parseType(types.emplace_back()); });
}

static void printTypeList(OpAsmPrinter &printer, Operation *, TypeRange types) {
  printer << "(" << types << ")";
}

#define GET_OP_CLASSES
#include "dialects/pipe/ir/PipeOps.cpp.inc"

// Kernels and lists agree on sizes and elements; axis names are the list's alone.
static bool sameStorage(Type a, Type b) {
  auto left = cast<RankedTensorType>(a), right = cast<RankedTensorType>(b);
  return left.getShape() == right.getShape() && left.getElementType() == right.getElementType();
}

static LogicalResult verifyValues(Operation *op, Twine what, TypeRange expected, TypeRange found) {
  if (expected.size() != found.size())
    return op->emitOpError() << what << ": expected " << expected.size() << " values, got: " << found.size();
  for (auto [i, pair] : llvm::enumerate(llvm::zip(expected, found)))
    if (!sameStorage(std::get<0>(pair), std::get<1>(pair)))
      return op->emitOpError() << what << " " << i << ": expected " << std::get<0>(pair)
                               << ", got: " << std::get<1>(pair);
  return success();
}

static LogicalResult verifyPlaces(Operation *op, StringRef name, size_t expected) {
  auto places = op->getAttrOfType<ArrayAttr>(name);
  if (places && places.size() != expected)
    return op->emitOpError() << name << ": expected one per value (" << expected
                             << "), got: " << places.size();
  return success();
}

LogicalResult LaunchOp::verify() {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<FunctionOpInterface>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("launches an unknown kernel, got: ") << getKernelAttr();
  // From the loops stage on the kernel's signature is that of its machine code.
  auto type = dyn_cast<FunctionType>(kernel.getFunctionType());
  bool onTensors =
      type && llvm::all_of(type.getInputs(), [](Type input) { return isa<RankedTensorType>(input); });
  if (onTensors && (failed(verifyValues(*this, "argument", type.getInputs(), getInputs().getTypes())) ||
                    failed(verifyValues(*this, "result", type.getResults(), getResultTypes()))))
    return failure();
  return verifyPlaces(*this, kPlacesAttr, getNumResults());
}

// Parts of one kind of element that fill the whole.
static LogicalResult verifyParts(Operation *op, TypeRange parts, Type whole) {
  auto type = cast<RankedTensorType>(whole);
  int64_t elements = 0;
  for (Type part : parts) {
    elements += cast<RankedTensorType>(part).getNumElements();
    if (cast<RankedTensorType>(part).getElementType() != type.getElementType())
      return op->emitOpError("has parts of the whole's elements, got: ") << part << " of " << whole;
  }
  if (elements == type.getNumElements())
    return success();
  return op->emitOpError("has parts that are the whole together, got: ")
         << elements << " elements of " << type.getNumElements();
}

LogicalResult PackOp::verify() { return verifyParts(*this, getInputs().getTypes(), getType()); }
LogicalResult UnpackOp::verify() { return verifyParts(*this, getResultTypes(), getInput().getType()); }

int64_t LaunchOp::getInplaceResult(unsigned operand) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<FunctionOpInterface>(*this, getKernelAttr());
  auto pairs = kernel->getAttrOfType<DenseI64ArrayAttr>(kInplaceAttr);
  for (int64_t i = 0; pairs && i + 1 < pairs.size(); i += 2)
    if (pairs[i] == operand)
      return pairs[i + 1];
  return -1;
}

std::string LaunchOp::getMakerText() { return ("result of " + getKernel()).str(); }

static SmallVector<Type> dropLeading(TypeRange types) {
  return llvm::map_to_vector(types, [](Type type) -> Type {
    auto tensor = cast<RankedTensorType>(type);
    return RankedTensorType::get(tensor.getShape().drop_front(), tensor.getElementType());
  });
}

LogicalResult LoopOp::verify() {
  SmallVector<Type> stacks(llvm::drop_begin(getResultTypes(), getCarries().size()));
  SmallVector<Type> slices(getSlices().getTypes());
  for (Type type : llvm::concat<Type>(slices, stacks)) {
    auto tensor = cast<RankedTensorType>(type);
    if (tensor.getRank() == 0 || tensor.getDimSize(0) != static_cast<int64_t>(getCount()))
      return emitOpError("slices and stacks need a leading axis of size ") << getCount() << ", got: " << type;
  }
  SmallVector<Type> arguments{RankedTensorType::get({}, IntegerType::get(getContext(), 64))};
  llvm::append_range(arguments, getCarries().getTypes());
  llvm::append_range(arguments, dropLeading(slices));
  SmallVector<Type> yielded(getCarries().getTypes());
  llvm::append_range(yielded, dropLeading(stacks));
  if (failed(verifyValues(*this, "region argument", arguments, getBodyBlock().getArgumentTypes())) ||
      failed(verifyValues(*this, "yielded value", yielded, getYield()->getOperandTypes())) ||
      failed(verifyPlaces(*this, kPlacesAttr, getNumResults())))
    return failure();
  return verifyPlaces(*this, kArgPlacesAttr, arguments.size());
}

// A condition is one byte; before storage is settled it is an i1.
static LogicalResult verifyCondition(Operation *op, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  if (tensor.getRank() != 0 ||
      !(tensor.getElementType().isInteger(8) || tensor.getElementType().isInteger(1)))
    return op->emitOpError("condition must be a scalar of one byte, got: ") << type;
  return success();
}

LogicalResult IfOp::verify() {
  if (failed(verifyCondition(*this, getCondition().getType())))
    return failure();
  for (Region *region : {&getThenBody(), &getElseBody()})
    if (failed(verifyValues(*this, "yielded value", getResultTypes(),
                            region->front().getTerminator()->getOperandTypes())))
      return failure();
  return verifyPlaces(*this, kPlacesAttr, getNumResults());
}

LogicalResult WhileOp::verify() {
  Operation *condition = getCondition().front().getTerminator();
  if (condition->getNumOperands() != 1)
    return emitOpError("condition must yield one scalar, got: ") << condition->getNumOperands();
  TypeRange carries = getCarries().getTypes();
  if (failed(verifyCondition(*this, condition->getOperand(0).getType())) ||
      failed(verifyValues(*this, "region argument", carries, getCondition().front().getArgumentTypes())) ||
      failed(verifyValues(*this, "region argument", carries, getBody().front().getArgumentTypes())) ||
      failed(verifyValues(*this, "yielded value", carries,
                          getBody().front().getTerminator()->getOperandTypes())) ||
      failed(verifyValues(*this, "result", carries, getResultTypes())) ||
      failed(verifyPlaces(*this, kPlacesAttr, getNumResults())))
    return failure();
  return verifyPlaces(*this, kArgPlacesAttr, getCarries().size());
}
