#ifndef CLEAVE_DIALECTS_COMM_IR_COMMOPS_TD
#define CLEAVE_DIALECTS_COMM_IR_COMMOPS_TD

include "dialects/model/ir/ModelBase.td"
include "dialects/pipe/ir/PipeInterfaces.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Comm_Dialect : Dialect {
  let name = "comm";
  let cppNamespace = "::cleave::comm";
  let summary = "Collectives on the local tensors of one class of ranks.";
  let description = [{
    Every op has `mesh` and `over`, the mesh axes (an array of `#dist.axis`, major first) it works along: its group is the ranks
    that are equal in all other coordinates, and a member's number is row-major over `over`. Along a dim that is cut, member i holds
    block i; blocks differ by at most one element, the larger ones first (axis by axis where there are several), so the
    sizes of all blocks follow from the whole. With `padded` every member has room for the largest block instead.
    All ops take and make values; all but send and recv are pure. From the `sched` stage on they stand among the
    actions and carry `names` and `places` as those do.

    When a collective is done is said by two attributes, which change no value:
    - none: where it stands, and all else waits;
    - `async`: it is begun where it stands. Its one reader is a `comm.wait`, behind which the value is there. Where the one
      reader is the yield of a `pipe.loop`, as an element of a stack, the reader of the whole stack is a `comm.wait`: each turn ends
      what the one before has begun, and the wait ends the last;
    - `ahead`, of what reads a slice of the `pipe.loop` it stands in: it is begun a turn earlier, for the first turn before the
      loop; where it stands the value is there, and the next turn's is begun.
    Between begin and end neither operand nor result may be touched.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::cleave::dist::DistDialect"];
}

def Comm_EditAttr : AttrDef<Comm_Dialect, "Edit"> {
  let mnemonic = "edit";
  let summary = "An edit of the plan: what to leave out of a tactic.";
  let description = [{
    `#comm.edit<1, "Hidden">`: Hidden of tactic 1, counted from 0. `""`: the whole tactic.
  }];
  let parameters = (ins "int64_t":$tactic, "::mlir::StringAttr":$axis);
  let assemblyFormat = "`<` $tactic `,` $axis `>`";
}

def Comm_ReasonAttr : AttrDef<Comm_Dialect, "Reason"> {
  let mnemonic = "reason";
  let summary = "Why a collective exists: the value it moves, in which phase, and what asked for it.";
  let description = [{
    `value`: the user's path of the value, or of the nearest one. `phase`: forward, backward, update, state (loading or keeping
    what is stored apart), input. `because`: a sentence for people, naming axes and layouts as the user wrote them. `hint`: the
    edit that would remove it, or "". `plan`: location of the tactic that caused it. `path`: how that tactic's axis came to what is
    moved: names of values, and "file:line:column" of ops whose results have none. `edits`: what could be left out of the plan, the
    most likely to do without it first. `source`: the line of the model, where it is not the op's own. `merged`: reasons of the
    collectives that this one stands for besides.
  }];
  let parameters = (ins "::mlir::StringAttr":$value, "::mlir::StringAttr":$phase, "::mlir::StringAttr":$because,
                        "::mlir::StringAttr":$hint, "::mlir::LocationAttr":$plan,
                        OptionalParameter<"::mlir::ArrayAttr">:$path, OptionalParameter<"::mlir::ArrayAttr">:$edits,
                        OptionalParameter<"::mlir::LocationAttr">:$source,
                        OptionalParameter<"::mlir::ArrayAttr">:$merged);
  let assemblyFormat = [{
    `<` $value `,` $phase `,` $because `,` $hint `,` $plan (`path` `=` $path^)? (`edits` `=` $edits^)?
    (`source` `=` $source^)? (`merged` `=` $merged^)? `>`
  }];
}

class Comm_Op<string mnemonic, list<Trait> traits = []>
    : Op<Comm_Dialect, mnemonic, !listconcat([Pure, Pipe_ActionInterface], traits)>;

// An op along mesh axes with one operand. `names` and `places` come with the later stages.
class Comm_AlongAxes<string mnemonic, list<Trait> traits, dag own> : Comm_Op<mnemonic, traits> {
  let arguments = !con((ins AnyRankedTensor:$input, FlatSymbolRefAttr:$mesh, ArrayAttr:$over), own,
                       (ins OptionalAttr<Comm_ReasonAttr>:$reason, OptionalAttr<StrArrayAttr>:$names,
                        OptionalAttr<ArrayAttr>:$places, UnitAttr:$padded, UnitAttr:$async, UnitAttr:$ahead));
  let results = (outs AnyRankedTensor:$result);
  let hasVerifier = 1;
}

// One that other ranks take part in.
class Comm_Collective<string mnemonic, list<Trait> traits, dag own> : Comm_AlongAxes<mnemonic, traits, own> {
  let extraClassDeclaration = [{ bool isCollective() { return true; } }];
}

def Comm_AllReduceOp : Comm_Collective<"all_reduce", [SameOperandsAndResultType], (ins Model_Combiner:$combiner)> {
  let summary = "Every member gets the reduction of all members' tensors, taken in rank order.";
  let assemblyFormat = "$combiner $input `over` $mesh $over attr-dict `:` type($input)";
  let extraClassDeclaration = [{
    bool isCollective() { return true; }
    int64_t getInplaceResult(unsigned) { return 0; }
  }];
}

def Comm_ReduceScatterOp : Comm_Collective<"reduce_scatter", [], (ins Model_Combiner:$combiner, I64Attr:$dim)> {
  let summary = "Member i gets block i along `dim` of the reduction.";
  let assemblyFormat = "$combiner $input `dim` $dim `over` $mesh $over attr-dict `:` type($input) `->` type($result)";
}

def Comm_AllGatherOp : Comm_Collective<"all_gather", [], (ins I64Attr:$dim)> {
  let summary = "Every member gets all blocks, joined along `dim`.";
  let assemblyFormat = "$input `dim` $dim `over` $mesh $over attr-dict `:` type($input) `->` type($result)";
}

def Comm_AllToAllOp : Comm_Collective<"all_to_all", [], (ins I64Attr:$split, I64Attr:$concat)> {
  let summary = "Cut along `concat` becomes cut along `split`: member i gets block i along `split` of all, joined along `concat`.";
  let assemblyFormat = [{
    $input `split` $split `concat` $concat `over` $mesh $over attr-dict `:` type($input) `->` type($result)
  }];
}

def Comm_PermuteOp : Comm_Collective<"permute", [], (ins DenseI64ArrayAttr:$sources)> {
  let summary = "Member i gets the tensor of member sources[i]; -1: nobody's, zeros.";
  let assemblyFormat = "$input `from` $sources `over` $mesh $over attr-dict `:` type($input) `->` type($result)";
}

def Comm_BroadcastOp : Comm_Collective<"broadcast", [SameOperandsAndResultType], (ins I64Attr:$root)> {
  let summary = "Every member gets the tensor of member `root`.";
  let assemblyFormat = "$input `root` $root `over` $mesh $over attr-dict `:` type($input)";
}

def Comm_SliceOp : Comm_AlongAxes<"slice", [], (ins I64Attr:$dim)> {
  let summary = "Member i keeps block i along `dim` of what every member has. Nothing is sent.";
  let description = [{
    A result longer than the block (padding) has zeros behind it; a shorter whole likewise.
  }];
  let assemblyFormat = "$input `dim` $dim `over` $mesh $over attr-dict `:` type($input) `->` type($result)";
}

def Comm_HaloOp : Comm_Collective<"halo", [], (ins I64Attr:$dim, I64Attr:$low, I64Attr:$high, I64Attr:$extent,
                                               OptionalAttr<TypedAttrInterface>:$fill)> {
  let summary = "Own block along `dim`, with `low` elements before it and `high` behind it from the neighbours.";
  let description = [{
    `extent` is the size of the whole; what lies outside it is `fill`, or zero. Negative widths cut the block. May reach
    over several members.
  }];
  let assemblyFormat = [{
    $input `dim` $dim `low` $low `high` $high `extent` $extent `over` $mesh $over attr-dict `:` type($input) `->` type($result)
  }];
}

def Comm_OnlyOp : Comm_AlongAxes<"only", [SameOperandsAndResultType], (ins Model_Combiner:$combiner)> {
  let summary = "What every member has, as a partial value: member 0 keeps it, the others have the reduction's identity.";
  let assemblyFormat = "$combiner $input `over` $mesh $over attr-dict `:` type($input)";
}

def Comm_WaitOp : Comm_Op<"wait", [Pure, SameOperandsAndResultType]> {
  let summary = "The result of a collective that was begun earlier, now there.";
  let description = [{
    A collective with `async` is begun where it stands: its operand is not changed and its result is not read before its
    wait, which is the only reader. Done at once, it means the same, and the wait is the value itself. Of a stack whose
    elements are such results, it is the wait for the last of them.
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Comm_OffsetOp : Comm_Op<"offset"> {
  let summary = "The first index, in the whole of size `extent`, of this rank's block (a scalar i64).";
  let description = [{
    `block` is the size of every block where the whole is padded (all ranks hold as much); 0 where blocks are uneven.
  }];
  let arguments = (ins FlatSymbolRefAttr:$mesh, ArrayAttr:$over, I64Attr:$extent, I64Attr:$block,
                       OptionalAttr<StrArrayAttr>:$names, OptionalAttr<ArrayAttr>:$places);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$extent `block` $block `over` $mesh $over attr-dict `:` type($result)";
}

#endif
