#ifndef CLEAVE_DIALECTS_PIPE_IR_PIPEINTERFACES_TD
#define CLEAVE_DIALECTS_PIPE_IR_PIPEINTERFACES_TD

include "mlir/IR/OpBase.td"

def Pipe_ActionInterface : OpInterface<"ActionInterface"> {
  let cppNamespace = "::cleave::pipe";
  let description = [{
    An action that reads its operands whole, then has written its results whole; it keeps nothing else. From the
    memory stage on both lie in places, and a result overlaps no operand but where `getInplaceResult` says so.
  }];
  let methods = [
    InterfaceMethod<"The result that may be written where operand `operand` lies, or -1.",
                    "int64_t", "getInplaceResult", (ins "unsigned":$operand), "", "return -1;">,
    InterfaceMethod<"Whether other ranks take part: all ranks run such actions in the same order.",
                    "bool", "isCollective", (ins), "", "return false;">,
    InterfaceMethod<"What makes its results, where they have no name.",
                    "std::string", "getMakerText", (ins), "",
                    "return $_op->getName().getStringRef().str();">
  ];
}

#endif
