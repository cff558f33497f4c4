// The processor code is made for. What code generation decides by the processor it asks here, never of the
// machine it runs on: an artefact may be for another.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_TARGET_H
#define CLEAVE_COMPILER_CODEGEN_CPU_TARGET_H

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>
#include <vector>

namespace cleave::codegen {

struct Target {
  std::string name;                  // "x86-64-v4"; "host (znver4)"
  std::vector<std::string> features; // what code may use, as LLVM spells it
  std::string tune = "generic";      // the processor whose latencies are assumed; changes no result's meaning

  bool has(llvm::StringRef feature) const;
  /// Of the widest registers.
  unsigned vectorBits() const { return has("avx512f") ? 512 : 256; }

  /// This machine: what the runtime finds here, so that what it makes runs here.
  static Target host();
  /// "host" or a baseline of the runtime; none for an unknown name.
  static std::optional<Target> named(llvm::StringRef name);
  /// What named() takes.
  static std::vector<std::string> names();

  /// The target of a module's kernels, for passes. A module that says nothing (cleave-opt, tests) has
  /// x86-64-v4, on any machine.
  static Target of(mlir::ModuleOp module);
  void attachTo(mlir::ModuleOp module) const;
};

} // namespace cleave::codegen

#endif
