// IR text as a module.
#ifndef CLEAVE_TEST_UNIT_EXPLAIN_MODULE_H
#define CLEAVE_TEST_UNIT_EXPLAIN_MODULE_H

#include "compiler/pipeline/Pipeline.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

namespace cleave::test {

// Verified, with its context.
struct Parsed {
  explicit Parsed(llvm::StringRef text) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace cleave::test

#endif
