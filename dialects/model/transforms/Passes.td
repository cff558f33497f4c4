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
  }];
  let dependentDialects = ["::cleave::model::ModelDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

#endif
