// Manual regions: a composite whose forward and backward run a local program each.
#include "lang/lower/Lowering.h"
#include "lang/lower/PlanAttributes.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

// A plan for one entry leaves the others whole.
std::pair<const ast::Tactic *, const Lowering::ManualInstance *>
Lowering::manualFor(const ast::Function &callee) const {
  if (!inRegion && program.plan && (!program.plan->isForEntry || program.plan->target == entryName))
    for (const ast::Tactic &tactic : program.plan->tactics)
      for (const ManualInstance &instance : tactic.manual.instances)
        if (instance.composite == &callee)
          return {&tactic, &instance};
  return {nullptr, nullptr};
}

ArrayAttr Lowering::meshAxes(const std::vector<ast::MeshUse> &uses) {
  SmallVector<dist::AxisRefAttr> axes = axesOf(builder, program.plan->mesh, uses);
  return builder.getArrayAttr(SmallVector<Attribute>(axes.begin(), axes.end()));
}

// The mesh axes of a region, in the mesh's order.
static std::vector<ast::MeshUse> manualAxes(const ast::ManualRegion &manual, const ast::Mesh &mesh) {
  std::vector<bool> used(mesh.axes.size());
  for (const ast::MeshUse &use : manual.over)
    used[use.axis] = true;
  for (const auto *list : {&manual.layouts, &manual.results})
    for (const ast::Layout &layout : *list)
      for (const ast::DimLayout &dim : layout.dims)
        for (const ast::MeshUse &use : dim.over)
          used[use.axis] = true;
  std::vector<ast::MeshUse> axes;
  for (unsigned axis = 0; axis < used.size(); ++axis)
    if (used[axis])
      axes.push_back({axis, 1, 0, true, {}});
  return axes;
}

func::FuncOp Lowering::emitRegion(StringRef name, func::FuncOp body, const ast::Tactic &tactic,
                                  ArrayRef<Type> types, ArrayRef<const ast::Layout *> in,
                                  ArrayRef<Type> results, ArrayRef<const ast::Layout *> out) {
  const ast::Mesh &mesh = program.plan->mesh;
  auto layouts = [&](ArrayRef<const ast::Layout *> list) {
    return builder.getArrayAttr(llvm::map_to_vector(list, [&](const ast::Layout *layout) -> Attribute {
      return layoutOf(builder, mesh, meshName, *layout);
    }));
  };
  Location where = loc(tactic.location);
  Outlined region = outline(name, where, types, types.size(), [&](ValueRange given) {
    auto op =
        dist::ManualOp::create(builder, where, results, body.getSymName(), meshName.getValue(),
                               meshAxes(manualAxes(tactic.manual, mesh)), layouts(in), layouts(out), given);
    op->setAttr(dist::kTacticAttr, builder.getStringAttr(regionText(tactic, mesh)));
    return SmallVector<Value>(op.getResults());
  });
  return region.function;
}

// A type of the local function as it is in the whole.
static ast::Type wholeOf(ast::Type type) {
  for (const ast::Axis *&axis : type.axes)
    axis = axis->whole ? axis->whole : axis;
  return type;
}

func::FuncOp Lowering::emitManual(const ast::Function &callee, const ast::Tactic &tactic,
                                  const ManualInstance &instance) {
  if (func::FuncOp known = regions.lookup(&instance))
    return known;
  llvm::SaveAndRestore savedRegion(inRegion, true);
  const ast::Function &local = *instance.local;
  Outlined forward = outlineForward(local, loc(local.location));
  assert(forward.captures.empty() && "sema refuses what counts in the whole");
  auto backward = symbols.lookup<func::FuncOp>(
      forward.function->getAttrOfType<FlatSymbolRefAttr>(model::kBackwardAttr).getValue());
  for (StringRef attr :
       {StringRef(model::kBackwardAttr), StringRef(model::kResidualsAttr), StringRef(model::kCompositeAttr)})
    forward.function->removeAttr(attr);

  SmallVector<Type> types, made, gradients;
  SmallVector<const ast::Layout *> in, out, gradientsOut;
  for (auto [value, layout] : llvm::zip_equal(callee.arguments, instance.arguments)) {
    types.push_back(tensorType(value->type));
    in.push_back(&layout);
    if (!ast::isFloat(value->type.element))
      continue;
    gradients.push_back(types.back());
    gradientsOut.push_back(&layout);
  }
  for (auto [type, layout] : llvm::zip_equal(callee.results, instance.results)) {
    made.push_back(tensorType(type));
    out.push_back(&layout);
  }
  size_t results = made.size();
  for (auto [value, layout] : llvm::zip_equal(local.residuals, instance.residuals)) {
    made.push_back(tensorType(wholeOf(value->type)));
    out.push_back(&layout);
  }
  func::FuncOp region = emitRegion(callee.instanceName, forward.function, tactic, types, in, made, out);
  // Arguments, results, residuals, cotangents of the results.
  llvm::append_range(types, made);
  llvm::append_range(in, out);
  types.append(made.begin(), made.begin() + results);
  in.append(out.begin(), out.begin() + results);
  func::FuncOp back =
      emitRegion(callee.instanceName + ".backward", backward, tactic, types, in, gradients, gradientsOut);
  region->setAttr(model::kResidualsAttr, builder.getI64IntegerAttr(local.residuals.size()));
  region->setAttr(model::kBackwardAttr, FlatSymbolRefAttr::get(&context, back.getSymName()));
  return regions[&instance] = region;
}

Value Lowering::emitCollective(const ast::Collective &expr) {
  Location where = loc(expr.location);
  ArrayAttr over = meshAxes(expr.over->over);
  RankedTensorType type = tensorType(expr.type());
  if (!expr.input)
    return dist::RankOp::create(builder, where, type, meshName.getValue(), over);
  static constexpr dist::CollectiveKind kinds[] = {
      dist::CollectiveKind::AllReduce, dist::CollectiveKind::AllGather, dist::CollectiveKind::ReduceScatter,
      dist::CollectiveKind::AllToAll, dist::CollectiveKind::Permute};
  static constexpr model::Combiner combiners[] = {model::Combiner::None, model::Combiner::Sum,
                                                  model::Combiner::Max, model::Combiner::Min,
                                                  model::Combiner::Prod};
  return dist::CollectiveOp::create(builder, where, type, kinds[static_cast<size_t>(expr.op)],
                                    emitTensor(expr.input), meshName.getValue(), over,
                                    combiners[static_cast<size_t>(expr.combiner)], expr.shift);
}
