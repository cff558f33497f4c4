#include "compiler/prove/Prove.h"
#include "compiler/prove/Describe.h"
#include "compiler/prove/Effects.h"
#include "compiler/prove/Evaluate.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

namespace {

// A state or an input, a state or an output.
std::string portName(DictionaryAttr attributes) {
  if (attributes)
    for (StringRef name : {model::kStateAttr, model::kInputAttr, model::kOutputAttr})
      if (Attribute value = attributes.get(name)) {
        auto symbol = dyn_cast<FlatSymbolRefAttr>(value);
        return symbol ? symbol.getValue().str() : cast<StringAttr>(value).getValue().str();
      }
  return "";
}

Domain domainOf(Type element) {
  if (isa<FloatType>(element))
    return Domain::Real;
  return element.isInteger(1) ? Domain::Boolean : Domain::Integer;
}

// What an entry of the whole program gives.
struct Entry {
  std::map<std::string, Tensor> results;
  std::vector<Step> steps;
  std::vector<Effect> effects;
  std::pair<size_t, size_t> loops; // of the proof
};

} // namespace

struct Prover::Implementation {
  ModuleOp whole;
  Proof proof;
  std::map<std::string, Entry> entries;
  SmallVector<Var> digits; // of the mesh, where the whole was evaluated with manual regions

  explicit Implementation(ModuleOp whole) : whole(whole), proof(whole.getContext()) {}

  bool evaluate(ModuleOp module, const Mesh *mesh, std::map<std::string, Entry> &found);
  bool evaluateWhole(const Mesh &mesh);
  LogicalResult checkEntry(func::FuncOp function, const Entry &entry, const Mesh &mesh);
  Term argument(const std::string &name, RankedTensorType type, ArrayRef<Index> place);
  LogicalResult reportUnknown();
};

// Element `place` of what goes in.
Term Prover::Implementation::argument(const std::string &name, RankedTensorType type, ArrayRef<Index> place) {
  Atom made;
  made.name = name;
  made.domain = domainOf(type.getElementType());
  return proof.algebra.read(proof.algebra.atom(std::move(made)), place);
}

LogicalResult Prover::Implementation::reportUnknown() {
  return proof.unknownOp->emitError("E961: what ranks run is made of ops that the checker knows, found ")
         << proof.unknown;
}

// A program before it was distributed.
bool Prover::Implementation::evaluate(ModuleOp module, const Mesh *mesh,
                                      std::map<std::string, Entry> &found) {
  proof.algebra.makesWhole = true;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function->hasAttr(model::kEntryAttr))
      continue;
    Tensors arguments;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
      SmallVector<Index> place;
      for (auto [dim, size] : llvm::enumerate(type.getShape()))
        place.push_back(proof.algebra.of(proof.algebra.dim(dim, size)));
      arguments.emplace_back(type.getShape(), argument(portName(function.getArgAttrDict(i)), type, place));
    }
    Entry &entry = found[function.getName().str()];
    entry.loops.first = proof.loops.size();
    Evaluator evaluator(proof, module, mesh, std::nullopt);
    std::optional<Tensors> results = evaluator.run(function, arguments);
    if (!results)
      return false;
    for (auto [i, result] : llvm::enumerate(*results))
      entry.results[portName(function.getResultAttrDict(i))] = result;
    entry.loops.second = proof.loops.size();
    entry.effects = std::move(evaluator.effects);
    entry.steps = std::move(evaluator.steps);
  }
  return true;
}

// Its manual regions are functions of coordinates, which all classes of ranks have in common but for the
// parts of mesh axes that they name.
bool Prover::Implementation::evaluateWhole(const Mesh &mesh) {
  SmallVector<Var> own;
  for (const Mesh::Digit &digit : mesh.all())
    own.push_back(digit.var);
  auto isManual = [](dist::ManualOp) { return WalkResult::interrupt(); };
  bool isKnown = !entries.empty() && (own == digits || !whole->walk(isManual).wasInterrupted());
  if (isKnown)
    return true;
  entries.clear();
  digits = std::move(own);
  return evaluate(whole, &mesh, entries);
}

// Where a rank's element of a port is in the whole. Sizes and lengths of `tensor` are set.
static SmallVector<Index> placeOf(Algebra &algebra, const Mesh &mesh, RankedTensorType local,
                                  DictionaryAttr attributes, Tensor &tensor) {
  auto whole = cast<RankedTensorType>(attributes.getAs<TypeAttr>(comm::kGlobalAttr).getValue());
  auto layout = attributes.getAs<dist::LayoutAttr>(dist::kLayoutAttr);
  auto padded = attributes.getAs<DenseI64ArrayAttr>(comm::kPaddedAttr);
  tensor = Tensor(local.getShape(), Term());
  SmallVector<Index> place;
  for (auto [dim, size] : llvm::enumerate(local.getShape())) {
    Index start = algebra.constant(0);
    if (layout && !layout.getDims()[dim].getAxes().empty()) {
      ArrayRef<dist::AxisRefAttr> axes = layout.getDims()[dim].getAxes();
      int64_t room = padded ? padded[dim] : 0;
      start = mesh.blockStart(whole.getDimSize(dim), axes, room);
      Index length = mesh.blockLength(whole.getDimSize(dim), axes);
      if (room == 0 && !algebra.constantOf(length)) {
        tensor.lengths.emplace(dim, length);
        tensor.sizes[dim] = algebra.rangeOf(length).high;
      }
    }
    place.push_back(algebra.add(algebra.of(algebra.dim(dim, tensor.sizes[dim])), start));
  }
  return place;
}

LogicalResult Prover::Implementation::checkEntry(func::FuncOp function, const Entry &entry,
                                                 const Mesh &mesh) {
  Algebra &algebra = proof.algebra;
  Tensors arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
    DictionaryAttr attributes = function.getArgAttrDict(i);
    Tensor &tensor = arguments.emplace_back();
    SmallVector<Index> place = placeOf(algebra, mesh, type, attributes, tensor);
    tensor.element = argument(portName(attributes), type, place);
  }
  Evaluator evaluator(proof, function->getParentOfType<ModuleOp>(), &mesh, entry.loops);
  std::optional<Tensors> results = evaluator.run(function, arguments);
  if (!results)
    return reportUnknown();
  Operation *end = function.getBody().front().getTerminator();
  std::vector<Mismatch> mismatches;
  for (auto [i, result] : llvm::enumerate(*results)) {
    DictionaryAttr attributes = function.getResultAttrDict(i);
    std::string name = portName(attributes);
    auto wanted = entry.results.find(name);
    if (wanted == entry.results.end())
      continue;
    Rewrite rewrite;
    Tensor port;
    SmallVector<Index> place =
        placeOf(algebra, mesh, cast<RankedTensorType>(function.getResultTypes()[i]), attributes, port);
    for (auto [dim, index] : llvm::enumerate(place))
      rewrite.map[algebra.dim(dim, wanted->second.sizes[dim])] = index;
    SmallVector<Index> inside = algebra.insideOf(wanted->second.sizes, place);
    Term expected = algebra.assume(algebra.substitute(wanted->second.element, rewrite), inside);
    Term found = algebra.assume(result.element, inside);
    if (expected != found)
      mismatches.push_back({end, name, expected, found, end->getOperand(i)});
  }
  // What is shown of a loop that is another one already is said of the loop.
  if (proof.mismatches.empty() &&
      failed(compareEffects(proof, entry.effects, evaluator.effects, function, mismatches)))
    return failure();
  if (mismatches.empty() && proof.mismatches.empty())
    return success();
  if (proof.mismatches.empty())
    proof.steps = std::move(evaluator.steps);
  llvm::append_range(proof.mismatches, mismatches);
  describe(proof, mesh, proof.mismatches.front(), entry.steps);
  proof.steps.clear();
  return failure();
}

Prover::Prover(ModuleOp whole) : implementation(std::make_unique<Implementation>(whole)) {}
Prover::~Prover() = default;

std::optional<std::string> Prover::uncovered(ModuleOp local) {
  std::optional<std::string> reason;
  local.walk([&](dist::RemainderOp remainder) {
    if (remainder.getPolicy() == "uneven")
      reason = "blocks of a dim are not all equal ('remainder uneven'), and not all that is done with such "
               "is known";
  });
  return reason;
}

LogicalResult Prover::check(ModuleOp local) {
  Implementation &self = *implementation;
  Proof &proof = self.proof;
  dist::MeshOp op;
  for (auto mesh : local.getOps<dist::MeshOp>())
    op = op ? op : mesh;
  if (!op)
    return success(); // nothing is shared out
  Mesh mesh = Mesh::create(proof.algebra, op, local);
  if (!self.evaluateWhole(mesh))
    return self.reportUnknown();
  proof.algebra.makesWhole = false;
  LogicalResult result = success();
  for (auto function : local.getOps<func::FuncOp>()) {
    auto entry = self.entries.find(function.getName().str());
    if (entry == self.entries.end())
      continue;
    proof.mismatches.clear();
    proof.origins.clear();
    proof.atomOrigins.clear();
    if (failed(self.checkEntry(function, entry->second, mesh)))
      result = failure();
  }
  return result;
}

// The first result that is not the same in both; none where all are.
static std::optional<std::string> firstDifference(const Entry &a, const Entry &b) {
  auto same = [](const Tensor &x, const Tensor &y) { return x.sizes == y.sizes && x.element == y.element; };
  for (const auto &[name, tensor] : a.results)
    if (auto found = b.results.find(name); found == b.results.end() || !same(tensor, found->second))
      return name;
  for (const auto &[name, tensor] : b.results)
    if (!a.results.count(name))
      return name;
  auto sameEffect = [&](const auto &x, const auto &y) {
    return x.op->getName() == y.op->getName() &&
           std::equal(x.operands.begin(), x.operands.end(), y.operands.begin(), y.operands.end(), same);
  };
  if (!std::equal(a.effects.begin(), a.effects.end(), b.effects.begin(), b.effects.end(), sameEffect))
    return "what is printed and asserted";
  return std::nullopt;
}

std::optional<std::string> Prover::difference(ModuleOp other) {
  Implementation &self = *implementation;
  std::map<std::string, Entry> entries;
  auto evaluate = [&](ModuleOp module, std::map<std::string, Entry> &found) {
    auto op = module.getOps<dist::MeshOp>();
    std::optional<Mesh> mesh =
        op.empty() ? std::nullopt : std::optional(Mesh::create(self.proof.algebra, *op.begin(), module));
    return self.evaluate(module, mesh ? &*mesh : nullptr, found);
  };
  bool isKnown = !self.entries.empty() || evaluate(self.whole, self.entries);
  if (!isKnown || !evaluate(other, entries))
    return "what the checker has no rule for";
  for (const auto &[name, entry] : entries)
    if (auto found = self.entries.find(name); found == self.entries.end())
      return name;
    else if (std::optional<std::string> different = firstDifference(found->second, entry))
      return different;
  return std::nullopt;
}
