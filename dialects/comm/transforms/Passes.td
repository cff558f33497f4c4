#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_PASSES_TD
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def CommPartition : Pass<"comm-partition", "::mlir::ModuleOp"> {
  let summary = "A module with layouts becomes that of one class of ranks: local shapes, explicit collectives.";
  let description = [{
    ```mlir
    // before, with b computed over dp and i over tp, and a result that is to be cut over dp alone
    %y = model.index (b: Batch = 8) sum (i: In = 32) ins(%x[b, i], %w[i] : ...) { mulf }
    // after
    %p = model.index (b: Batch = 4) sum (i: In = 8) ins(%x[b, i], %w[i] : ...) { mulf }
    %y = comm.all_reduce sum %p over @m [#dist.axis<"tp">]
    ```
    Values are kept in their declared layouts; operands are converted to what an op's factors need, once per layout. A
    reduction over mesh axes gives a partial value, which is brought to the declared layout at once. What an index op
    reads shifted comes by a halo or is taken by position; positions count in the whole (`comm.offset`).

    Must hold before: a legal dist stage, calls inlined. Holds after: a legal comm stage. Stands behind propagation,
    whose layouts it obeys, and before everything that looks at sizes. Does nothing where there is no mesh.
  }];
  let options = [ListOption<"rank", "rank", "int64_t", "Coordinates of a rank of the class, one per mesh axis; default 0">];
  let dependentDialects = ["::cleave::comm::CommDialect"];
}

#endif
