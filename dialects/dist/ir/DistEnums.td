#ifndef CLEAVE_DIALECTS_DIST_IR_DISTENUMS_TD
#define CLEAVE_DIALECTS_DIST_IR_DISTENUMS_TD

include "mlir/IR/EnumAttr.td"

def Dist_CollectiveKind : I32EnumAttr<"CollectiveKind", "what a local program may ask of its ranks", [
  I32EnumAttrCase<"AllReduce", 0, "all_reduce">, I32EnumAttrCase<"AllGather", 1, "all_gather">,
  I32EnumAttrCase<"ReduceScatter", 2, "reduce_scatter">, I32EnumAttrCase<"AllToAll", 3, "all_to_all">,
  I32EnumAttrCase<"Permute", 4, "permute">]> {
  let cppNamespace = "::cleave::dist";
}

#endif
