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

def CommMergeReductions : Pass<"comm-merge-reductions", "::mlir::ModuleOp"> {
  let summary = "Pending sums go down through linear ops to where they meet: one collective instead of several.";
  let description = [{
    ```mlir
    // before
    %a = comm.all_reduce sum %p over @m [#dist.axis<"tp">] : ...
    %b = comm.all_reduce sum %q over @m [#dist.axis<"tp">] : ...
    %y = model.index (i: I = 8) ins(%a[i], %b[i], %x[i] : ...) { addf, addf }
    // after
    %o = comm.only sum %x over @m [#dist.axis<"tp">] : ...
    %s = model.index (i: I = 8) ins(%p[i], %q[i], %o[i] : ...) { addf, addf }
    %y = comm.all_reduce sum %s over @m [#dist.axis<"tp">] : ...
    ```
    Holds before and after: a legal comm stage. All that meets must be discharged alike; reduce_scatters meet in
    element-wise ops. Done where the collectives take less time by the cost model. Stands behind comm-partition.
  }];
  let dependentDialects = ["::cleave::comm::CommDialect"];
}

def CommHoist : Pass<"comm-hoist", "::mlir::ModuleOp"> {
  let summary = "Collectives leave the loops that repeat them.";
  let description = [{
    ```mlir
    // before, in a body that a scan runs 8 times
    %a = comm.all_reduce sum %g over @m [#dist.axis<"dp">] : ...
    %next = model.index (i: I = 8) ins(%carry[i], %a[i] : ...) { addf }
    // after; behind the scan: comm.all_reduce of its result
    %next = model.index (i: I = 8) ins(%carry[i], %g[i] : ...) { addf }
    ```
    So do stacks of short all_reduces (sending takes less time than beginning to send), and collectives of consts, which
    are done before the loop. A reduce_scatter stays: what is kept in parts would be kept whole.

    Holds before and after: a legal comm stage. Stands behind comm-partition and before comm-merge-reductions, which would
    join a carry to a sum.
  }];
  let dependentDialects = ["::cleave::comm::CommDialect"];
}

def CommSimplify : Pass<"comm-simplify", "::mlir::ModuleOp"> {
  let summary = "Collectives that undo each other go, two that are one become one, equal ones are done once.";
  let description = [{
    ```mlir
    // before
    %a = comm.all_reduce sum %x over @m [#dist.axis<"dp">] : ...
    %y = comm.slice %a dim 0 over @m [#dist.axis<"dp">] : ...
    // after
    %y = comm.reduce_scatter sum %x dim 0 over @m [#dist.axis<"dp">] : ...
    ```
    Holds before and after: a legal comm stage. Stands behind passes that bring collectives together.
  }];
  let dependentDialects = ["::cleave::comm::CommDialect"];
}

def CommMergeGathers : Pass<"comm-merge-gathers", "::mlir::ModuleOp"> {
  let summary = "An all_gather of what follows element by element from a reduce_scatter becomes part of it.";
  let description = [{
    ```mlir
    // before
    %p = comm.reduce_scatter max %x dim 0 over @m [#dist.axis<"tp">] : ...
    %y = model.index (i: I = 4) ins(%p[i] : ...) { math.exp }
    %w = comm.all_gather %y dim 0 over @m [#dist.axis<"tp">] : ...
    // after
    %a = comm.all_reduce max %x over @m [#dist.axis<"tp">] : ...
    %w = model.index (i: I = 8) ins(%a[i] : ...) { math.exp }
    ```
    The bytes are the same and one collective is saved, but the whole is kept from there on: done where the whole is small
    beside what its reader works on, as a row's maximum is beside the row. Holds before and after: a legal comm stage.
    Stands behind comm-simplify, which makes equal collectives one.
  }];
  let dependentDialects = ["::cleave::comm::CommDialect"];
}

def CommSplitReductions : Pass<"comm-split-reductions", "::mlir::ModuleOp"> {
  let summary = "Large all_reduces become a reduce_scatter and an all_gather.";
  let description = [{
    ```mlir
    %y = comm.all_reduce sum %x over @m [#dist.axis<"dp">] : ...              // before
    %s = comm.reduce_scatter sum %x dim 0 over @m [#dist.axis<"dp">] : ...    // after
    %y = comm.all_gather %s dim 0 over @m [#dist.axis<"dp">] : ...
    ```
    Holds before and after: a legal comm stage. comm-simplify goes the way back. Not part of a stage: for schedules that
    put work between the two.
  }];
  let options = [Option<"least", "least", "int64_t", "0", "Bytes from which on an all_reduce is split">];
  let dependentDialects = ["::cleave::comm::CommDialect"];
}

def CommHierarchy : Pass<"comm-hierarchy", "::mlir::ModuleOp"> {
  let summary = "Sums over fast and slow links: reduced inside, a part of each across, gathered inside.";
  let description = [{
    ```mlir
    // before; "node" is slow, "gpu" fast
    %y = comm.all_reduce sum %x over @m [#dist.axis<"node">, #dist.axis<"gpu">] : ...
    // after
    %s = comm.reduce_scatter sum %x dim 0 over @m [#dist.axis<"gpu">] : ...
    %a = comm.all_reduce sum %s over @m [#dist.axis<"node">] : ...
    %y = comm.all_gather %a dim 0 over @m [#dist.axis<"gpu">] : ...
    ```
    Only the part goes over the slow link. Sums are grouped so: first over the fast axes, in rank order, then those sums over
    the slow axes, in rank order. By the cost model: where the three take less time than the one.

    Holds before and after: a legal comm stage. Stands last in the stage, for comm-simplify goes the way back.
  }];
  let dependentDialects = ["::cleave::comm::CommDialect"];
}

def CommNorms : Pass<"comm-norms", "::mlir::ModuleOp"> {
  let summary = "What is computed row by row of a sum is computed on a part of the rows, and gathered.";
  let description = [{
    ```mlir
    // before: each rank computes all rows
    %s = comm.all_reduce sum %x over @m [#dist.axis<"tp">] : tensor<8x16xf32, ...>
    %n = model.index (b: B = 8) sum (e: E = 16) ins(%s[b, e] : ...) { mulf }
    %y = model.index (b: B = 8, e: E = 16) ins(%s[b, e], %n[b] : ...) { mulf, rsqrt }
    // after: half of the rows
    %s = comm.reduce_scatter sum %x dim 0 over @m [#dist.axis<"tp">] : tensor<8x16xf32, ...> -> tensor<4x16xf32, ...>
    %n = model.index (b: B = 4) sum (e: E = 16) ins(%s[b, e] : ...) { mulf }
    %h = model.index (b: B = 4, e: E = 16) ins(%s[b, e], %n[b] : ...) { mulf, rsqrt }
    %y = comm.all_gather %h dim 0 over @m [#dist.axis<"tp">] : tensor<4x16xf32, ...> -> tensor<8x16xf32, ...>
    ```
    The rows are a dim that all ops read and make by identity; what else they read of it is cut too. What is read by
    others is gathered. Sums and rows are the same as before, bit by bit. By the cost model: where what is gathered, and the
    work that is saved, take no longer than the second half of the all_reduce.

    Holds before and after: a legal comm stage. Stands behind comm-simplify.
  }];
  let dependentDialects = ["::cleave::comm::CommDialect"];
}

def CommVerify : Pass<"comm-verify", "::mlir::ModuleOp"> {
  let summary = "Fails where a module is no legal comm stage.";
  let description = [{
    ```mlir
    // refused: half of 8 is 4
    %y = comm.slice %x dim 0 over @m [#dist.axis<"dp">] : tensor<8xf32, ...> -> tensor<5xf32, ...>
    ```
    Checks meshes, axes, blocks and types of collectives, and what goes in and out of entries (`verifyCommStage`). Holds before
    and after: nothing changes. Stands in tests, and between passes; the pipeline checks the stage itself.
  }];
}

#endif
