#include "dialects/comm/transforms/Varying.h"

#include "dialects/dist/ir/Dist.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

using Axes = std::set<StringRef>;

static void add(Axes &axes, const Axes &more) { axes.insert(more.begin(), more.end()); }

static void add(Axes &axes, ArrayRef<dist::AxisRefAttr> more) {
  for (dist::AxisRefAttr axis : more)
    axes.insert(axis.getName().getValue());
}

static void add(Axes &axes, dist::LayoutAttr layout) {
  if (!layout)
    return;
  for (dist::DimAttr dim : layout.getDims())
    add(axes, dim.getAxes());
  for (dist::PartialAttr partial : layout.getPartials())
    add(axes, partial.getAxes());
}

Varying::Varying(ModuleOp module) {
  module.walk([&](model::ScanOp scan) {
    if (auto body = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(scan, scan.getBodyAttr()))
      scans[body].push_back(scan);
  });
}

const Axes &Varying::axesOf(Value value) {
  auto it = known.find(value.getAsOpaquePointer());
  if (it != known.end())
    return it->second;
  return known[value.getAsOpaquePointer()] = find(value);
}

bool Varying::isSame(Value value, ArrayAttr over) {
  const Axes &own = axesOf(value);
  return llvm::none_of(dist::axesOf(over),
                       [&](dist::AxisRefAttr axis) { return own.count(axis.getName().getValue()) != 0; });
}

// Of a body's argument also what it is given: a carry may begin as a term of a sum (comm-hoist).
Axes Varying::findArgument(BlockArgument argument) {
  Axes found;
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  if (!function)
    return found;
  unsigned number = argument.getArgNumber();
  add(found, function.getArgAttrOfType<dist::LayoutAttr>(number, dist::kLayoutAttr));
  auto runners = scans.find(function);
  if (number == 0 || runners == scans.end())
    return found;
  for (model::ScanOp scan : runners->second)
    add(found, axesOf(scan->getOperand(number - 1))); // before them stands the turn's number
  return found;
}

// Of what runs a body: the layout that the body declares, and for a carry what it begins as.
Axes Varying::findResult(OpResult result) {
  Axes found;
  Operation *op = result.getOwner();
  auto name = op->getAttrOfType<FlatSymbolRefAttr>(isa<model::IfOp>(op) ? "then_body" : "body");
  unsigned number = result.getResultNumber();
  if (auto body = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, name))
    add(found, body.getResultAttrOfType<dist::LayoutAttr>(number, dist::kLayoutAttr));
  if (auto scan = dyn_cast<model::ScanOp>(op); scan && number < scan.getCarries().size())
    add(found, axesOf(scan.getCarries()[number]));
  return found;
}

Axes Varying::find(Value value) {
  Operation *def = value.getDefiningOp();
  if (!def)
    return findArgument(cast<BlockArgument>(value));
  if (def->hasAttr("body") || isa<model::IfOp>(def))
    return findResult(cast<OpResult>(value));
  Axes found;
  for (Value operand : def->getOperands())
    add(found, axesOf(operand));
  auto over = def->getAttrOfType<ArrayAttr>("over");
  if (!over || !isa<CommDialect>(def->getDialect()))
    return found;
  bool joins = isa<AllReduceOp, AllGatherOp, BroadcastOp>(def);
  for (dist::AxisRefAttr axis : dist::axesOf(over))
    if (!joins)
      found.insert(axis.getName().getValue());
    else if (axis.isWhole())
      found.erase(axis.getName().getValue());
  return found;
}
