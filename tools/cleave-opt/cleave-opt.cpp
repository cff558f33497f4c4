// mlir-opt with Cleave's dialects and passes.
#include "compiler/codegen/cpu/Codegen.h"
#include "compiler/convert/Passes.h"
#include "dialects/pipe/ir/Pipe.h"
#include "dialects/model/ir/Model.h"
#include "dialects/model/transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllPasses();
  registry.insert<cleave::model::ModelDialect, cleave::pipe::PipeDialect>();
  cleave::registerConvertPasses();
  cleave::model::registerModelPasses();
  cleave::codegen::registerCodegenPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Cleave optimizer driver\n", registry));
}
