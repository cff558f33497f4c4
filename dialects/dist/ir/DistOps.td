#ifndef CLEAVE_DIALECTS_DIST_IR_DISTOPS_TD
#define CLEAVE_DIALECTS_DIST_IR_DISTOPS_TD

include "dialects/dist/ir/DistEnums.td"
include "dialects/model/ir/ModelBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Dist_Dialect : Dialect {
  let name = "dist";
  let cppNamespace = "::cleave::dist";
  let summary = "Meshes, layouts of tensors over them, and plans that say which.";
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::cleave::model::ModelDialect"];
}

//===------------------------------------------------------------------===//
// Attributes
//===------------------------------------------------------------------===//

def Dist_LinkAttr : AttrDef<Dist_Dialect, "Link"> {
  let mnemonic = "link";
  let summary = "What joins the devices along a mesh axis: bytes/s per device and direction, seconds, failure domain.";
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::FloatAttr":$bandwidth, "::mlir::FloatAttr":$latency,
                        "::mlir::StringAttr":$domain);
  let assemblyFormat = "`<` $name `,` $bandwidth `,` $latency `,` $domain `>`";
}

def Dist_AxisRefAttr : AttrDef<Dist_Dialect, "AxisRef"> {
  let mnemonic = "axis";
  let summary = "A mesh axis, or a part of one.";
  let description = [{
    `"x"` is the whole axis. `"x":(2)4` is the part of size 4 behind a part of size 2, counted from the major end: of
    `"x"` = 16 it is the digit (coordinate / 2) % 4. `size` 0 means the whole axis. Notation and meaning are Shardy's.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "int64_t":$pre, "int64_t":$size);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "::mlir::StringAttr":$name), [{ return $_get($_ctxt, name, 1, 0); }]>];
  let extraClassDeclaration = [{ bool isWhole() const { return getSize() == 0; } }];
}

def Dist_DimAttr : AttrDef<Dist_Dialect, "Dim"> {
  let mnemonic = "dim";
  let summary = "How one dim of a tensor is cut: mesh axes, major first; open to more or closed; priority.";
  let description = [{
    `{"x", "y"}` is closed, `{"x", ?}` may be cut further by propagation. `{"x"}p1`: takes part in propagation from
    priority 1 on (0 is first and the default, written as nothing).
  }];
  let parameters = (ins ArrayRefParameter<"::cleave::dist::AxisRefAttr">:$axes, "bool":$open, "int64_t":$priority);
  let hasCustomAssemblyFormat = 1;
}

def Dist_PartialAttr : AttrDef<Dist_Dialect, "Partial"> {
  let mnemonic = "partial";
  let summary = "A reduction that is pending over mesh axes: `sum {\"x\"}`.";
  let parameters = (ins "::cleave::model::Combiner":$combiner,
                        ArrayRefParameter<"::cleave::dist::AxisRefAttr">:$axes);
  let hasCustomAssemblyFormat = 1;
}

def Dist_LayoutAttr : AttrDef<Dist_Dialect, "Layout"> {
  let mnemonic = "layout";
  let summary = "How a tensor lies on a mesh: one dim layout per dim, axes it must stay replicated over, partials.";
  let description = [{
    `#dist.layout<@m, [{"dp"}, {"tp", ?}p1], replicated = {"pp"}, partial = [sum {"x"} ]>`. Over a mesh axis that is not
    named the tensor is replicated, and a dim that is open may take it. An axis occurs once.
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$mesh, ArrayRefParameter<"::cleave::dist::DimAttr">:$dims,
                        ArrayRefParameter<"::cleave::dist::AxisRefAttr">:$replicated,
                        ArrayRefParameter<"::cleave::dist::PartialAttr">:$partials);
  let hasCustomAssemblyFormat = 1;
}

def Dist_OriginAttr : AttrDef<Dist_Dialect, "Origin"> {
  let mnemonic = "origin";
  let summary = "Why a value is cut over an axis: the tactic, by its place in the plan, and the values it came by.";
  let description = [{
    `#dist.origin<<"tp">, 1, ["gpt.blocks[*].up.w", "gpt.blocks[*].h"]>`: tactic 1 cut the first of these, from which it
    spread to the others and then here; none: the tactic cut this value itself. What has no name is known by its place,
    "file:line:column". Tactic -1 is a layout that stood in the module.
  }];
  let parameters = (ins "::cleave::dist::AxisRefAttr":$axis, "int64_t":$tactic, "::mlir::ArrayAttr":$path);
  let assemblyFormat = "`<` $axis `,` $tactic `,` $path `>`";
}

def Dist_ConflictAttr : AttrDef<Dist_Dialect, "Conflict"> {
  let mnemonic = "conflict";
  let summary = "An axis that could not cut a dim: which tactic wanted it, and what stood against it.";
  let description = [{
    `#dist.conflict<<"tp">, dim 1 by 2, held 2 by 1>`: tactic 2 wanted to cut dim 1 over "tp", which cuts dim 2 since
    tactic 1; where both dims are one, it is closed or replicated over the axis.
  }];
  let parameters = (ins "::cleave::dist::AxisRefAttr":$axis, "int64_t":$dim, "int64_t":$tactic, "int64_t":$holder,
                        "int64_t":$winner);
  let assemblyFormat = "`<` $axis `,` `dim` $dim `by` $tactic `,` `held` $holder `by` $winner `>`";
}

//===------------------------------------------------------------------===//
// Ops
//===------------------------------------------------------------------===//

class Dist_Op<string mnemonic, list<Trait> traits = []> : Op<Dist_Dialect, mnemonic, traits>;

def Dist_MeshOp : Dist_Op<"mesh", [Symbol]> {
  let summary = "Devices in a grid of named axes; ranks are numbered row-major.";
  let description = [{ `dist.mesh @m ["dp", "tp"] = [2, 4] links [#dist.link<...>, ...]` }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$axes, DenseI64ArrayAttr:$sizes,
                       OptionalAttr<ArrayAttr>:$links);
  let assemblyFormat = "$sym_name $axes `=` $sizes (`links` $links^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // Position of an axis, or none.
    std::optional<unsigned> find(::llvm::StringRef axis);
    // Size of an axis or part of one; 0 where the mesh has no such axis.
    int64_t sizeOf(::cleave::dist::AxisRefAttr axis);
    int64_t getRanks();
  }];
}

def Dist_PlanOp : Dist_Op<"plan", [Symbol, NoTerminator, SingleBlock, NoRegionArguments]> {
  let summary = "An ordered list of tactics. Its order is the order of priorities.";
  let description = [{
    ```mlir
    dist.plan @megatron on @m hash "3f..." {
      dist.shard ["Batch"] over ["dp"]
      dist.shard ["Heads", "Hidden", "Vocab"] over ["tp"]
      dist.store "optimizer" over ["dp"]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$mesh, StrAttr:$hash);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `on` $mesh `hash` $hash $body attr-dict";
}

class Dist_Tactic<string mnemonic> : Dist_Op<mnemonic, [HasParent<"PlanOp">]>;

// Lists of mesh axes in tactics are arrays of #dist.axis.

def Dist_ShardOp : Dist_Tactic<"shard"> {
  let summary = "Every tensor with one of these axes is cut along it, over these mesh axes.";
  let arguments = (ins StrArrayAttr:$axes, ArrayAttr:$over, UnitAttr:$optional);
  let assemblyFormat = "$axes `over` $over (`optional` $optional^)? attr-dict";
}

def Dist_LayoutOfOp : Dist_Tactic<"layout_of"> {
  let summary = "The layout of one named value, parameter, input or output.";
  let arguments = (ins StrAttr:$selector, Dist_LayoutAttr:$layout);
  let assemblyFormat = "$selector `is` $layout attr-dict";
}

def Dist_ReplicateOp : Dist_Tactic<"replicate"> {
  let summary = "What the selector names is not cut over these mesh axes.";
  let arguments = (ins StrAttr:$selector, ArrayAttr:$over);
  let assemblyFormat = "$selector `over` $over attr-dict";
}

def Dist_StoreOp : Dist_Tactic<"store"> {
  let summary = "Storage layout apart from the compute layout: of params, gradients or optimizer state.";
  let description = [{ `selector` "" means all of this kind. }];
  let arguments = (ins StrAttr:$kind, StrAttr:$selector, ArrayAttr:$over);
  let assemblyFormat = "$kind $selector `over` $over attr-dict";
}

def Dist_AccumulateOp : Dist_Tactic<"accumulate"> {
  let summary = "The axis is split in this many micro-batches over time.";
  let arguments = (ins I64Attr:$count, StrAttr:$axis);
  let assemblyFormat = "$count `of` $axis attr-dict";
}

def Dist_ResidualOp : Dist_Tactic<"residual"> {
  let summary = "Whether a value that the backward pass reads is saved or recomputed.";
  let arguments = (ins StrAttr:$selector, StrAttr:$policy);
  let assemblyFormat = "$selector $policy attr-dict";
}

def Dist_RemainderOp : Dist_Tactic<"remainder"> {
  let summary = "What is done where a mesh does not divide an axis: error, pad or uneven. No axes: all others.";
  let arguments = (ins StrArrayAttr:$axes, StrAttr:$policy);
  let assemblyFormat = "$axes $policy attr-dict";
}

def Dist_RegionOp : Dist_Tactic<"region"> {
  let summary = "The turn in which layouts at the boundaries of a line's manual regions spread: those with this `dist.tactic`.";
  let arguments = (ins StrAttr:$text);
  let assemblyFormat = "$text attr-dict";
}

def Dist_OverlapOp : Dist_Tactic<"overlap"> {
  let summary = "Ways to hide or shorten communication that are taken, or never taken, whatever the cost model says.";
  let description = [{
    `dist.overlap ["prefetch", "buckets"]`, `dist.overlap never ["chunks"]`; the names are those of `comm::Technique`
    (`dialects/comm/transforms/Overlap.h`). A later tactic about one name holds.
  }];
  let arguments = (ins StrArrayAttr:$techniques, UnitAttr:$never);
  let assemblyFormat = "(`never` $never^)? $techniques attr-dict";
}

def Dist_AllowOp : Dist_Tactic<"allow"> {
  let summary = "Bytes per rank that a conversion nobody asked for may move.";
  let arguments = (ins I64Attr:$bytes);
  let assemblyFormat = "`reshard` $bytes attr-dict";
}

def Dist_AssertOp : Dist_Tactic<"assert"> {
  let summary = "A limit that the program under the plan must keep.";
  let description = [{
    `quantity` is "peak_memory" (bytes of a rank), "count" (of collectives in a step) or "bytes" (moved per rank and
    step). `op` (all_reduce, ...; "" for any), `over` (mesh axes; empty for any) and `selector` ("" for any) say
    which collectives count.
  }];
  let arguments = (ins StrAttr:$quantity, StrAttr:$op, ArrayAttr:$over, StrAttr:$selector, I64Attr:$limit);
  let assemblyFormat = "$quantity $op `over` $over `in` $selector `most` $limit attr-dict";
}

def Dist_AssertEquivalentOp : Dist_Tactic<"assert_equivalent"> {
  let summary = "The program under this plan computes what it computes under another plan, on a mesh of these sizes.";
  let description = [{
    `dist.assert_equivalent "plans.tensor" on ["dp", "tp"] = [2, 4]`. Who has the program's text compiles it under both
    plans and proves both; no pass reads this.
  }];
  let arguments = (ins StrAttr:$plan, StrArrayAttr:$axes, DenseI64ArrayAttr:$sizes);
  let assemblyFormat = "$plan `on` $axes `=` $sizes attr-dict";
}

def Dist_ConstrainOp : Dist_Op<"constrain", [Pure, SameOperandsAndResultType]> {
  let summary = "The value in a layout that was asked for; open dims may be cut further.";
  let arguments = (ins AnyRankedTensor:$input, Dist_LayoutAttr:$layout);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `to` $layout attr-dict `:` type($input)";
}

def Dist_GroupOp : Dist_Op<"group"> {
  let summary = "Values with one `id` have one layout, whatever stands between them.";
  let description = [{
    ```mlir
    dist.group %a id 0 : tensor<8xf32, #model.axes<A>>
    dist.group %b id 0 : tensor<8xf32, #model.axes<A>>      // %a and %b are cut alike
    ```
    Propagation reads it and takes it away. A value that is in two groups makes them one.
  }];
  let arguments = (ins AnyRankedTensor:$input, I64Attr:$id);
  let assemblyFormat = "$input `id` $id attr-dict `:` type($input)";
}

def Dist_BarrierOp : Dist_Op<"barrier", [Pure, SameOperandsAndResultType]> {
  let summary = "The value itself; layouts do not spread across it in the directions that are blocked.";
  let description = [{ `allowed` is "none", "forward" or "backward". }];
  let arguments = (ins AnyRankedTensor:$input, StrAttr:$allowed);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `allow` $allowed attr-dict `:` type($input)";
}

//===------------------------------------------------------------------===//
// Manual regions
//===------------------------------------------------------------------===//

def Dist_ManualOp : Dist_Op<"manual", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a local program: a function of the blocks that each rank has along `over`.";
  let description = [{
    ```mlir
    %y = dist.manual @ring(%q, %k) over @m [#dist.axis<"cp">]
           in [#dist.layout<@m, [{"cp"}, {} ]>, #dist.layout<@m, [{"cp"}, {} ]>]
           out [#dist.layout<@m, [{"cp"}, {} ]>] : (tensor<8x4xf32, ...>, ...) -> tensor<8x4xf32, ...>
    ```
    Layouts are over the manual axes alone. The body has the blocks: `tensor<4x4xf32>` for a dim of 8 over two ranks, which the
    axes divide. What a layout does not cut is the same on all ranks of a manual axis, or to be made so by the body. Over the
    mesh's other axes the body is spread as all else is: dims of operands and results may be cut further behind the manual axes.
    The body asks for collectives by `dist.collective` and for its rank by `dist.rank`, over manual axes; nothing else in it is cut over
    these.
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, FlatSymbolRefAttr:$mesh, ArrayAttr:$over, ArrayAttr:$in_layouts,
                       ArrayAttr:$out_layouts, Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $body `(` $inputs `)` `over` $mesh $over `in` $in_layouts `out` $out_layouts attr-dict
    `:` functional-type($inputs, $results)
  }];
  let hasVerifier = 1;
}

def Dist_CollectiveOp : Dist_Op<"collective", [Pure]> {
  let summary = "A collective that a local program asks for, over axes of its manual region.";
  let description = [{
    n ranks, numbered row-major over `over`:
    - `all_reduce`: every rank gets the reduction of all tensors (`combiner`), taken in rank order;
    - `all_gather`: all tensors, stacked along a leading dim of size n;
    - `reduce_scatter`: rank i gets number i along the leading dim, of size n, of the reduction;
    - `all_to_all`: number i along the leading dim, of size n, goes to rank i, and comes to lie at the sender's number;
    - `permute`: rank i gets the tensor of rank i - `shift`, round the ring.
  }];
  let arguments = (ins Dist_CollectiveKind:$kind, AnyRankedTensor:$input,
                       FlatSymbolRefAttr:$mesh, ArrayAttr:$over, Model_Combiner:$combiner, I64Attr:$shift);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $kind $combiner $input `by` $shift `over` $mesh $over attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Dist_RankOp : Dist_Op<"rank", [Pure]> {
  let summary = "This rank's number along axes of its manual region (a scalar i64).";
  let arguments = (ins FlatSymbolRefAttr:$mesh, ArrayAttr:$over);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "`over` $mesh $over attr-dict `:` type($result)";
}

#endif
