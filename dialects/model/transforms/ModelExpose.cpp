// --model-expose: makes named values outputs of the entries; names become attributes of the ops that make the
// values.
//
//   %1 = model.name %0 "h"          %0 = ... {names = ["h"]}
//   return %loss              ->    return %loss, %0      // the second result: {model.output = "h"}
//
// Before: legal grad stage. After: no model.name; each exposed path is an output of every entry that computes
// it, with a leading axis per scan around it. It stands behind the gradients and before fusion, which loses
// values.
#include "dialects/model/transforms/Build.h"
#include "dialects/model/transforms/CallOrder.h"
#include "dialects/model/transforms/Passes.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace cleave::model {
#define GEN_PASS_DEF_MODELEXPOSE
#include "dialects/model/transforms/Passes.h.inc"
} // namespace cleave::model

using namespace mlir;
using namespace cleave::model;

// `*` in the pattern matches any characters.
static bool matches(StringRef pattern, StringRef path) {
  size_t star = pattern.find('*');
  if (star == StringRef::npos)
    return pattern == path;
  if (!path.starts_with(pattern.take_front(star)))
    return false;
  for (StringRef rest = path.drop_front(star);; rest = rest.drop_front())
    if (matches(pattern.drop_front(star + 1), rest))
      return true;
    else if (rest.empty())
      return false;
}

namespace {
struct Exposed {
  std::string path;
  Value value;
};

class Exposer {
public:
  Exposer(ModuleOp module, ArrayRef<std::string> paths, bool inOrder)
      : symbols(module), paths(paths), inOrder(inOrder), found(paths.size(), false) {}
  void expose(func::FuncOp entry);
  LogicalResult checkFound(ModuleOp module);

private:
  SmallVector<Exposed> collect(func::FuncOp function);
  void order(func::FuncOp entry, ArrayRef<Exposed> values);
  void open(ScanOp scan, SmallVectorImpl<Exposed> &values);
  void open(CallOp call, SmallVectorImpl<Exposed> &values);
  // `function` with its exposed values as further results; null where it has none.
  func::FuncOp variant(func::FuncOp function);

  SymbolTable symbols;
  ArrayRef<std::string> paths;
  bool inOrder;
  std::vector<bool> found;
  DenseMap<Operation *, func::FuncOp> variants;
  llvm::DenseMap<Operation *, SmallVector<std::string>> variantPaths;
};
} // namespace

func::FuncOp Exposer::variant(func::FuncOp function) {
  auto known = variants.find(function);
  if (known != variants.end())
    return known->second;
  func::FuncOp copy = function.clone();
  copy.setSymName((function.getSymName() + "_exposed").str());
  copy.setPrivate();
  symbols.insert(copy, std::next(function->getIterator()));
  SmallVector<Exposed> values = collect(copy);
  if (values.empty()) {
    symbols.erase(copy);
    return variants[function] = {};
  }
  Operation *end = copy.getBody().front().getTerminator();
  SmallVector<Value> results(end->getOperands());
  for (const Exposed &exposed : values) {
    results.push_back(exposed.value);
    variantPaths[copy].push_back(exposed.path);
  }
  end->setOperands(results);
  copy.setFunctionType(
      FunctionType::get(copy.getContext(), copy.getArgumentTypes(), TypeRange(ValueRange(results))));
  copy.removeResAttrsAttr();
  return variants[function] = copy;
}

void Exposer::open(ScanOp scan, SmallVectorImpl<Exposed> &values) {
  func::FuncOp body = symbols.lookup<func::FuncOp>(scan.getBody()),
               with = body ? variant(body) : func::FuncOp();
  if (!with)
    return;
  SmallVector<Type> types(scan.getResultTypes());
  for (Type type : with.getResultTypes().drop_front(types.size()))
    types.push_back(stackedType(cast<RankedTensorType>(type), scan.getAxis(), scan.getCount()));
  OpBuilder builder(scan);
  auto wider =
      ScanOp::create(builder, scan.getLoc(), types, with.getSymName(), scan.getCount(), scan.getAxis(),
                     scan.getReverse(), scan.getConsts(), scan.getCarries(), scan.getSlices());
  wider->setDiscardableAttrs(scan->getDiscardableAttrDictionary());
  unsigned own = scan.getNumResults();
  for (auto [i, path] : llvm::enumerate(variantPaths[with]))
    values.push_back({path, wider.getResult(own + i)});
  scan->replaceAllUsesWith(wider.getResults().take_front(own));
  scan->erase();
}

void Exposer::open(CallOp call, SmallVectorImpl<Exposed> &values) {
  auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
  func::FuncOp with = callee ? variant(callee) : func::FuncOp();
  if (!with)
    return;
  OpBuilder builder(call);
  auto wider =
      CallOp::create(builder, call.getLoc(), with.getResultTypes(), with.getSymName(), call.getInputs());
  unsigned own = call.getNumResults();
  for (auto [i, path] : llvm::enumerate(variantPaths[with]))
    values.push_back({path, wider.getResult(own + i)});
  call->replaceAllUsesWith(wider.getResults().take_front(own));
  call->erase();
}

// The exposed values of a function, as values of its block.
SmallVector<Exposed> Exposer::collect(func::FuncOp function) {
  SmallVector<Exposed> values;
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    if (auto name = dyn_cast<NameOp>(op)) {
      for (auto [i, pattern] : llvm::enumerate(paths))
        if (matches(pattern, name.getPath())) {
          found[i] = true;
          values.push_back({name.getPath().str(), name.getInput()});
          break;
        }
    } else if (auto scan = dyn_cast<ScanOp>(op)) {
      open(scan, values);
    } else if (auto call = dyn_cast<CallOp>(op)) {
      open(call, values);
    }
  }
  return values;
}

void Exposer::expose(func::FuncOp entry) {
  SmallVector<Exposed> values = collect(entry);
  llvm::StringSet<> taken; // an output that goes by the same name is the value
  for (unsigned i = 0; i < entry.getNumResults(); ++i)
    if (auto name = entry.getResultAttrOfType<StringAttr>(i, kOutputAttr))
      taken.insert(name.getValue());
  for (const Exposed &exposed : values) {
    if (!taken.insert(exposed.path).second)
      continue;
    Operation *end = entry.getBody().front().getTerminator();
    unsigned index = end->getNumOperands();
    Builder builder(entry.getContext());
    auto attributes =
        builder.getDictionaryAttr(builder.getNamedAttr(kOutputAttr, builder.getStringAttr(exposed.path)));
    if (succeeded(entry.insertResult(index, exposed.value.getType(), attributes)))
      end->insertOperands(index, exposed.value);
  }
  if (inOrder)
    order(entry, values);
}

// States stay in front; then outputs as the program computes them; last those that have no name there.
void Exposer::order(func::FuncOp entry, ArrayRef<Exposed> values) {
  llvm::StringMap<size_t> places;
  for (auto [place, exposed] : llvm::enumerate(values))
    places.try_emplace(exposed.path, place + 1);
  Operation *end = entry.getBody().front().getTerminator();
  SmallVector<std::pair<size_t, unsigned>> results; // place in the program, number
  for (unsigned i = 0; i < entry.getNumResults(); ++i) {
    auto name = entry.getResultAttrOfType<StringAttr>(i, kOutputAttr);
    size_t place = name ? places.lookup(name.getValue()) : 0;
    results.push_back({name && !place ? values.size() + 1 : place, i});
  }
  llvm::sort(results);
  SmallVector<Value> operands;
  SmallVector<Attribute> attributes;
  for (auto [place, number] : results) {
    operands.push_back(end->getOperand(number));
    DictionaryAttr known = entry.getResultAttrDict(number);
    attributes.push_back(known ? known : DictionaryAttr::get(entry.getContext()));
  }
  end->setOperands(operands);
  entry.setFunctionType(
      FunctionType::get(entry.getContext(), entry.getArgumentTypes(), TypeRange(ValueRange(operands))));
  entry.setResAttrsAttr(ArrayAttr::get(entry.getContext(), attributes));
}

LogicalResult Exposer::checkFound(ModuleOp module) {
  for (unsigned i = 0; i < paths.size(); ++i) {
    if (found[i] || paths[i] == "*") // all values, however few
      continue;
    StringRef path = paths[i];
    StringRef nearest;
    unsigned best = ~0u;
    bool hidden = false;
    module.walk([&](NameOp name) {
      hidden |= matches(path, name.getPath());
      unsigned distance = path.edit_distance(name.getPath());
      if (distance < best)
        best = distance, nearest = name.getPath();
    });
    // The path comes from the command line: no place in the program is at fault.
    Location nowhere = UnknownLoc::get(module.getContext());
    if (hidden)
      return mlir::emitError(nowhere) << "E705: a value to dump is computed in every run, found '" << path
                                      << "' inside an if or a while";
    InFlightDiagnostic error = mlir::emitError(nowhere)
                               << "E705: a value to dump has a name in the program, found '" << path << "'";
    if (!nearest.empty())
      error.attachNote() << "the nearest name is '" << nearest << "'";
    return failure();
  }
  return success();
}

// The path is kept by the op that makes the value, one per result; arguments have paths of their own.
static void dropName(NameOp op) {
  if (auto result = dyn_cast<OpResult>(op.getInput())) {
    Operation *source = result.getOwner();
    SmallVector<StringRef> names(source->getNumResults(), "");
    if (auto known = source->getAttrOfType<ArrayAttr>("names"))
      llvm::copy(known.getAsValueRange<StringAttr>(), names.begin());
    if (names[result.getResultNumber()].empty())
      names[result.getResultNumber()] = op.getPath();
    source->setAttr("names", Builder(op.getContext()).getStrArrayAttr(names));
  }
  op.replaceAllUsesWith(op.getInput());
  op.erase();
}

namespace {
struct ModelExpose : cleave::model::impl::ModelExposeBase<ModelExpose> {
  using ModelExposeBase::ModelExposeBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::vector<std::string> wanted(paths.begin(), paths.end());
    Exposer exposer(module, wanted, inOrder);
    if (!wanted.empty())
      for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
        if (function->hasAttr(kEntryAttr))
          exposer.expose(function);
    if (failed(exposer.checkFound(module)))
      return signalPassFailure();
    module.walk([](NameOp op) { dropName(op); });
  }
};
} // namespace
