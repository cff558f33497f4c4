#include "compiler/pipeline/StageBoundary.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace cleave {
namespace {

struct StageCheckPass : PassWrapper<StageCheckPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(StageCheckPass)
  StageCheckPass(StringRef stage, StageCheck check) : stage(stage), check(check) {}
  StageCheckPass(const StageCheckPass &other) : PassWrapper(other), stage(other.stage), check(other.check) {}
  StringRef getName() const override { return "StageCheck"; }
  void runOnOperation() override {
    if (succeeded(check(getOperation())))
      return;
    getOperation().emitError("stage '") << stage << "' is not legal";
    signalPassFailure();
  }
  std::string stage;
  StageCheck check;
};

struct StageDumpPass : PassWrapper<StageDumpPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(StageDumpPass)
  explicit StageDumpPass(std::string path) : path(std::move(path)) {}
  StageDumpPass(const StageDumpPass &other) : PassWrapper(other), path(other.path) {}
  StringRef getName() const override { return "StageDump"; }
  void runOnOperation() override {
    std::error_code error;
    llvm::ToolOutputFile file(path, error, llvm::sys::fs::OF_None);
    if (error) {
      getOperation().emitError("cannot write stage dump '") << path << "': " << error.message();
      return signalPassFailure();
    }
    getOperation().print(file.os());
    file.keep();
    markAllAnalysesPreserved();
  }
  std::string path;
};

} // namespace

std::unique_ptr<Pass> createStageCheckPass(StringRef stage, StageCheck check) {
  return std::make_unique<StageCheckPass>(stage, check);
}

std::unique_ptr<Pass> createStageDumpPass(unsigned number, StringRef stage, std::string folder) {
  SmallString<128> path(folder);
  llvm::sys::path::append(path, llvm::formatv("{0:d2}-{1}.mlir", number, stage).str());
  return std::make_unique<StageDumpPass>(std::string(path));
}

} // namespace cleave
