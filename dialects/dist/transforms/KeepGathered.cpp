#include "dialects/dist/transforms/KeepGathered.h"

#include "dialects/dist/transforms/ChooseFactors.h"
#include "dialects/model/transforms/Gradients.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::dist;

// Whether each dim of `a` is cut as `b` is, or less.
static bool isCoarser(const Cut &a, const Cut &b) {
  return llvm::all_of(llvm::zip(a.dims, b.dims), [](auto pair) {
    auto &[x, y] = pair;
    return prefixOf(x.axes, y.axes) != Prefix::No;
  });
}

static int64_t partsOf(const Cut &cut) {
  int64_t parts = 1;
  for (const DimCut &dim : cut.dims)
    parts *= sizeOf(dim.axes);
  return parts;
}

// The least cut that an op which computes with the value reads it in.
static Cut leastRead(const Graph &graph, Value value) {
  unsigned number = graph.cell(value);
  Cut least = graph.cells[number].cut;
  for (unsigned rule : graph.cells[number].rules) {
    const Rule &reader = graph.rules[rule];
    if (!reader.computes || !llvm::is_contained(value.getUsers(), reader.op))
      continue;
    for (unsigned i = 0; i != reader.operands.size(); ++i)
      if (reader.operands[i] == number)
        if (Cut need = neededLayout(graph, reader, i);
            isCoarser(need, least) && partsOf(need) < partsOf(least))
          least = need;
  }
  return least;
}

static void lie(Cell &cell, const Cut &as, unsigned stacked) {
  for (auto [position, dim] : llvm::enumerate(as.dims)) {
    cell.cut.dims[position + stacked].axes = dim.axes;
    cell.cut.dims[position + stacked].open = false;
  }
  llvm::erase_if(cell.origins, [&](const Origin &origin) { return !cell.cut.uses(origin.axis); });
}

// The bodies' arguments that slices of a stack become; none where anything else reads it.
static SmallVector<Value> slicesOf(Value stack, SymbolTable &symbols) {
  SmallVector<Value> slices;
  for (OpOperand &use : stack.getUses()) {
    auto scan = dyn_cast<model::ScanOp>(use.getOwner());
    unsigned first = scan ? scan.getConsts().size() + scan.getCarries().size() : 0;
    if (!scan || use.getOperandNumber() < first)
      return {};
    slices.push_back(symbols.lookup<func::FuncOp>(scan.getBody()).getArgument(1 + use.getOperandNumber()));
  }
  return slices;
}

void cleave::dist::keepGathered(ModuleOp module, Graph &graph) {
  SymbolTable symbols(module);
  module.walk([&](model::ScanOp scan) {
    auto body = symbols.lookup<func::FuncOp>(scan.getBody());
    for (unsigned stack = scan.getCarries().size(); stack != scan.getNumResults(); ++stack) {
      Value value = body.getBody().front().getTerminator()->getOperand(stack);
      SmallVector<Value> slices = slicesOf(scan.getResult(stack), symbols);
      if (slices.empty() || !value.getDefiningOp() || !value.getDefiningOp()->hasAttr(model::kKeptAttr))
        continue;
      Cut read = leastRead(graph, value);
      if (partsOf(read) == partsOf(graph.cells[graph.cell(value)].cut))
        continue;
      lie(graph.cells[graph.cell(body, stack)], read, 0);
      lie(graph.cells[graph.cell(scan.getResult(stack))], read, 1);
      for (Value slice : slices)
        lie(graph.cells[graph.cell(slice)], read, 0);
    }
  });
}
