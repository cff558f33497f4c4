#include "dialects/dist/ir/Dist.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

static bool matches(StringRef pattern, StringRef path) {
  while (!pattern.empty()) {
    auto [wanted, morePattern] = pattern.split('.');
    auto [step, morePath] = path.split('.');
    if (path.empty() || (wanted != "*" && wanted != step))
      return false;
    pattern = morePattern;
    path = morePath;
  }
  return true;
}

bool cleave::dist::selects(StringRef selector, StringRef path) {
  if (selector.empty())
    return true;
  for (StringRef pattern : llvm::split(selector, ", "))
    if (matches(pattern, path))
      return true;
  return false;
}
