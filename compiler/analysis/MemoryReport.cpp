#include "compiler/analysis/MemoryReport.h"

#include "dialects/dist/ir/Notation.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::analysis;

std::string cleave::analysis::sourceOf(Location loc) { return dist::text(loc); }

std::string cleave::analysis::describe(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<StringRef> axes = model::axesOf(tensor);
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << tensor.getElementType();
  if (tensor.getRank() == 0)
    return text;
  stream << "[";
  for (int64_t i = 0; i < tensor.getRank(); ++i)
    stream << (i ? ", " : "") << (axes.empty() ? "" : (axes[i] + " ").str()) << tensor.getDimSize(i);
  stream << "]";
  return text;
}

static void keepLargest(std::vector<LargeValue> &values) {
  llvm::sort(values, [](const LargeValue &a, const LargeValue &b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : std::tie(a.name, a.source) < std::tie(b.name, b.source);
  });
  if (values.size() > kLargest)
    values.resize(kLargest);
}

// What a loop or branch hands on is known by what its body yields for it.
static Value makerOf(Value value) {
  auto result = dyn_cast<OpResult>(value);
  while (result && result.getOwner()->getNumRegions()) {
    Block &body = result.getOwner()->getRegions().back().front();
    Value inner = body.getTerminator()->getOperand(result.getResultNumber());
    result = dyn_cast<OpResult>(inner);
    if (result)
      value = inner;
  }
  return value;
}

static LargeValue largeValue(Value value) {
  Value maker = makerOf(value);
  StringRef name = pipe::nameOf(value).empty() ? pipe::nameOf(maker) : pipe::nameOf(value);
  std::string text = name.str();
  if (auto action = maker.getDefiningOp<pipe::ActionInterface>(); action && text.empty())
    text = action.getMakerText();
  if (text.empty())
    text = maker.getDefiningOp()->getName().getStringRef().str();
  return {text, sourceOf(maker.getLoc()), describe(value.getType()), pipe::bytesOf(value.getType())};
}

static EntryMemory reportEntry(func::FuncOp entry) {
  EntryMemory memory;
  memory.entry = entry.getName();
  if (auto bytes = entry->getAttrOfType<IntegerAttr>(pipe::kScratchBytesAttr))
    memory.scratchBytes = bytes.getInt();
  if (auto bytes = entry->getAttrOfType<IntegerAttr>(pipe::kScratchAliveAttr))
    memory.aliveBytes = bytes.getInt();
  for (BlockArgument argument : entry.getArguments())
    if (!entry.getArgAttr(argument.getArgNumber(), model::kStateAttr))
      memory.inputBytes += pipe::bytesOf(argument.getType());
  for (auto [i, type] : llvm::enumerate(entry.getResultTypes()))
    if (!entry.getResultAttr(i, model::kStateAttr))
      memory.outputBytes += pipe::bytesOf(type);
  llvm::DenseSet<std::pair<int64_t, int64_t>> seen; // values that share a place are listed once
  entry.walk<WalkOrder::PreOrder>([&](Operation *op) {
    for (Value value : op->getResults()) {
      pipe::PlaceAttr place = pipe::placeOf(value);
      if (place && place.getRegion() == pipe::MemoryRegion::Scratch && place.getDepths().empty() &&
          seen.insert({place.getOffset(), pipe::bytesOf(value.getType())}).second)
        memory.largest.push_back(largeValue(value));
    }
  });
  keepLargest(memory.largest);
  return memory;
}

MemoryReport cleave::analysis::reportMemory(ModuleOp module) {
  MemoryReport report;
  llvm::MapVector<StringRef, int64_t> kinds;
  for (auto state : module.getOps<model::StateOp>()) {
    int64_t bytes = pipe::bytesOf(state.getType());
    kinds[state.getKind()] += bytes;
    report.totalStateBytes += bytes;
    report.largestStates.push_back(
        {state.getPath().str(), sourceOf(state.getLoc()), describe(state.getType()), bytes});
  }
  for (auto [kind, bytes] : kinds)
    report.stateBytes.emplace_back(kind.str(), bytes);
  keepLargest(report.largestStates);
  for (auto entry : module.getOps<func::FuncOp>())
    if (entry->hasAttr(model::kEntryAttr))
      report.entries.push_back(reportEntry(entry));
  return report;
}

int64_t MemoryReport::peakBytes() const {
  int64_t largest = 0;
  for (const EntryMemory &entry : entries)
    largest = std::max(largest, entry.scratchBytes + entry.inputBytes + entry.outputBytes);
  return totalStateBytes + largest;
}

static void printValues(llvm::ArrayRef<LargeValue> values, llvm::raw_ostream &stream) {
  for (const LargeValue &value : values)
    stream << "    " << value.bytes << " " << value.name << ": " << value.type
           << (value.source.empty() ? "" : " at " + value.source) << "\n";
}

void cleave::analysis::print(const MemoryReport &report, llvm::raw_ostream &stream) {
  stream << "peak " << report.peakBytes() << " bytes\n  state " << report.totalStateBytes << "\n";
  for (const auto &[kind, bytes] : report.stateBytes)
    stream << "  state " << kind << " " << bytes << "\n";
  printValues(report.largestStates, stream);
  for (const EntryMemory &entry : report.entries) {
    stream << "  entry " << entry.entry << ": scratch " << entry.scratchBytes << " of which alive at once "
           << entry.aliveBytes << ", inputs " << entry.inputBytes << ", outputs " << entry.outputBytes
           << "\n";
    printValues(entry.largest, stream);
  }
}
