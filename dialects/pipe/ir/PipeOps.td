#ifndef CLEAVE_DIALECTS_PIPE_IR_PIPEOPS_TD
#define CLEAVE_DIALECTS_PIPE_IR_PIPEOPS_TD

include "dialects/pipe/ir/PipeInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Pipe_Dialect : Dialect {
  let name = "pipe";
  let cppNamespace = "::cleave::pipe";
  let summary = "A program as ordered lists of actions: launches of kernels, copies, loops.";
  let description = [{
    An entry is a `func.func` with `model.entry` whose body is a list of pipe ops, run in order. Until the
    `memory` stage the ops pass tensor values. From then on every value has a place as well: op results in the
    op's `places`, region arguments in its `arg_places`, function arguments and results in `pipe.place`.
    Ops with `names` keep the user's paths of their results ("" where there is none).
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::tensor::TensorDialect"];
}

//===------------------------------------------------------------------===//
// Attributes
//===------------------------------------------------------------------===//

def Pipe_MemoryRegion : I32EnumAttr<"MemoryRegion", "where bytes lie; the runtime's regions", [
  I32EnumAttrCase<"State", 0, "state">, I32EnumAttrCase<"Scratch", 1, "scratch">,
  I32EnumAttrCase<"Constant", 2, "constant">, I32EnumAttrCase<"Input", 3, "input">,
  I32EnumAttrCase<"Output", 4, "output">]> {
  let cppNamespace = "::cleave::pipe";
}

def Pipe_PlaceAttr : AttrDef<Pipe_Dialect, "Place"> {
  let mnemonic = "place";
  let summary = "region + offset + sum over loops of counter * stride, in bytes.";
  let description = [{
    `#pipe.place<scratch, 1024, [depth 0 * 4096]>`: byte 1024 of the scratch region, plus 4096 times the counter
    of the outermost loop around the value. `depth 0 mod 2 * 4096`: times the counter modulo 2, two buffers in turn; `turns`
    has 0 for a counter that is taken as it is. `input` and `output` count the caller's buffers: `#pipe.place<input 2, 0>`.
    `#pipe.place<state, 64, over @mesh [#dist.axis<"dp">] * 512>`: plus 512 times the rank's index along these mesh axes, its
    block of what lies at byte 64.
  }];
  let parameters = (ins "::cleave::pipe::MemoryRegion":$region, "int64_t":$slot, "int64_t":$offset,
                        ArrayRefParameter<"int64_t">:$depths, ArrayRefParameter<"int64_t">:$strides,
                        ArrayRefParameter<"int64_t">:$turns, OptionalParameter<"::mlir::FlatSymbolRefAttr">:$mesh,
                        OptionalParameter<"::mlir::ArrayAttr">:$over, "int64_t":$memberBytes);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    // Where the whole lies that a rank's block is of; the same place where it is none.
    PlaceAttr getWhole() const;
  }];
}

//===------------------------------------------------------------------===//
// Ops
//===------------------------------------------------------------------===//

class Pipe_Op<string mnemonic, list<Trait> traits = []> : Op<Pipe_Dialect, mnemonic, traits>;

def Pipe_LaunchOp : Pipe_Op<"launch", [
    DeclareOpInterfaceMethods<Pipe_ActionInterface, ["getInplaceResult", "getMakerText"]>]> {
  let summary = "Runs all rows of a kernel.";
  let description = [{
    The kernel's types are those of the operands and results without axis names. Results never overlap
    operands in memory but where the kernel's `cleave.inplace` allows it.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyRankedTensor>:$inputs,
                       OptionalAttr<StrArrayAttr>:$names, OptionalAttr<ArrayAttr>:$places);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "$kernel `(` $inputs `)` attr-dict `:` functional-type($inputs, $results)";
  let hasVerifier = 1;
}

def Pipe_LoopOp : Pipe_Op<"loop", [AttrSizedOperandSegments, SingleBlock]> {
  let summary = "Repeats its body `count` times.";
  let description = [{
    Region arguments: the counter (`tensor<i64>`, from 0 up, or from count-1 down when `reverse`), the carries,
    then each slice: the operand without its leading axis at position counter. The body yields the next
    carries, then one element of each stacked result, which lands at position counter of it. Results: the
    final carries, then the stacks. Values from outside are used directly.
  }];
  let arguments = (ins I64Attr:$count, StrAttr:$axis, UnitAttr:$reverse, Variadic<AnyRankedTensor>:$carries,
                       Variadic<AnyRankedTensor>:$slices, OptionalAttr<StrArrayAttr>:$names,
                       OptionalAttr<ArrayAttr>:$places, OptionalAttr<ArrayAttr>:$arg_places);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `count` $count `over` $axis (`reverse` $reverse^)? `carries` `(` $carries `)` `slices` `(` $slices `)` $body
    attr-dict `:` custom<TypeList>(type($carries)) `,` custom<TypeList>(type($slices)) `->` custom<TypeList>(type($results))
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Block &getBodyBlock() { return getBody().front(); }
    ::mlir::BlockArgument getCounter() { return getBodyBlock().getArgument(0); }
    ::mlir::Block::BlockArgListType getCarryArgs() {
      return getBodyBlock().getArguments().slice(1, getCarries().size());
    }
    ::mlir::Block::BlockArgListType getSliceArgs() {
      return getBodyBlock().getArguments().drop_front(1 + getCarries().size());
    }
    ::mlir::Operation *getYield() { return getBodyBlock().getTerminator(); }
  }];
}

def Pipe_IfOp : Pipe_Op<"if", [SingleBlock]> {
  let summary = "Runs one of two lists by a scalar condition (one byte, 0 or 1).";
  let arguments = (ins AnyRankedTensor:$condition, OptionalAttr<StrArrayAttr>:$names,
                       OptionalAttr<ArrayAttr>:$places);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$then_body, SizedRegion<1>:$else_body);
  let assemblyFormat = [{
    $condition $then_body `else` $else_body attr-dict `:` type($condition) `->` custom<TypeList>(type($results))
  }];
  let hasVerifier = 1;
}

def Pipe_WhileOp : Pipe_Op<"while", [SingleBlock]> {
  let summary = "Repeats its body while the condition's list yields 1, at most `bound` times.";
  let description = [{ Both regions take the carries. It counts as a loop in the depths of places. }];
  let arguments = (ins I64Attr:$bound, Variadic<AnyRankedTensor>:$carries, OptionalAttr<StrArrayAttr>:$names,
                       OptionalAttr<ArrayAttr>:$places, OptionalAttr<ArrayAttr>:$arg_places);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$condition, SizedRegion<1>:$body);
  let assemblyFormat = [{
    `bound` $bound `carries` `(` $carries `)` $condition `do` $body attr-dict
    `:` custom<TypeList>(type($carries)) `->` custom<TypeList>(type($results))
  }];
  let hasVerifier = 1;
}

def Pipe_CopyOp : Pipe_Op<"copy", [AllTypesMatch<["input", "result"]>]> {
  let summary = "Copies a value to another place.";
  let arguments = (ins AnyRankedTensor:$input, OptionalAttr<StrArrayAttr>:$names,
                       OptionalAttr<ArrayAttr>:$places);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Pipe_PackOp : Pipe_Op<"pack", [Pure]> {
  let summary = "Values one behind the other, as one: their elements in row-major order.";
  let description = [{ Nothing is done: each value is made where it lies in the whole, or copied there before. }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, OptionalAttr<StrArrayAttr>:$names,
                       OptionalAttr<ArrayAttr>:$places);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "`(` $inputs `)` attr-dict `:` functional-type($inputs, $result)";
  let hasVerifier = 1;
}

def Pipe_UnpackOp : Pipe_Op<"unpack", [Pure]> {
  let summary = "The values that a pack put one behind the other, or parts of any value: they lie in it.";
  let arguments = (ins AnyRankedTensor:$input, OptionalAttr<StrArrayAttr>:$names, OptionalAttr<ArrayAttr>:$places);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "$input attr-dict `:` functional-type($input, $results)";
  let hasVerifier = 1;
}

def Pipe_ConstantOp : Pipe_Op<"constant", [AllTypesMatch<["value", "result"]>]> {
  let summary = "Read-only data of the program.";
  let arguments = (ins ElementsAttr:$value, OptionalAttr<StrArrayAttr>:$names, OptionalAttr<ArrayAttr>:$places);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$value attr-dict";
}

def Pipe_PrintOp : Pipe_Op<"print"> {
  let summary = "Prints a label and values. `types` names an operand's element type where storage hides it.";
  let arguments = (ins StrAttr:$label, Variadic<AnyRankedTensor>:$inputs, OptionalAttr<StrArrayAttr>:$types);
  let assemblyFormat = "$label `(` $inputs `)` attr-dict `:` custom<TypeList>(type($inputs))";
}

def Pipe_AssertOp : Pipe_Op<"assert"> {
  let summary = "Stops the run with a message when a scalar condition is false.";
  let arguments = (ins AnyRankedTensor:$condition, StrAttr:$message);
  let assemblyFormat = "$condition `,` $message attr-dict `:` type($condition)";
}

def Pipe_GuardOp : Pipe_Op<"guard"> {
  let summary = "Stops the run, before any state is written, when a scalar output is not finite.";
  let arguments = (ins AnyRankedTensor:$input, StrAttr:$output);
  let assemblyFormat = "$input `for` $output attr-dict `:` type($input)";
}

def Pipe_YieldOp : Pipe_Op<"yield", [Pure, Terminator, ParentOneOf<["LoopOp", "IfOp", "WhileOp"]>]> {
  let summary = "What a region hands back.";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif
