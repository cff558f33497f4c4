#include "dialects/model/ir/Model.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace cleave::model;

#include "dialects/model/ir/ModelDialect.cpp.inc"
#include "dialects/model/ir/ModelEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/model/ir/ModelAttributes.cpp.inc"

void ModelDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/model/ir/ModelAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/model/ir/ModelOps.cpp.inc"
      >();
}

void AxesAttr::print(AsmPrinter &printer) const {
  printer << "<";
  llvm::interleaveComma(getNames(), printer, [&](StringAttr name) { printer.printKeywordOrString(name); });
  printer << ">";
}

Attribute AxesAttr::parse(AsmParser &parser, Type) {
  SmallVector<StringAttr> names;
  auto parseName = [&]() {
    std::string name;
    if (parser.parseKeywordOrString(&name))
      return failure();
    names.push_back(StringAttr::get(parser.getContext(), name));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, parseName))
    return {};
  return AxesAttr::get(parser.getContext(), names);
}

RankedTensorType cleave::model::tensorOf(Type element, ArrayRef<StringRef> axes, ArrayRef<int64_t> sizes) {
  if (axes.empty())
    return RankedTensorType::get({}, element);
  MLIRContext *context = element.getContext();
  SmallVector<StringAttr> names;
  for (StringRef axis : axes)
    names.push_back(StringAttr::get(context, axis));
  return RankedTensorType::get(sizes, element, AxesAttr::get(context, names));
}

SmallVector<StringRef> cleave::model::axesOf(RankedTensorType type) {
  SmallVector<StringRef> names;
  if (auto axes = dyn_cast_or_null<AxesAttr>(type.getEncoding()))
    for (StringAttr name : axes.getNames())
      names.push_back(name.getValue());
  return names;
}
