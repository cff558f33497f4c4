#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_PASSES_TD
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def DistSplitRepeats : Pass<"dist-split-repeats", "::mlir::ModuleOp"> {
  let summary = "Takes a `repeat` apart where a plan names some of its layers.";
  let description = [{
    ```mlir
    // before, with a tactic about "net.blocks[2].w"
    %y = model.scan @"net.blocks[*]" count 4 over "Layers" carries(%x) slices(%w) {model.repeat = "net.blocks[*]"}
    // after: states, names and functions are known by their layers, and each range may be laid out on its own
    %a = model.scan @"net.blocks[0..2]" count 2 over "Layers" carries(%x) slices(%w0)
    %b = model.scan @"net.blocks[2]" count 1 over "Layers" carries(%a) slices(%w1)
    %y = model.scan @"net.blocks[3]" count 1 over "Layers" carries(%b) slices(%w2)
    ```
    Must hold before: a legal model stage. Holds after: the same; no scan says `model.repeat`. Stands in front of dist-residuals
    and model-gradients, so that residuals and gradients are of each range.
  }];
  let dependentDialects = ["::cleave::model::ModelDialect", "::mlir::arith::ArithDialect"];
}

def DistHoldNames : Pass<"dist-hold-names", "::mlir::ModuleOp"> {
  let summary = "Keeps the values whose layouts a plan states from being simplified away.";
  let description = [{
    ```mlir
    // before, with dist.layout_of "net.turned" in the plan
    %1 = model.index (j: J = 3, i: I = 2) ins(%0[i, j]) { yield %a }
    %2 = model.name %1 "net.turned"
    // after
    %1 = model.index (j: J = 3, i: I = 2) ins(%0[i, j]) { yield %a } {dist.held}
    ```
    Must hold before: a grad stage with names. Holds after: the same. Stands between model-gradients and model-expose,
    behind which names are attributes and movements of data are read through.
  }];
}

def DistResiduals : Pass<"dist-residuals", "::mlir::ModuleOp"> {
  let summary = "Hands a plan's `dist.residual` tactics to the gradients.";
  let description = [{
    ```mlir
    // before
    dist.plan @p on @m hash "" { dist.residual "gpt.blocks[*].up" "recompute" }
    // after
    module attributes {model.residual_policy = [["gpt.blocks[*].up", "recompute"]]}
    ```
    Must hold before: a legal model stage. Holds after: the same. Stands in front of model-gradients, which chooses residuals.
  }];
}

def DistAccumulate : Pass<"dist-accumulate", "::mlir::ModuleOp"> {
  let summary = "Splits the steps of a training entry in micro-batches, as a plan's `dist.accumulate` says.";
  let description = [{
    ```mlir
    // before
    dist.plan @p on @m hash "" { dist.accumulate 4 of "Batch" }
    %g = <of all of Batch>
    // after
    %g = model.scan @train_micro count 4 over "Micro" ...
    ```
    Must hold before: a legal grad stage after model-inline. Holds after: the same. Stands in front of dist-propagate, which
    then sees the loop as any other.
  }];
  let dependentDialects = ["::cleave::model::ModelDialect", "::mlir::arith::ArithDialect"];
}

def DistPropagate : Pass<"dist-propagate", "::mlir::ModuleOp"> {
  let summary = "Gives every value a layout: a plan's tactics, or layouts that stand in the module, spread by factors.";
  let description = [{
    ```mlir
    // before
    dist.plan @p on @m hash "" { dist.shard ["Hidden"] over [#dist.axis<"tp">] }
    %y = model.index (b: Batch = 8, o: Out = 16) sum (h: Hidden = 32) ins(%x[b, h], %w[h, o] : ...) { mulf }
    // after: computed over tp, which leaves a sum pending; the result's layout is what that becomes
    %y = model.index ... {dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"tp"}>],
                          dist.layouts = [#dist.layout<@m, [{?}, {?} ]>]}
    ```
    Tactic by tactic: what a tactic names is cut, then spread by factors, forwards and backwards, to a fixed point. With
    no plan, layouts on arguments, results and ops are spread, in the order of their priorities. See ../README.md for
    how conflicts are resolved.

    Must hold before: a legal grad stage after model-inline. Holds after: `verifyDistStage`; each scan, if and while has
    bodies of its own. Stands behind the last pass that sees whole tensors, before local shapes are made.
  }];
  let options = [
    Option<"plan", "plan", "std::string", "\"\"", "The plan; by default the only one there is">,
    Option<"stopAfter", "stop-after", "int", "-1", "Apply this many tactics only">,
    Option<"strategy", "strategy", "std::string", "\"aggressive\"", "basic: nothing that conflicts is spread; aggressive: conflicts are resolved">,
    Option<"opPriorities", "op-priorities", "bool", "true", "Element-wise ops first, broadcasts last">,
    Option<"report", "report", "bool", "false", "Remarks on what lost, and on ops whose tensors lie differently">
  ];
  let dependentDialects = ["::cleave::model::ModelDialect", "::cleave::dist::DistDialect"];
}

def VerifyDistStage : Pass<"verify-dist-stage", "::mlir::ModuleOp"> {
  let summary = "Fails on a module that is not legal at the end of the dist stage.";
  let description = [{
    ```mlir
    // refused: computed over "tp" along b, over which its layout is whole, and not marked `dist.gathers`
    %y = model.index (b: Batch = 8) sum (h: Hidden = 32) ... {dist.factors = [#dist.dim<{"tp"}>, #dist.dim<{}> ],
                                                              dist.layouts = [#dist.layout<@m, [{} ]>]}
    ```
    Holds before and after: nothing changes. For tests; the pipeline checks the stage itself.
  }];
}

#endif
