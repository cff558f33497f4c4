// model.index: building, printing, parsing and verifying.
#include "dialects/model/ir/Model.h"

using namespace mlir;
using namespace cleave::model;

void IndexOp::build(OpBuilder &builder, OperationState &state, RankedTensorType type, ValueRange inputs,
                    ArrayRef<AffineMap> maps, ArrayRef<Attribute> outside, ArrayRef<StringRef> axes,
                    ArrayRef<int64_t> sizes, int64_t parallel, Combiner combiner,
                    function_ref<Value(OpBuilder &, Location, ValueRange)> makeBody) {
  state.addOperands(inputs);
  state.addTypes(type);
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.maps = builder.getAffineMapArrayAttr(maps);
  SmallVector<Attribute> values(outside.begin(), outside.end());
  values.resize(inputs.size());
  for (Attribute &value : values)
    if (!value)
      value = builder.getUnitAttr();
  properties.outside = builder.getArrayAttr(values);
  properties.axes = builder.getStrArrayAttr(axes);
  properties.sizes = builder.getDenseI64ArrayAttr(sizes);
  properties.parallel = builder.getI64IntegerAttr(parallel);
  properties.combiner = CombinerAttr::get(builder.getContext(), combiner);
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(state.addRegion());
  for (Value input : inputs)
    block->addArgument(cast<RankedTensorType>(input.getType()).getElementType(), state.location);
  if (!makeBody)
    return;
  OpBuilder body(builder.getContext(), builder.getListener()); // the block belongs to no op yet
  body.setInsertionPointToStart(block);
  Value value = makeBody(body, state.location, block->getArguments());
  YieldOp::create(body, state.location, value);
}

static void printDims(OpAsmPrinter &printer, IndexOp op, int64_t begin, int64_t end) {
  printer << "(";
  for (int64_t dim = begin; dim < end; ++dim) {
    printer << (dim == begin ? "" : ", ") << "d" << dim << ": ";
    printer.printKeywordOrString(op.getAxis(dim));
    printer << " = " << op.getSizes()[dim];
  }
  printer << ")";
}

void IndexOp::print(OpAsmPrinter &printer) {
  printer << " ";
  printDims(printer, *this, 0, getParallel());
  if (getCombiner() != Combiner::None) {
    printer << " " << stringifyCombiner(getCombiner()) << " ";
    printDims(printer, *this, getParallel(), getNumDims());
  }
  printer << " ins(";
  for (unsigned i = 0; i < getInputs().size(); ++i) {
    printer << (i ? ", " : "") << getInputs()[i] << "[";
    llvm::interleaveComma(getMap(i).getResults(), printer);
    printer << "]";
    if (TypedAttr value = getOutsideValue(i))
      printer << " outside " << value;
  }
  if (!getInputs().empty())
    printer << " : " << getInputs().getTypes();
  printer << ") ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/true);
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {"maps", "outside", "axes", "sizes", "parallel", "combiner"});
  printer << " : " << getType();
}

namespace {
struct Dims {
  SmallVector<std::string> axes;
  SmallVector<int64_t> sizes;
  SmallVector<std::string> labels;
};
} // namespace

static ParseResult parseDims(OpAsmParser &parser, Dims &dims) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&]() -> ParseResult {
    StringRef label;
    if (parser.parseKeyword(&label) || parser.parseColon() ||
        parser.parseKeywordOrString(&dims.axes.emplace_back()) || parser.parseEqual() ||
        parser.parseInteger(dims.sizes.emplace_back()))
      return failure();
    dims.labels.push_back(label.str());
    return success();
  });
}

ParseResult IndexOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  MLIRContext *context = parser.getContext();
  Dims dims;
  if (parseDims(parser, dims))
    return failure();
  int64_t parallel = dims.sizes.size();
  Combiner combiner = Combiner::None;
  StringRef keyword;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  if (keyword != "ins") {
    std::optional<Combiner> parsed = symbolizeCombiner(keyword);
    if (!parsed || *parsed == Combiner::None)
      return parser.emitError(where, "expected 'ins', 'sum', 'max', 'min' or 'prod', got: ") << keyword;
    combiner = *parsed;
    if (parseDims(parser, dims) || parser.parseKeyword("ins"))
      return failure();
  }
  SmallVector<std::pair<StringRef, AffineExpr>> names;
  for (auto [i, label] : llvm::enumerate(dims.labels))
    names.emplace_back(label, builder.getAffineDimExpr(i));
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<AffineMap> maps;
  SmallVector<Attribute> outside;
  SMLoc operandsLoc = parser.getCurrentLocation();
  auto parseInput = [&]() -> ParseResult {
    if (!operands.empty() && parser.parseComma())
      return failure();
    if (parser.parseOperand(operands.emplace_back()))
      return failure();
    SmallVector<AffineExpr> exprs;
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                       [&]() { return parser.parseAffineExpr(names, exprs.emplace_back()); }))
      return failure();
    maps.push_back(AffineMap::get(dims.sizes.size(), 0, exprs, context));
    Attribute value = builder.getUnitAttr();
    if (succeeded(parser.parseOptionalKeyword("outside")) && parser.parseAttribute(value))
      return failure();
    outside.push_back(value);
    return success();
  };
  SmallVector<Type> types;
  if (parser.parseLParen())
    return failure();
  if (failed(parser.parseOptionalRParen())) {
    do {
      if (parseInput())
        return failure();
    } while (failed(parser.parseOptionalColon()));
    if (parser.parseTypeList(types) || parser.parseRParen())
      return failure();
  }
  Type type;
  if (parser.parseRegion(*result.addRegion(), /*arguments=*/{}) ||
      parser.parseOptionalAttrDict(result.attributes) || parser.parseColonType(type) ||
      parser.resolveOperands(operands, types, operandsLoc, result.operands))
    return failure();
  result.addTypes(type);
  SmallVector<StringRef> axes(dims.axes.begin(), dims.axes.end());
  result.addAttribute("maps", builder.getAffineMapArrayAttr(maps));
  result.addAttribute("outside", builder.getArrayAttr(outside));
  result.addAttribute("axes", builder.getStrArrayAttr(axes));
  result.addAttribute("sizes", builder.getDenseI64ArrayAttr(dims.sizes));
  result.addAttribute("parallel", builder.getI64IntegerAttr(parallel));
  result.addAttribute("combiner", CombinerAttr::get(context, combiner));
  return success();
}

std::pair<int64_t, int64_t> cleave::model::rangeOf(AffineExpr expr, ArrayRef<int64_t> sizes) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return {constant.getValue(), constant.getValue()};
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return {0, sizes[dim.getPosition()] - 1};
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto [lo, hi] = rangeOf(binary.getLHS(), sizes);
  auto [lo2, hi2] = rangeOf(binary.getRHS(), sizes);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return {lo + lo2, hi + hi2};
  case AffineExprKind::Mul:
    return {std::min(lo * lo2, hi * lo2), std::max(lo * lo2, hi * lo2)};
  case AffineExprKind::Mod:
    return {0, lo2 - 1};
  case AffineExprKind::FloorDiv:
    return {llvm::divideFloorSigned(lo, lo2), llvm::divideFloorSigned(hi, lo2)};
  default:
    return {llvm::divideCeilSigned(lo, lo2), llvm::divideCeilSigned(hi, lo2)};
  }
}

LogicalResult IndexOp::verify() {
  int64_t dims = getSizes().size();
  if (static_cast<int64_t>(getAxes().size()) != dims)
    return emitOpError("needs one axis name per dim, got: ") << getAxes().size() << " for " << dims;
  if (static_cast<int64_t>(getParallel()) > dims)
    return emitOpError("has fewer dims than parallel dims");
  if ((getCombiner() == Combiner::None) != (getNumReductions() == 0))
    return emitOpError("needs a combiner exactly when it reduces dims");
  if (getMaps().size() != getInputs().size() || getOutside().size() != getInputs().size())
    return emitOpError("needs one map and one outside value per input");
  auto type = cast<RankedTensorType>(getType());
  if (type.getShape() != getSizes().take_front(getParallel()))
    return emitOpError("result shape must be the parallel dims' sizes, got: ") << type;
  Block &block = getBodyBlock();
  if (block.getNumArguments() != getInputs().size())
    return emitOpError("body needs one argument per input");
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    auto inputType = cast<RankedTensorType>(input.getType());
    AffineMap map = getMap(i);
    if (map.getNumDims() != dims || map.getNumSymbols() || map.getNumResults() != inputType.getRank())
      return emitOpError("map of input ")
             << i << " does not fit its rank and the dims, got: " << AffineMapAttr::get(map);
    if (block.getArgument(i).getType() != inputType.getElementType())
      return emitOpError("body argument ") << i << " must have the input's element type";
    if (TypedAttr value = getOutsideValue(i)) {
      if (value.getType() != inputType.getElementType())
        return emitOpError("outside value of input ") << i << " must have its element type";
      continue;
    }
    for (auto [expr, size] : llvm::zip(map.getResults(), inputType.getShape())) {
      auto [lo, hi] = rangeOf(expr, getSizes());
      if (lo < 0 || hi >= size)
        return emitOpError("reads input ")
               << i << " outside its bounds, got: " << lo << " to " << hi << " for an axis of size " << size;
    }
  }
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getValue().getType() != type.getElementType())
    return emitOpError("body must yield the result's element type");
  for (IterOp iter : block.getOps<IterOp>())
    if (iter.getDim() >= static_cast<uint64_t>(dims))
      return iter.emitOpError("names a dim the op does not have");
  return success();
}
