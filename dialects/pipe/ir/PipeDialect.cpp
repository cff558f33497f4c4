#include "dialects/pipe/ir/Pipe.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave::pipe;

#include "dialects/pipe/ir/PipeDialect.cpp.inc"
#include "dialects/pipe/ir/PipeEnums.cpp.inc"
#include "dialects/pipe/ir/PipeInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/pipe/ir/PipeAttributes.cpp.inc"

void PipeDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/pipe/ir/PipeAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/pipe/ir/PipeOps.cpp.inc"
      >();
}

static bool hasSlot(MemoryRegion region) {
  return region == MemoryRegion::Input || region == MemoryRegion::Output;
}

void PlaceAttr::print(AsmPrinter &printer) const {
  printer << "<" << stringifyMemoryRegion(getRegion());
  if (hasSlot(getRegion()))
    printer << " " << getSlot();
  printer << ", " << getOffset();
  if (!getDepths().empty()) {
    printer << ", [";
    llvm::interleaveComma(llvm::zip(getDepths(), getTurns(), getStrides()), printer, [&](auto stride) {
      auto [depth, turns, bytes] = stride;
      printer << "depth " << depth;
      if (turns)
        printer << " mod " << turns;
      printer << " * " << bytes;
    });
    printer << "]";
  }
  if (getOver())
    printer << ", over " << getMesh() << " " << getOver() << " * " << getMemberBytes();
  printer << ">";
}

Attribute PlaceAttr::parse(AsmParser &parser, Type) {
  StringRef keyword;
  int64_t slot = 0, offset = 0;
  SmallVector<int64_t> depths, strides, turns;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&keyword))
    return {};
  std::optional<MemoryRegion> region = symbolizeMemoryRegion(keyword);
  if (!region) {
    parser.emitError(where, "expected a region (state, scratch, constant, input, output), got: ") << keyword;
    return {};
  }
  if ((hasSlot(*region) && parser.parseInteger(slot)) || parser.parseComma() || parser.parseInteger(offset))
    return {};
  auto parseStride = [&]() -> ParseResult {
    if (parser.parseKeyword("depth") || parser.parseInteger(depths.emplace_back()))
      return failure();
    turns.push_back(0);
    if (succeeded(parser.parseOptionalKeyword("mod")) && parser.parseInteger(turns.back()))
      return failure();
    return failure(parser.parseStar() || parser.parseInteger(strides.emplace_back()));
  };
  FlatSymbolRefAttr mesh;
  ArrayAttr over;
  int64_t memberBytes = 0;
  while (succeeded(parser.parseOptionalComma()) && !over)
    if (succeeded(parser.parseOptionalKeyword("over"))
            ? parser.parseAttribute(mesh) || parser.parseAttribute(over) || parser.parseStar() ||
                  parser.parseInteger(memberBytes)
            : parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseStride).failed())
      return {};
  if (parser.parseGreater())
    return {};
  return PlaceAttr::get(parser.getContext(), *region, slot, offset, depths, strides, turns, mesh, over,
                        memberBytes);
}

PlaceAttr PlaceAttr::getWhole() const {
  return get(getContext(), getRegion(), getSlot(), getOffset(), getDepths(), getStrides(), getTurns(), {}, {},
             0);
}

int64_t cleave::pipe::bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
}

bool cleave::pipe::mayStop(Operation *op) {
  auto stops = [](Operation *inner) {
    return isa<AssertOp, GuardOp>(inner) ? WalkResult::interrupt() : WalkResult::advance();
  };
  return op->walk(stops).wasInterrupted();
}

bool cleave::pipe::holdsCollective(Operation *op) {
  auto isCollective = [](ActionInterface action) {
    return action.isCollective() ? WalkResult::interrupt() : WalkResult::advance();
  };
  return op->walk(isCollective).wasInterrupted();
}

static ArrayAttr arrayOn(Operation *op, StringRef name) { return op->getAttrOfType<ArrayAttr>(name); }

StringRef cleave::pipe::nameOf(Value value) {
  auto result = dyn_cast<OpResult>(value);
  if (!result)
    return "";
  ArrayAttr names = arrayOn(result.getOwner(), kNamesAttr);
  return names ? cast<StringAttr>(names[result.getResultNumber()]).getValue() : "";
}

PlaceAttr cleave::pipe::placeOf(Value value) {
  if (auto result = dyn_cast<OpResult>(value)) {
    ArrayAttr places = arrayOn(result.getOwner(), kPlacesAttr);
    return places ? dyn_cast<PlaceAttr>(places[result.getResultNumber()]) : PlaceAttr();
  }
  auto argument = cast<BlockArgument>(value);
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto function = dyn_cast<func::FuncOp>(parent))
    return function.getArgAttrOfType<PlaceAttr>(argument.getArgNumber(), kPlaceAttr);
  ArrayAttr places = arrayOn(parent, kArgPlacesAttr);
  return places ? dyn_cast<PlaceAttr>(places[argument.getArgNumber()]) : PlaceAttr();
}
