// The model dialect's name, attributes and enumerations: what other dialects' definitions may use.
#ifndef CLEAVE_DIALECTS_MODEL_IR_MODELBASE_TD
#define CLEAVE_DIALECTS_MODEL_IR_MODELBASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Model_Dialect : Dialect {
  let name = "model";
  let cppNamespace = "::cleave::model";
  let summary = "Machine-learning programs as pure tensors over named axes.";
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::func::FuncDialect", "::mlir::tensor::TensorDialect"];
}

//===------------------------------------------------------------------===//
// Attributes
//===------------------------------------------------------------------===//

def Model_AxesAttr : AttrDef<Model_Dialect, "Axes"> {
  let mnemonic = "axes";
  let summary = "Names of a tensor's axes, outermost first: the encoding of every tensor type.";
  let description = [{
    `tensor<8x256xf32, #model.axes<Batch, Seq>>`. Names in one list are distinct. A rank-0 tensor has no
    encoding.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names);
  let hasCustomAssemblyFormat = 1;
}

def Model_Combiner : I32EnumAttr<"Combiner", "how an index op's reduction dims are combined", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Sum", 1, "sum">, I32EnumAttrCase<"Max", 2, "max">,
  I32EnumAttrCase<"Min", 3, "min">, I32EnumAttrCase<"Prod", 4, "prod">]> {
  let cppNamespace = "::cleave::model";
}

#endif
