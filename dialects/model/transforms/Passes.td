#ifndef CLEAVE_DIALECTS_MODEL_TRANSFORMS_PASSES_TD
#define CLEAVE_DIALECTS_MODEL_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def ModelGradients : Pass<"model-gradients", "::mlir::ModuleOp"> {
  let summary = "Replaces model.gradient by reverse-mode adjoint ops.";
  let description = [{
    ```mlir
    // before
    %y = model.index (b: Batch = 8) sum (i: In = 32) ins(%x[b, i], %w[i] : ...) { mulf }
    %g = model.gradient %loss wrt (%w)
    // after: one index op per input, over the input's axes; a contraction's gradients are contractions
    %g = model.index (i: In = 32) sum (b: Batch = 8) ins(%dy[b], %x[b, i] : ...) { mulf }
    ```
    A scan's body X gives `@X_forward` (with residuals as stacks), `@X_backward_input` and `@X_backward_weight`, linked
    from X by the attributes `model.forward`, `model.backward_input` and `model.backward_weight`, and a backward scan.

    Must hold before: a verified model stage (every call names a function, no recursion). Holds after: no
    model.gradient is left, and every cotangent is summed in the reverse order of the program.

    Stands first, on the program as written: rules then see what the author meant (one contraction, one softmax), and
    residuals are chosen before anything is fused. Run model-simplify before, so that inputs are merged.

    With `names`, the gradient of a state that an entry is given gets a name, `grad(net.up.w)`, by which it can be exposed.
  }];
  let options = [Option<"names", "names", "bool", "false", "Name the gradients of states">];
  let dependentDialects = ["::cleave::model::ModelDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def ModelSimplify : Pass<"model-simplify", "::mlir::ModuleOp"> {
  let summary = "Folds, merges and removes model ops and what loops carry in vain.";
  let description = [{
    ```mlir
    // before
    %t = model.index (j: J = 3, i: I = 2) ins(%x[i, j]) { yield %a }
    %y = model.index (j: J = 3, i: I = 2) ins(%t[j, i], %zeros[j, i]) { addf }
    // after
    %y = model.index (j: J = 3, i: I = 2) ins(%x[i, j]) { yield %a }
    ```
    Holds before and after: a legal model or grad stage. Stands before the gradients, so that their rules see merged
    inputs, and behind them, where adjoint code has zeros, ones and broadcasts to fold. With `keep-dims`, behind `comm`, what is
    reduced over one element stays a reduction: the programs of ranks that have one and of those that have more are alike.
  }];
  let options = [Option<"keepDims", "keep-dims", "bool", "false", "Reductions over dims that change nothing stay.">];
  let dependentDialects = ["::cleave::model::ModelDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def ModelSplitReductions : Pass<"model-split-reductions", "::mlir::ModuleOp"> {
  let summary = "Splits large reductions to few results in two, by shapes alone.";
  let description = [{
    ```mlir
    // before
    %n = model.index () sum (i: I = 384, j: J = 1536) ins(%g[i, j]) { mulf %a, %a }
    // after
    %p = model.index (i: I = 384) sum (j: J = 1536) ins(%g[i, j]) { mulf %a, %a }
    %n = model.index () sum (i: I = 384) ins(%p[i]) { yield %a }
    ```
    Holds before and after: a legal grad stage. Stands last before kernels are formed: earlier, one op per sum is what
    rules and folds look for.
  }];
  let dependentDialects = ["::cleave::model::ModelDialect"];
}

def ModelLayOutWindows : Pass<"model-lay-out-windows", "::mlir::ModuleOp"> {
  let summary = "Stores what is multiplied by windows along the result's last axis.";
  let description = [{
    ```mlir
    // before: neighbouring results read %w a row apart
    %g = model.index (i: I = 64, c: C = 8) sum (u: U = 3, o: O = 16) ins(%y[i - u, o] outside 0, %w[u, c, o]) { mulf }
    // after
    %t = model.index (u: U = 3, o: O = 16, c: C = 8) ins(%w[u, c, o]) { yield %a }
    %g = model.index (i: I = 64, c: C = 8) sum (u: U = 3, o: O = 16) ins(%y[i - u, o] outside 0, %t[u, o, c]) { mulf }
    // with C = 32 or more, as well: a copy of %y with an edge, %e[i + 2 - u, o]
    ```
    Holds before and after: a legal grad stage. Stands behind the last simplification, which would read the copy
    through.
  }];
  let dependentDialects = ["::cleave::model::ModelDialect"];
}

def ModelExpose : Pass<"model-expose", "::mlir::ModuleOp"> {
  let summary = "Makes named values outputs of the entries; names become attributes.";
  let description = [{
    ```mlir
    // before, with paths = "h"
    %1 = model.name %0 "h" : tensor<8xf32, ...>
    return %loss : tensor<f32>
    // after: a second result with {model.output = "h"}
    return %loss, %0 : tensor<f32>, tensor<8xf32, ...>
    ```
    A value of a scan's body comes out stacked. `*` in a path stands for any characters. Every model.name is gone after:
    the path is kept as the attribute `names` of the op that makes the value. Stands behind the gradients, which must not
    see a named value as used, and before fusion, which loses values. With `in-order`, outputs stand in the order in which
    the program computes them, the entry's own among them.
  }];
  let options = [
    ListOption<"paths", "paths", "std::string", "Paths of the values to expose; `*` matches any characters">,
    Option<"inOrder", "in-order", "bool", "false", "Outputs in the order of the program">
  ];
  let dependentDialects = ["::cleave::model::ModelDialect"];
}

def ModelInline : Pass<"model-inline", "::mlir::ModuleOp"> {
  let summary = "Replaces every model.call by its callee's ops.";
  let description = [{
    ```mlir
    %y = model.call @f(%x) : ...        // before
    %y = model.index ... ins(%x[i]) ... // after: what @f consists of
    ```
    Must hold before: no recursion. Holds after: no model.call. Stands behind the gradients, which want composites whole,
    and before simplification, which works within functions.
  }];
  let dependentDialects = ["::cleave::model::ModelDialect"];
}

def ModelAccumulate : Pass<"model-accumulate", "::mlir::ModuleOp"> {
  let summary = "Runs a training step in micro-batches, adding their gradients up.";
  let description = [{
    ```mlir
    // before
    %y = model.index (b: Batch = 8, o: Out = 2) sum (i: In = 4) ins(%x[b, i], %w[i, o]) { mulf }
    %g = model.index (i: In = 4, o: Out = 2) sum (b: Batch = 8) ins(%x[b, i], %dy[b, o]) { mulf }
    // after, with axis = "Batch", count = 4
    %g = model.scan @train_micro count 4 over "Micro" consts(%w) carries(%zero) slices(%x4, ...)
    // @train_micro: (turn, w, sum, x) -> sum + g of two examples
    ```
    Must hold before: no model.gradient, no model.call. Holds after: the same. Where a step needs the whole axis at once (batch norm),
    an error says which value.
  }];
  let options = [Option<"axis", "axis", "std::string", "\"Batch\"", "Axis of the examples">,
                 Option<"count", "count", "int64_t", "1", "Number of micro-batches">];
  let dependentDialects = ["::cleave::model::ModelDialect", "::mlir::arith::ArithDialect"];
}

def ModelPromote : Pass<"model-promote", "::mlir::ModuleOp"> {
  let summary = "Every floating-point type becomes f64; what is exact keeps its bits.";
  let description = [{
    ```mlir
    // before
    %w = model.index (i: I = 8) ins(%seed[]) { ... : f32 } {exact} : tensor<8xf32, ...>
    %y = model.index (i: I = 8) ins(%w[i]) { mulf : f32 } : tensor<8xf32, ...>
    // after
    %w = model.index (i: I = 8) ins(%seed[]) { ... : f32 } {exact} : tensor<8xf32, ...>
    %c = model.index (i: I = 8) ins(%w[i]) { extf : f32 to f64 } : tensor<8xf64, ...>
    %y = model.index (i: I = 8) ins(%c[i]) { mulf : f64 } : tensor<8xf64, ...>
    ```
    Holds before and after: a legal model stage. Stands before everything else, so that what `verify` runs is the pipeline
    of the program itself with other types.
  }];
  let dependentDialects = ["::cleave::model::ModelDialect", "::mlir::arith::ArithDialect"];
}

def ModelJitter : Pass<"model-jitter", "::mlir::ModuleOp"> {
  let summary = "Every computed term is off by one part in 2^36, up or down: how far rounding may take a value.";
  let description = [{
    ```mlir
    model.yield %v : f64                  // before
    %w = arith.mulf %v, %factor : f64     // after: 1 + 2^-36 or 1 - 2^-36, by a hash of the op and its point
    model.yield %w : f64
    ```
    Must hold before: a legal grad stage in which all floating-point types are f64. Holds after: the same. Stands behind the
    gradients, whose terms round like others.
  }];
  let dependentDialects = ["::cleave::model::ModelDialect", "::mlir::arith::ArithDialect"];
}

#endif
