#include "dialects/comm/transforms/Overlap.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

StringRef cleave::comm::nameOf(Technique technique) {
  switch (technique) {
  case Technique::Early:
    return "early";
  case Technique::Reductions:
    return "reductions";
  case Technique::Prefetch:
    return "prefetch";
  case Technique::Chunks:
    return "chunks";
  case Technique::Buckets:
    return "buckets";
  case Technique::Hierarchy:
    return "hierarchy";
  case Technique::Norms:
    return "norms";
  }
  return "";
}

Choice cleave::comm::choiceOf(ModuleOp module, Technique technique) {
  Choice choice = Choice::Cost;
  for (auto plan : module.getOps<dist::PlanOp>())
    for (auto tactic : plan.getBody().getOps<dist::OverlapOp>())
      for (StringRef name : tactic.getTechniques().getAsValueRange<StringAttr>())
        if (name == nameOf(technique) || name == "all")
          choice = tactic.getNever() ? Choice::Never : Choice::Always;
  return choice;
}

bool cleave::comm::isUneven(ModuleOp module) {
  bool found = false;
  for (auto plan : module.getOps<dist::PlanOp>())
    for (auto remainder : plan.getBody().getOps<dist::RemainderOp>())
      found |= remainder.getPolicy() == "uneven";
  return found;
}

bool cleave::comm::isOffloaded(Operation *collective) {
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(
      collective, collective->getAttrOfType<FlatSymbolRefAttr>("mesh"));
  std::optional<ArrayAttr> links = mesh ? mesh.getLinks() : std::nullopt;
  if (!links)
    return false;
  return llvm::any_of(dist::axesOf(collective->getAttrOfType<ArrayAttr>("over")),
                      [&](dist::AxisRefAttr axis) {
                        auto link = cast<dist::LinkAttr>((*links)[*mesh.find(axis.getName().getValue())]);
                        return mesh.sizeOf(axis) > 1 && link.getDomain() != "process";
                      });
}

bool cleave::comm::mayUse(Technique technique, Operation *collective) {
  Choice choice = choiceOf(collective->getParentOfType<ModuleOp>(), technique);
  return choice == Choice::Always || (choice == Choice::Cost && isOffloaded(collective));
}

ReasonAttr cleave::comm::withNote(ReasonAttr reason, StringRef note) {
  if (!reason)
    return nullptr;
  Builder builder(reason.getContext());
  return ReasonAttr::get(reason.getContext(), reason.getValue(), reason.getPhase(),
                         builder.getStringAttr(reason.getBecause().getValue() + "; " + note),
                         reason.getHint(), reason.getPlan(), reason.getPath(), reason.getEdits(),
                         reason.getSource(), reason.getMerged());
}
