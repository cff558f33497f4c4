// The selected plan as ops of the dist dialect, each with the place of its line.
#include "lang/lower/PlanAttributes.h"

#include "lang/lower/Lowering.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

namespace {

class PlanEmitter {
public:
  PlanEmitter(OpBuilder &builder, const ast::Mesh &mesh, FlatSymbolRefAttr meshName)
      : builder(builder), mesh(mesh), meshName(meshName) {}

  void emit(const ast::Tactic &tactic, Location where);

private:
  void emitSelected(const ast::Tactic &tactic, StringRef selector, Location where);
  void emitEquivalent(const ast::PlanUse &other, Location where);
  ArrayAttr over(const ast::Tactic &tactic);
  ArrayAttr strings(const std::vector<std::string> &texts);

  OpBuilder &builder;
  const ast::Mesh &mesh;
  FlatSymbolRefAttr meshName;
};

} // namespace

SmallVector<dist::AxisRefAttr> cleave::lower::axesOf(OpBuilder &builder, const ast::Mesh &mesh,
                                                     const std::vector<ast::MeshUse> &uses) {
  SmallVector<dist::AxisRefAttr> axes;
  for (const ast::MeshUse &use : uses) {
    StringAttr name = builder.getStringAttr(mesh.axes[use.axis].name);
    axes.push_back(use.whole ? dist::AxisRefAttr::get(name.getContext(), name)
                             : dist::AxisRefAttr::get(name.getContext(), name, use.before, use.size));
  }
  return axes;
}

ArrayAttr PlanEmitter::over(const ast::Tactic &tactic) {
  return builder.getArrayAttr(SmallVector<Attribute>(llvm::map_range(
      axesOf(builder, mesh, tactic.over), [](dist::AxisRefAttr axis) -> Attribute { return axis; })));
}

ArrayAttr PlanEmitter::strings(const std::vector<std::string> &texts) {
  return builder.getStrArrayAttr(SmallVector<StringRef>(texts.begin(), texts.end()));
}

dist::LayoutAttr cleave::lower::layoutOf(OpBuilder &builder, const ast::Mesh &mesh,
                                         FlatSymbolRefAttr meshName, const ast::Layout &layout) {
  MLIRContext *context = builder.getContext();
  SmallVector<dist::DimAttr> dims;
  for (const ast::DimLayout &dim : layout.dims)
    dims.push_back(dist::DimAttr::get(context, axesOf(builder, mesh, dim.over), dim.open, /*priority=*/0));
  SmallVector<dist::PartialAttr> partials;
  for (const ast::PartialUse &partial : layout.partials)
    partials.push_back(dist::PartialAttr::get(context, *model::symbolizeCombiner(partial.combiner),
                                              axesOf(builder, mesh, partial.over)));
  return dist::LayoutAttr::get(context, meshName, dims, /*replicated=*/{}, partials);
}

std::string cleave::lower::regionText(const ast::Tactic &tactic, const ast::Mesh &mesh) {
  std::string text = "manual " + tactic.manual.composite + " = " + tactic.manual.function;
  for (auto [i, use] : llvm::enumerate(tactic.manual.over))
    text += (i ? ", " : " over ") + mesh.axes[use.axis].name;
  return text;
}

// An op per kind that is stored, or per residual policy.
void PlanEmitter::emitSelected(const ast::Tactic &tactic, StringRef selector, Location where) {
  using Kind = ast::Tactic::Kind;
  switch (tactic.kind) {
  case Kind::Layout:
    dist::LayoutOfOp::create(builder, where, selector, layoutOf(builder, mesh, meshName, tactic.layout));
    return;
  case Kind::Replicate:
    dist::ReplicateOp::create(builder, where, selector, over(tactic));
    return;
  case Kind::Store:
    for (const std::string &kind : tactic.words)
      dist::StoreOp::create(builder, where, kind, selector, over(tactic));
    return;
  case Kind::AssertNo:
  case Kind::Assert: {
    bool isNone = tactic.kind == Kind::AssertNo;
    dist::AssertOp::create(builder, where, builder.getStringAttr(isNone ? "count" : tactic.bound.metric),
                           builder.getStringAttr(tactic.collective), over(tactic),
                           builder.getStringAttr(selector),
                           builder.getI64IntegerAttr(isNone ? 0 : tactic.bound.limit));
    return;
  }
  default:
    dist::ResidualOp::create(builder, where, selector, tactic.kind == Kind::Recompute ? "recompute" : "save");
  }
}

void PlanEmitter::emitEquivalent(const ast::PlanUse &other, Location where) {
  SmallVector<StringRef> axes;
  SmallVector<int64_t> sizes;
  for (const ast::MeshAxis &axis : other.mesh.axes) {
    axes.push_back(axis.name);
    sizes.push_back(axis.size);
  }
  dist::AssertEquivalentOp::create(builder, where, other.name, builder.getStrArrayAttr(axes), sizes);
}

void PlanEmitter::emit(const ast::Tactic &tactic, Location where) {
  using Kind = ast::Tactic::Kind;
  switch (tactic.kind) {
  case Kind::Shard:
    dist::ShardOp::create(builder, where, strings(tactic.axes), over(tactic), tactic.optional);
    return;
  case Kind::Accumulate:
    for (const std::string &axis : tactic.axes)
      dist::AccumulateOp::create(builder, where, static_cast<uint64_t>(tactic.count), axis);
    return;
  case Kind::Remainder:
    dist::RemainderOp::create(builder, where, strings(tactic.axes), builder.getStringAttr(tactic.words[0]));
    return;
  case Kind::Overlap:
    dist::OverlapOp::create(builder, where, strings(tactic.words), tactic.never);
    return;
  case Kind::Allow:
    dist::AllowOp::create(builder, where, builder.getI64IntegerAttr(tactic.bound.limit));
    return;
  case Kind::Manual:
    dist::RegionOp::create(builder, where,
                           regionText(tactic, mesh)); // it stands where the composite is called
    return;
  case Kind::AssertEquivalent:
    emitEquivalent(tactic.other, where);
    return;
  default:
    break;
  }
  if (tactic.selections.empty())
    return emitSelected(tactic, "", where);
  for (const ast::Selection &selection : tactic.selections) {
    emitSelected(tactic, selection.pattern, where);
    if (!selection.entry.empty())
      builder.getInsertionBlock()->back().setAttr(dist::kEntryAttr, builder.getStringAttr(selection.entry));
  }
}

void Lowering::emitPlan(const ast::Plan &plan) {
  SmallVector<StringRef> axes;
  SmallVector<int64_t> sizes;
  SmallVector<Attribute> links;
  for (const ast::MeshAxis &axis : plan.mesh.axes) {
    axes.push_back(axis.name);
    sizes.push_back(axis.size);
    if (axis.link)
      links.push_back(dist::LinkAttr::get(
          &context, builder.getStringAttr(axis.link->name), builder.getF64FloatAttr(axis.link->bandwidth),
          builder.getF64FloatAttr(axis.link->latency), builder.getStringAttr(axis.link->domain)));
  }
  builder.setInsertionPointToEnd(module->getBody());
  auto mesh =
      dist::MeshOp::create(builder, loc(plan.mesh.location), plan.mesh.name, builder.getStrArrayAttr(axes),
                           sizes, links.size() == axes.size() ? builder.getArrayAttr(links) : ArrayAttr());
  symbols.insert(mesh);
  meshName = FlatSymbolRefAttr::get(mesh.getSymNameAttr());
  auto op = dist::PlanOp::create(builder, loc(plan.location), plan.name, meshName.getValue(), plan.hash);
  symbols.insert(op);
  if (plan.isForEntry)
    op->setAttr(dist::kEntryAttr, builder.getStringAttr(plan.target));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&op.getBody().emplaceBlock());
  PlanEmitter emitter(builder, plan.mesh, meshName);
  for (const ast::Tactic &tactic : plan.tactics)
    emitter.emit(tactic, loc(tactic.location));
}
