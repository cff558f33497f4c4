// --model-inline: replaces every model.call by its callee's ops.
//
//   %y = model.call @f(%x)  ->  what @f consists of
//
// Before: no recursion. After: no model.call. It stands behind the gradients, which want composites whole,
// and before simplification, which works within functions.
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/CallOrder.h"
#include "dialects/model/transforms/Passes.h"

namespace cleave::model {
#define GEN_PASS_DEF_MODELINLINE
#include "dialects/model/transforms/Passes.h.inc"
} // namespace cleave::model

using namespace mlir;
using namespace cleave::model;

namespace {
struct ModelInline : cleave::model::impl::ModelInlineBase<ModelInline> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (func::FuncOp function : calleesFirst(getOperation(), symbols)) { // callees have no calls left
      SmallVector<CallOp> calls;
      function.walk([&](CallOp call) { calls.push_back(call); });
      for (CallOp call : calls) {
        FailureOr<SmallVector<Value>> values = inlineCall(call, symbols);
        if (failed(values))
          return signalPassFailure();
        call->replaceAllUsesWith(*values);
        call->erase();
      }
    }
  }
};
} // namespace
