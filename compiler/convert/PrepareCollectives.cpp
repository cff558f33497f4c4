#include "compiler/convert/PrepareCollectives.h"

#include "compiler/analysis/ActionGraph.h"
#include "dialects/comm/transforms/Partition.h"
#include "dialects/dist/ir/Axes.h"

using namespace mlir;
using namespace cleave;

static void expandOnly(comm::OnlyOp op) {
  OpBuilder builder(op);
  auto mesh = SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, op.getMeshAttr());
  int64_t members = dist::membersOf(mesh, dist::axesOf(op.getOver()));
  auto type = cast<RankedTensorType>(op.getResult().getType());
  auto memberType = RankedTensorType::get({}, builder.getI64Type());
  Value member = comm::OffsetOp::create(builder, op.getLoc(), memberType, op.getMeshAttr(), op.getOver(),
                                        builder.getI64IntegerAttr(members), builder.getI64IntegerAttr(1),
                                        ArrayAttr(), ArrayAttr());
  SmallVector<StringRef> axes = model::axesOf(type);
  axes.resize(type.getRank(), "");
  MLIRContext *context = op.getContext();
  SmallVector<AffineMap> maps = {AffineMap::getMultiDimIdentityMap(type.getRank(), context),
                                 AffineMap::get(type.getRank(), 0, context)};
  auto masked = model::IndexOp::create(
      builder, op.getLoc(), type, ValueRange{op.getInput(), member}, maps, ArrayRef<Attribute>{}, axes,
      type.getShape(), type.getRank(), model::Combiner::None,
      [&](OpBuilder &body, Location loc, ValueRange values) -> Value {
        Value zero = arith::ConstantIntOp::create(body, loc, 0, 64);
        Value isFirst = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::eq, values[1], zero);
        Value identity =
            arith::ConstantOp::create(body, loc, comm::identityOf(op.getCombiner(), type.getElementType()));
        return arith::SelectOp::create(body, loc, isFirst, values[0], identity);
      });
  if (ArrayAttr names = op.getNamesAttr())
    masked->setAttr(pipe::kNamesAttr, names);
  op.replaceAllUsesWith(masked.getResult());
  op.erase();
}

void cleave::convert::prepareCollectives(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto only = dyn_cast<comm::OnlyOp>(op)) {
      expandOnly(only);
      continue;
    }
    if (!isa<model::ModelDialect>(op.getDialect()))
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          prepareCollectives(inner);
  }
  // From the end: what one gather reads may come from another.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (auto gather = dyn_cast<comm::AllGatherOp>(op))
      if (Operation *reader = analysis::firstReader(gather.getResult(), block))
        gather->moveBefore(reader);
}
