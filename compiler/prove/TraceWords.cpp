// What is wrong where a rank's program begins to differ, in words.
#include "compiler/prove/Describe.h"
#include "compiler/prove/Trace.h"

#include "llvm/Support/Format.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

static SmallVector<Var> digitsOf(const Mesh &mesh, Operation *op) {
  SmallVector<Var> digits;
  for (const Mesh::Digit &digit : mesh.digitsOf(dist::axesOf(op->getAttrOfType<ArrayAttr>("over"))))
    digits.push_back(digit.var);
  return digits;
}

static SmallVector<Var> without(ArrayRef<Var> list, ArrayRef<Var> other) {
  SmallVector<Var> rest(list);
  llvm::erase_if(rest, [&](Var var) { return llvm::is_contained(other, var); });
  return rest;
}

std::string Trace::axesText(ArrayRef<Var> some) {
  SmallVector<Mesh::Digit> digits;
  for (const Mesh::Digit &digit : mesh.all())
    if (llvm::is_contained(some, digit.var))
      digits.push_back(digit);
  return mesh.textOf(digits);
}

// By the op, by what it is a part of, or by the port.
std::string Trace::nameOf(Value value, const Twin *twin) {
  auto ofOp = [&](Operation *op) -> std::string {
    if (!op)
      return "";
    if (auto reason = op->getAttrOfType<comm::ReasonAttr>("reason"))
      return symbols->lookup(reason.getValue()) ? "" : reason.getValue().str(); // not of a function
    auto names = op->getAttrOfType<ArrayAttr>("names");
    return names && !names.empty() ? cast<StringAttr>(names[0]).getValue().str() : "";
  };
  std::string name = ofOp(value.getDefiningOp());
  if (name.empty() && twin)
    name = ofOp(twin->whole->value.getDefiningOp());
  int64_t atom = twin && name.empty() ? algebra.node(twin->whole->tensor.element).kind == TermKind::Read
                                            ? algebra.node(twin->whole->tensor.element).number
                                            : -1
                                      : -1;
  return atom >= 0 && algebra.atomOf(atom).kind == AtomKind::Argument ? algebra.atomOf(atom).name : name;
}

std::string Trace::dimName(Value value, unsigned dim) {
  SmallVector<StringRef> axes = model::axesOf(cast<RankedTensorType>(value.getType()));
  return dim < axes.size() ? axes[dim].str() : "dim " + std::to_string(dim);
}

static const char *wordOf(model::Combiner combiner) {
  return combiner == model::Combiner::Max ? "maximum" : combiner == model::Combiner::Min ? "minimum" : "sum";
}

std::string Trace::neverTaken(model::Combiner combiner, const std::string &axes) {
  std::string kind = combiner == model::Combiner::Sum
                         ? "it is never summed"
                         : std::string("its ") + wordOf(combiner) + " is never taken";
  return kind + " over " + axes + ": each rank has a part of it";
}

// Of the next value with a name that is made of it.
std::string Trace::nameBehind(Value value) {
  for (unsigned steps = 0; steps < 8; ++steps) {
    if (value.use_empty())
      return "";
    Operation *user = *value.user_begin();
    for (Operation *each : value.getUsers())
      user = each->isBeforeInBlock(user) ? each : user;
    if (user->getNumResults() != 1)
      return "";
    value = user->getResult(0);
    if (std::string name = nameOf(value, nullptr); !name.empty())
      return name;
  }
  return "";
}

//===----------------------------------------------------------------------===//
// Collectives
//===----------------------------------------------------------------------===//

// A reduction of parts over other axes, of another kind, or of what is whole.
Trace::Words Trace::ofReduction(Operation *op, const Step &input, const Twin &twin) {
  auto attribute = op->getAttrOfType<model::CombinerAttr>("combiner");
  if (!attribute)
    return std::nullopt;
  model::Combiner combiner = attribute.getValue();
  SmallVector<Var> over = digitsOf(mesh, op), extra = without(over, twin.pending),
                   missing = without(twin.pending, over), blocks, same;
  for (Var var : extra)
    (algebra.depends(input.tensor.element, var) ? blocks : same).push_back(var);
  std::string kind = wordOf(combiner);
  if (!twin.pending.empty() && twin.combiner != combiner)
    return "its " + kind + " is taken over " + axesText(over) + ", where each rank has a part of a " +
           wordOf(twin.combiner);
  if (!blocks.empty())
    return "its " + kind + " is taken over " + axesText(blocks) +
           ", along which ranks have other elements of it" +
           (missing.empty() ? ""
                            : ", and not over " + axesText(missing) + ", along which each has a part of it");
  if (!missing.empty() && !same.empty())
    return "its " + kind + " is taken over " + axesText(same) +
           ", along which ranks have the same, and not over " + axesText(missing) +
           ", along which each has a part of it";
  int64_t times = 1;
  for (Var var : same)
    times *= algebra.base(var).size;
  if (combiner == model::Combiner::Sum && times > 1)
    return "it is summed over " + axesText(same) +
           ", along which every rank has the whole sum already: " + std::to_string(times) +
           " times what is meant";
  return std::nullopt;
}

// Joined over axes that do not cut it.
Trace::Words Trace::ofGather(Operation *op, const Twin &twin) {
  std::optional<int64_t> dim;
  if (auto gather = dyn_cast<comm::AllGatherOp>(op))
    dim = gather.getDim();
  if (auto exchange = dyn_cast<comm::AllToAllOp>(op))
    dim = exchange.getConcat();
  if (!dim)
    return std::nullopt;
  SmallVector<Var> over = digitsOf(mesh, op), wrong = without(over, twin.axes[*dim]);
  if (wrong.empty())
    return std::nullopt;
  std::string text = "its " + dimName(op->getOperand(0), *dim) + " is gathered over " + axesText(wrong);
  return twin.axes[*dim].empty() ? text + ", over which it is not cut"
                                 : text + ", but its blocks lie along " + axesText(twin.axes[*dim]);
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

static std::string elementsText(int64_t low, int64_t high) {
  return low == high ? "element " + std::to_string(low)
                     : "elements " + std::to_string(low) + " to " + std::to_string(high);
}

// Which elements of a dim a rank has, and which it should have; none where they are the same ones.
Trace::Words Trace::placeWords(Index found, Index meant, int64_t size, const std::string &dim,
                               const std::string &rank) {
  auto at = [&](Index index, int64_t own) -> std::optional<int64_t> {
    Rewrite rewrite;
    for (Var var : algebra.varsOf(algebra.node(index).vars))
      rewrite.map[var] = algebra.constant(own);
    return algebra.constantOf(algebra.substitute(index, rewrite));
  };
  for (int64_t own : {int64_t(0), int64_t(1), size / 2, size - 1}) {
    std::optional<int64_t> here = at(found, own), there = at(meant, own);
    if (!here || !there || own >= size || *here == *there)
      continue;
    int64_t first = *at(found, 0), last = *at(found, size - 1), begin = *at(meant, 0),
            end = *at(meant, size - 1);
    bool isBlock = last - first == size - 1 && end - begin == size - 1 && size > 1;
    if (isBlock)
      return "rank (" + rank + ") has " + elementsText(first, last) + " of " + dim +
             " where it should have " + elementsText(begin, end);
    return "rank (" + rank + ") has element " + std::to_string(*here) + " of " + dim + " where element " +
           std::to_string(*there) + " belongs";
  }
  return std::nullopt;
}

// What only moves elements puts them elsewhere than any block begins.
Trace::Words Trace::ofPlace(size_t number, Value input, const Twin &twin) {
  const Step &step = proof.steps[number];
  Atom made;
  made.name = "moved";
  uint32_t atom = algebra.atom(std::move(made));
  Tensor from = proof.steps[*stepOf(input, number)].tensor;
  from.element = algebra.read(atom, twin.place);
  Evaluator evaluator(proof, module, &mesh, std::pair<size_t, size_t>());
  std::optional<Tensor> moved = evaluator.apply(step.value.getDefiningOp(), from);
  if (!moved)
    return std::nullopt;
  // On each rank, as there it reads one element.
  SmallVector<SmallVector<int64_t>> ranks = mesh.someRanks();
  SmallVector<SmallVector<Index>> found;
  for (ArrayRef<int64_t> rank : ranks) {
    Rewrite here = mesh.at(rank);
    const TermNode &of = algebra.node(algebra.substitute(moved->element, here));
    if (of.kind != TermKind::Read || of.number != atom)
      return std::nullopt;
    found.emplace_back(of.indices.begin(), of.indices.end());
  }
  // Of the places where it might lie, the one that it is nearest to.
  auto placesOf = [&](const Placement &placement, ArrayRef<int64_t> rank) {
    Rewrite here = mesh.at(rank);
    SmallVector<Index> places;
    for (Index index : placement.place)
      places.push_back(algebra.substitute(index, here));
    return places;
  };
  std::optional<Placement> nearest;
  unsigned fewest = 0;
  for (const Placement &placement : placementsOf(step, twin.whole->tensor.sizes)) {
    unsigned differing = 0;
    for (auto [rank, places] : llvm::zip(ranks, found))
      for (auto [here, there] : llvm::zip(places, placesOf(placement, rank)))
        differing += here != there;
    if (nearest && differing >= fewest)
      continue;
    nearest = placement;
    fewest = differing;
  }
  if (!nearest)
    return std::nullopt;
  for (auto [rank, places] : llvm::zip(ranks, found))
    for (auto [dim, pair] : llvm::enumerate(llvm::zip(places, placesOf(*nearest, rank))))
      if (Words words = placeWords(std::get<0>(pair), std::get<1>(pair), moved->sizes[dim],
                                   dimName(step.value, dim), mesh.rankText(rank)))
        return words;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Computations
//===----------------------------------------------------------------------===//

// k times a value that the program has here.
Trace::Words Trace::ofFactor(size_t number) {
  const Step &step = proof.steps[number];
  if (algebra.node(step.tensor.element).domain != Domain::Real || algebra.isZero(step.tensor.element))
    return std::nullopt;
  auto leading = [&](Term term) {
    const TermNode &of = algebra.node(term);
    double first = of.kind == TermKind::Sum && !of.children.empty() ? of.factors[0] : 1;
    return std::pair(first, algebra.scale(1 / first, term));
  };
  auto [given, rest] = leading(step.tensor.element);
  for (const auto &[candidate, common, combiner] : candidatesOf(number))
    for (const Placement &placement : placementsOf(step, candidate->tensor.sizes)) {
      auto [wanted, meant] = leading(termAt(step, *candidate, placement));
      if (meant != rest || given == wanted)
        continue;
      std::string text;
      llvm::raw_string_ostream(text) << "it is " << llvm::format("%g", given / wanted)
                                     << " times what is meant";
      return text;
    }
  return std::nullopt;
}

// What goes in is a part of a reduction, and is used as if it were whole.
Trace::Words Trace::ofPending(size_t number, Fault &fault) {
  Operation *op = proof.steps[number].value.getDefiningOp();
  for (Value operand : op->getOperands()) {
    const Twin *twin = twinOf(operand, number);
    if (!twin || twin->pending.empty())
      continue;
    fault.value = operand;
    fault.name = nameOf(operand, twin);
    fault.use = op;
    return neverTaken(twin->combiner, axesText(twin->pending));
  }
  return std::nullopt;
}

// Elements of one operand are taken with elements of another that do not belong to them.
Trace::Words Trace::ofOperands(size_t number) {
  const Step &step = proof.steps[number];
  auto op = dyn_cast_or_null<model::IndexOp>(step.value.getDefiningOp());
  if (!op)
    return std::nullopt;
  struct Taken {
    Value operand;
    Index place;
    std::string name;
  };
  std::map<unsigned, Taken> taken; // by the op's dim
  for (auto [i, operand] : llvm::enumerate(op.getInputs())) {
    const Twin *twin = twinOf(operand, number);
    if (!twin)
      continue;
    for (auto [axis, expr] : llvm::enumerate(op.getMap(i).getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim || axis >= twin->place.size())
        continue;
      int64_t size = op.getSizes()[dim.getPosition()];
      Index place = algebra.subtract(twin->place[axis], algebra.of(algebra.dim(axis, size)));
      auto [it, isNew] = taken.try_emplace(dim.getPosition(), Taken{operand, place, nameOf(operand, twin)});
      if (isNew || it->second.place == place)
        continue;
      for (ArrayRef<int64_t> rank : mesh.someRanks()) {
        Rewrite rewrite = mesh.at(rank);
        std::optional<int64_t> here = algebra.constantOf(algebra.substitute(place, rewrite));
        std::optional<int64_t> there = algebra.constantOf(algebra.substitute(it->second.place, rewrite));
        if (!here || !there || *here == *there)
          continue;
        auto quoted = [](const std::string &name, const char *other) {
          return name.empty() ? std::string(other) : "'" + name + "'";
        };
        return "rank (" + mesh.rankText(rank) + ") takes " + elementsText(*there, *there + size - 1) +
               " of " + dimName(operand, axis) + " of " + quoted(it->second.name, "one operand") + " with " +
               elementsText(*here, *here + size - 1) + " of " + quoted(nameOf(operand, twin), "another");
      }
    }
  }
  return std::nullopt;
}

// All that goes in is right; what the program has here that is made of the same.
Trace::Words Trace::ofRest(size_t number, std::optional<Location> &program) {
  const Step &step = proof.steps[number];
  Operation *op = step.value.getDefiningOp();
  const Step *best = nullptr;
  for (const auto &[candidate, common, combiner] : candidatesOf(number)) {
    Operation *other = candidate->value.getDefiningOp();
    if (!other || placementsOf(step, candidate->tensor.sizes).empty())
      continue;
    if (!best || other->getName() == op->getName())
      best = candidate;
    if (other->getName() == op->getName())
      break;
  }
  if (!best)
    return std::nullopt;
  program = best->value.getLoc();
  std::string last;
  for (const Placement &placement : placementsOf(step, best->tensor.sizes)) {
    std::optional<std::string> words =
        differenceOf(proof, mesh, termAt(step, *best, placement), step.tensor.element);
    if (words)
      return words;
  }
  return std::nullopt;
}

std::optional<Fault> Trace::explain(size_t number) {
  const Step &step = proof.steps[number];
  Operation *op = step.value.getDefiningOp();
  if (!op)
    return std::nullopt;
  bool isCollective = isa<comm::CommDialect>(op->getDialect());
  if (!isCollective && llvm::any_of(op->getOperands(), [&](Value operand) {
        auto found = region.find(operand);
        return found != region.end() && found->second;
      }))
    return std::nullopt; // what goes in is wrong already
  Fault fault;
  fault.value = step.value;
  Words words;
  const Twin *input = op->getNumOperands() == 1 ? twinOf(op->getOperand(0), number) : nullptr;
  if (input)
    fault.name = nameOf(op->getOperand(0), input);
  if (isCollective && input) {
    const Step &from = proof.steps[*stepOf(op->getOperand(0), number)];
    words = ofReduction(op, from, *input);
    if (!words)
      words = ofGather(op, *input);
  }
  if (!words && input && isMover(op))
    words = ofPlace(number, op->getOperand(0), *input);
  if (!words && !isCollective)
    words = ofPending(number, fault);
  if (!words)
    words = ofFactor(number);
  if (!words)
    words = ofOperands(number);
  if (!words)
    words = ofRest(number, fault.program);
  if (!words)
    return std::nullopt;
  if (std::string own = nameOf(step.value, nullptr); fault.use == nullptr && !own.empty())
    fault.name = own;
  fault.words = *words;
  if (fault.name.empty()) {
    fault.name = nameBehind(fault.value);
    fault.isInside = !fault.name.empty();
  }
  return fault;
}
