#include "compiler/driver/BuildFacts.h"
#include "compiler/driver/Commit.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/TargetParser/Host.h"

namespace cleave {

BuildFacts buildFacts() {
  BuildFacts facts;
  facts.version = CLEAVE_VERSION;
  facts.commit = CLEAVE_COMMIT;
  facts.buildType = CLEAVE_BUILD_TYPE;
  facts.llvm = LLVM_VERSION_STRING;
  facts.target = llvm::sys::getDefaultTargetTriple();
  facts.processor = llvm::sys::getHostCPUName().str();
  return facts;
}

std::string toString(const BuildFacts &facts) {
  return "cleave " + facts.version + (facts.commit.empty() ? "" : "\ncommit " + facts.commit) + "\nbuild " +
         facts.buildType + "\nLLVM " + facts.llvm + "\ntarget " + facts.target + "\nprocessor " +
         facts.processor;
}

} // namespace cleave
