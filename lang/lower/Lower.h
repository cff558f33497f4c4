// Lowers the checked tree to the `model` dialect: the one step of the front end that sees MLIR.
//
// Calls of functions and layers are inlined; a repeat, scan, if or while becomes an op that calls private
// functions; a composite becomes a `model.call`. One Comprehension of the tree is one `model.index`.
//
//   entry train(x: f32[Batch]) -> (loss: f32) { return mean(b) x[b] * x[b] }
//   =>
//   func.func @train(%x: tensor<8xf32, #model.axes<Batch>> {model.input = "x"})
//       -> (tensor<f32> {model.output = "loss"}) attributes {model.entry} { ... model.index ... }
//
// Beside the entries of the program the module holds `@init`, which makes every state from a seed, one
// `model.state` per state (with `@step` and `@seed`), and one `model.data` per data source.
#ifndef CLEAVE_LANG_LOWER_LOWER_H
#define CLEAVE_LANG_LOWER_LOWER_H

#include "lang/ast/Tree.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace cleave::lower {

struct Options {
  // Entries to lower; empty means all. `init` is always lowered.
  std::vector<std::string> entries;
  // Whether values that a user named are marked with `model.name`.
  bool nameValues = true;
  // Whether the plan's local functions stand in the place of composites.
  bool manualRegions = true;
};

// Loads the dialects it needs. The program is right by construction (sema has checked it), so this cannot
// fail.
mlir::OwningOpRef<mlir::ModuleOp> lower(const ast::Program &program, mlir::MLIRContext &context,
                                        const Options &options = {});

} // namespace cleave::lower

#endif
