#include "compiler/codegen/cpu/Target.h"

#include "runtime/device/cpu/Processor.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;

namespace cleave::codegen {

static constexpr llvm::StringLiteral kTargetAttr = "cleave.target";
static constexpr llvm::StringLiteral kFeaturesAttr = "cleave.target_features";
static constexpr llvm::StringLiteral kTuneAttr = "cleave.target_tune";

bool Target::has(StringRef feature) const { return llvm::is_contained(features, feature); }

Target Target::host() {
  std::string processor = llvm::sys::getHostCPUName().str();
  return {"host (" + processor + ")", rt::processorFeatures(), processor};
}

std::optional<Target> Target::named(StringRef name) {
  if (name == "host")
    return host();
  for (const rt::Baseline &baseline : rt::baselines())
    if (baseline.name == name)
      return Target{baseline.name, baseline.features};
  return std::nullopt;
}

std::vector<std::string> Target::names() {
  std::vector<std::string> names = {"host"};
  for (const rt::Baseline &baseline : rt::baselines())
    names.push_back(baseline.name);
  return names;
}

Target Target::of(ModuleOp module) {
  auto name = module->getAttrOfType<StringAttr>(kTargetAttr);
  auto features = module->getAttrOfType<ArrayAttr>(kFeaturesAttr);
  auto tune = module->getAttrOfType<StringAttr>(kTuneAttr);
  if (!name || !features || !tune)
    return *named("x86-64-v4");
  Target target = {name.str(), {}, tune.str()};
  for (StringRef feature : features.getAsValueRange<StringAttr>())
    target.features.push_back(feature.str());
  return target;
}

void Target::attachTo(ModuleOp module) const {
  Builder builder(module.getContext());
  SmallVector<StringRef> list(features.begin(), features.end());
  module->setAttr(kTargetAttr, builder.getStringAttr(name));
  module->setAttr(kFeaturesAttr, builder.getStrArrayAttr(list));
  module->setAttr(kTuneAttr, builder.getStringAttr(tune));
}

} // namespace cleave::codegen
