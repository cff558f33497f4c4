#include "dialects/comm/transforms/Traffic.h"

#include "dialects/dist/ir/Axes.h"
#include "dialects/model/transforms/CallOrder.h"

#include "llvm/ADT/TypeSwitch.h"
#include <optional>

using namespace mlir;
using namespace cleave;
using namespace cleave::comm;

cost::Link cleave::comm::linkOf(dist::MeshOp mesh, ArrayRef<dist::AxisRefAttr> over) {
  std::optional<cost::Link> slowest;
  for (dist::AxisRefAttr axis : over) {
    cost::Link link;
    if (std::optional<ArrayAttr> links = mesh.getLinks()) {
      auto attribute = cast<dist::LinkAttr>((*links)[*mesh.find(axis.getName().getValue())]);
      link = {attribute.getBandwidth().getValueAsDouble(), attribute.getLatency().getValueAsDouble()};
    }
    if (!slowest)
      slowest = link;
    slowest->bandwidth = std::min(slowest->bandwidth, link.bandwidth);
    slowest->latency = std::max(slowest->latency, link.latency);
  }
  return slowest.value_or(cost::Link());
}

cost::Device cleave::comm::deviceOf(Operation *inModule) {
  auto module = dyn_cast<ModuleOp>(inModule);
  if (!module)
    module = inModule->getParentOfType<ModuleOp>();
  auto text = module->getAttrOfType<StringAttr>(kDeviceAttr);
  std::string found;
  return text ? cost::parseDevice(text.str(), found).value_or(cost::Device()) : cost::Device();
}

static double sizeOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return static_cast<double>(type.getNumElements()) * std::max(8u, type.getElementTypeBitWidth()) / 8;
}

namespace {
struct Kind {
  cost::Collective kind;
  double size;
};
} // namespace

static std::optional<Kind> kindOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Kind>>(op)
      .Case([](AllReduceOp it) { return Kind{cost::Collective::AllReduce, sizeOf(it.getInput())}; })
      .Case([](ReduceScatterOp it) { return Kind{cost::Collective::ReduceScatter, sizeOf(it.getInput())}; })
      .Case([](AllGatherOp it) { return Kind{cost::Collective::AllGather, sizeOf(it.getResult())}; })
      .Case([](AllToAllOp it) { return Kind{cost::Collective::AllToAll, sizeOf(it.getInput())}; })
      .Case([](BroadcastOp it) { return Kind{cost::Collective::Broadcast, sizeOf(it.getInput())}; })
      .Case([](PermuteOp it) { return Kind{cost::Collective::Permute, sizeOf(it.getInput())}; })
      .Case([](HaloOp it) {
        double rows = static_cast<double>(it.getLow() + it.getHigh());
        auto type = cast<RankedTensorType>(it.getInput().getType());
        double extent = std::max<double>(1, type.getDimSize(it.getDim()));
        return Kind{cost::Collective::Halo, sizeOf(it.getInput()) * rows / extent};
      })
      .Default([](Operation *) { return std::nullopt; });
}

bool cleave::comm::communicates(Operation *op) { return kindOf(op).has_value(); }

Traffic cleave::comm::trafficOf(Operation *op) {
  Traffic traffic{op, 1, 0, 0};
  std::optional<Kind> kind = kindOf(op);
  if (!kind)
    return traffic;
  auto mesh =
      SymbolTable::lookupNearestSymbolFrom<dist::MeshOp>(op, op->getAttrOfType<FlatSymbolRefAttr>("mesh"));
  SmallVector<dist::AxisRefAttr> over = dist::axesOf(op->getAttrOfType<ArrayAttr>("over"));
  int64_t members = dist::membersOf(mesh, over);
  traffic.bytes = cost::bytesSent(kind->kind, kind->size, members);
  traffic.seconds = cost::seconds(kind->kind, kind->size, members, linkOf(mesh, over));
  return traffic;
}

double cleave::comm::bytesOf(ArrayRef<Traffic> traffic) {
  double bytes = 0;
  for (const Traffic &one : traffic)
    bytes += one.bytes * static_cast<double>(one.count);
  return bytes;
}

static SmallVector<Traffic> trafficIn(func::FuncOp function, SymbolTable &symbols) {
  SmallVector<Traffic> result;
  for (Operation &op : function.getBody().front()) {
    if (communicates(&op)) {
      result.push_back(trafficOf(&op));
      continue;
    }
    SmallVector<func::FuncOp> callees = model::calleesOf(&op, symbols);
    int64_t times = 1;
    if (auto scan = dyn_cast<model::ScanOp>(op))
      times = scan.getCount();
    else if (auto loop = dyn_cast<model::WhileOp>(op))
      times = loop.getBound();
    SmallVector<SmallVector<Traffic>> inner;
    for (func::FuncOp callee : callees)
      inner.push_back(trafficIn(callee, symbols));
    if (isa<model::IfOp>(op) && inner.size() == 2)
      inner.erase(inner.begin() + (bytesOf(inner[0]) >= bytesOf(inner[1])));
    for (ArrayRef<Traffic> list : inner)
      for (Traffic one : list) {
        one.count *= times;
        result.push_back(one);
      }
  }
  return result;
}

SmallVector<Traffic> cleave::comm::trafficOf(func::FuncOp entry) {
  SymbolTable symbols(entry->getParentOfType<ModuleOp>());
  return trafficIn(entry, symbols);
}
