#include "dialects/dist/ir/Dist.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave::dist;

#include "dialects/dist/ir/DistDialect.cpp.inc"
#include "dialects/dist/ir/DistEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/dist/ir/DistAttributes.cpp.inc"

void DistDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/dist/ir/DistAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/dist/ir/DistOps.cpp.inc"
      >();
}

//===------------------------------------------------------------------===//
// Axes
//===------------------------------------------------------------------===//

static void printAxis(AsmPrinter &printer, AxisRefAttr axis) {
  printer << '"' << axis.getName().getValue() << '"';
  if (!axis.isWhole())
    printer << ":(" << axis.getPre() << ")" << axis.getSize();
}

static AxisRefAttr parseAxis(AsmParser &parser) {
  std::string name;
  int64_t pre = 1, size = 0;
  if (parser.parseString(&name))
    return {};
  SMLoc where = parser.getCurrentLocation();
  if (succeeded(parser.parseOptionalColon())) {
    if (parser.parseLParen() || parser.parseInteger(pre) || parser.parseRParen() || parser.parseInteger(size))
      return {};
    if (pre < 1 || size < 2) {
      parser.emitError(
          where, "a part of a mesh axis is (SIZE BEFORE)SIZE with SIZE BEFORE >= 1 and SIZE >= 2, got: (")
          << pre << ")" << size;
      return {};
    }
  }
  return AxisRefAttr::get(parser.getContext(), StringAttr::get(parser.getContext(), name), pre, size);
}

void AxisRefAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printAxis(printer, *this);
  printer << ">";
}

Attribute AxisRefAttr::parse(AsmParser &parser, Type) {
  AxisRefAttr axis;
  if (parser.parseLess() || !(axis = parseAxis(parser)) || parser.parseGreater())
    return {};
  return axis;
}

ParseResult cleave::dist::parseAxes(AsmParser &parser, SmallVectorImpl<AxisRefAttr> &axes,
                                    AsmParser::Delimiter delimiter) {
  return parser.parseCommaSeparatedList(
      delimiter, [&]() -> ParseResult { return success(bool(axes.emplace_back(parseAxis(parser)))); });
}

void cleave::dist::printAxes(AsmPrinter &printer, ArrayRef<AxisRefAttr> axes) {
  llvm::interleaveComma(axes, printer, [&](AxisRefAttr axis) { printAxis(printer, axis); });
}

SmallVector<AxisRefAttr> cleave::dist::axesOf(ArrayAttr axes) {
  return llvm::map_to_vector(axes, [](Attribute axis) { return cast<AxisRefAttr>(axis); });
}

//===------------------------------------------------------------------===//
// Layouts
//===------------------------------------------------------------------===//

static void printDim(AsmPrinter &printer, DimAttr dim) {
  printer << "{";
  printAxes(printer, dim.getAxes());
  if (dim.getOpen())
    printer << (dim.getAxes().empty() ? "?" : ", ?");
  printer << "}";
  if (dim.getPriority())
    printer << "p" << dim.getPriority();
}

// `}p1`: the lexer makes one word of it.
static ParseResult parsePriority(AsmParser &parser, int64_t &priority) {
  StringRef word;
  SMLoc where = parser.getCurrentLocation();
  if (failed(parser.parseOptionalKeyword(&word)))
    return success();
  if (!word.consume_front("p") || word.getAsInteger(10, priority))
    return parser.emitError(where, "a priority is p and a number, as in {\"x\"}p1");
  return success();
}

static DimAttr parseDim(AsmParser &parser) {
  SmallVector<AxisRefAttr> axes;
  bool open = false;
  int64_t priority = 0;
  auto parseOne = [&]() -> ParseResult {
    if (open)
      return parser.emitError(parser.getCurrentLocation(), "'?' comes last");
    if (succeeded(parser.parseOptionalQuestion())) {
      open = true;
      return success();
    }
    return success(bool(axes.emplace_back(parseAxis(parser))));
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, parseOne) ||
      parsePriority(parser, priority))
    return {};
  return DimAttr::get(parser.getContext(), axes, open, priority);
}

void DimAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printDim(printer, *this);
  printer << ">";
}

Attribute DimAttr::parse(AsmParser &parser, Type) {
  DimAttr dim;
  if (parser.parseLess() || !(dim = parseDim(parser)) || parser.parseGreater())
    return {};
  return dim;
}

static void printPartial(AsmPrinter &printer, PartialAttr partial) {
  printer << cleave::model::stringifyCombiner(partial.getCombiner()) << " {";
  printAxes(printer, partial.getAxes());
  printer << "}";
}

static PartialAttr parsePartial(AsmParser &parser) {
  StringRef word;
  SMLoc where = parser.getCurrentLocation();
  SmallVector<AxisRefAttr> axes;
  if (parser.parseKeyword(&word))
    return {};
  std::optional<cleave::model::Combiner> combiner = cleave::model::symbolizeCombiner(word);
  if (!combiner || *combiner == cleave::model::Combiner::None) {
    parser.emitError(where, "expected sum, max, min or prod, got: ") << word;
    return {};
  }
  if (parseAxes(parser, axes, AsmParser::Delimiter::Braces))
    return {};
  return PartialAttr::get(parser.getContext(), *combiner, axes);
}

void PartialAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printPartial(printer, *this);
  printer << ">";
}

Attribute PartialAttr::parse(AsmParser &parser, Type) {
  PartialAttr partial;
  if (parser.parseLess() || !(partial = parsePartial(parser)) || parser.parseGreater())
    return {};
  return partial;
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << "<" << getMesh() << ", [";
  llvm::interleaveComma(getDims(), printer, [&](DimAttr dim) { printDim(printer, dim); });
  printer << "]";
  if (!getReplicated().empty()) {
    printer << ", replicated = {";
    printAxes(printer, getReplicated());
    printer << "}";
  }
  if (!getPartials().empty()) {
    printer << ", partial = [";
    llvm::interleaveComma(getPartials(), printer,
                          [&](PartialAttr partial) { printPartial(printer, partial); });
    printer << "]";
  }
  printer << ">";
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  FlatSymbolRefAttr mesh;
  SmallVector<DimAttr> dims;
  SmallVector<AxisRefAttr> replicated;
  SmallVector<PartialAttr> partials;
  auto parseOneDim = [&]() -> ParseResult { return success(bool(dims.emplace_back(parseDim(parser)))); };
  auto parseOnePartial = [&]() -> ParseResult {
    return success(bool(partials.emplace_back(parsePartial(parser))));
  };
  if (parser.parseLess() || parser.parseAttribute(mesh) || parser.parseComma() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseOneDim))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    if (succeeded(parser.parseOptionalKeyword("replicated"))) {
      if (parser.parseEqual() || parseAxes(parser, replicated, AsmParser::Delimiter::Braces))
        return {};
    } else if (parser.parseKeyword("partial") || parser.parseEqual() ||
               parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseOnePartial)) {
      return {};
    }
  }
  if (parser.parseGreater())
    return {};
  return LayoutAttr::get(parser.getContext(), mesh, dims, replicated, partials);
}

LayoutAttr cleave::dist::replicatedLayout(FlatSymbolRefAttr mesh, int64_t rank) {
  MLIRContext *context = mesh.getContext();
  SmallVector<DimAttr> dims(rank, DimAttr::get(context, {}, /*open=*/false, /*priority=*/0));
  return LayoutAttr::get(context, mesh, dims, {}, {});
}

LayoutAttr cleave::dist::layoutOf(Value value) {
  if (auto result = dyn_cast<OpResult>(value)) {
    auto layouts = result.getOwner()->getAttrOfType<ArrayAttr>(kLayoutsAttr);
    return layouts ? dyn_cast<LayoutAttr>(layouts[result.getResultNumber()]) : LayoutAttr();
  }
  auto argument = cast<BlockArgument>(value);
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  return function ? function.getArgAttrOfType<LayoutAttr>(argument.getArgNumber(), kLayoutAttr)
                  : LayoutAttr();
}

void cleave::dist::setLayout(Value value, LayoutAttr layout) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    cast<func::FuncOp>(argument.getOwner()->getParentOp())
        .setArgAttr(argument.getArgNumber(), kLayoutAttr, layout);
    return;
  }
  auto result = cast<OpResult>(value);
  Operation *op = result.getOwner();
  SmallVector<Attribute> layouts(op->getNumResults(), UnitAttr::get(op->getContext()));
  if (auto known = op->getAttrOfType<ArrayAttr>(kLayoutsAttr))
    layouts.assign(known.begin(), known.end());
  layouts[result.getResultNumber()] = layout;
  op->setAttr(kLayoutsAttr, ArrayAttr::get(op->getContext(), layouts));
}
