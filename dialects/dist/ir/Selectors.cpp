#include "dialects/dist/ir/Dist.h"
#include "runtime/core/Paths.h"

bool cleave::dist::selects(llvm::StringRef selector, llvm::StringRef path) {
  return rt::selects(selector, path);
}
