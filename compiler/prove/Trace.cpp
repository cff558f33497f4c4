#include "compiler/prove/Trace.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

//===----------------------------------------------------------------------===//
// The graph of values
//===----------------------------------------------------------------------===//

// The lines that an op stands for.
static void linesOf(Location location, SmallVectorImpl<Location> &lines) {
  location->walk([&](Location each) {
    if (isa<FileLineColLoc>(each))
      lines.push_back(each);
    return WalkResult::advance();
  });
}

static int64_t atomRead(const Algebra &algebra, Term term) {
  const TermNode *of = &algebra.node(term);
  if (of->kind == TermKind::Integer) {
    const IndexNode &index = algebra.node(of->indices[0]);
    if (index.entries.size() != 1 || algebra.base(index.entries[0].first).kind != BaseKind::Data)
      return -1;
    of = &algebra.node(algebra.base(index.entries[0].first).term);
  }
  return of->kind == TermKind::Read ? of->number : -1;
}

Trace::Trace(Proof &proof, const Mesh &mesh, ArrayRef<Step> whole)
    : proof(proof), algebra(proof.algebra), mesh(mesh), whole(whole) {
  for (auto [i, step] : llvm::enumerate(proof.steps))
    stepsOf[step.value].push_back(i);
  for (auto [i, step] : llvm::enumerate(whole)) {
    wholeSteps[step.value].push_back(i);
    if (isa<BlockArgument>(step.value) && atomRead(algebra, step.tensor.element) >= 0)
      wholeReading[atomRead(algebra, step.tensor.element)].push_back(i);
    SmallVector<Location> lines;
    linesOf(step.value.getLoc(), lines);
    for (Location line : lines)
      wholeAt[line].push_back(i);
  }
  if (proof.steps.empty())
    return;
  module = proof.steps.front().value.getParentRegion()->getParentOfType<ModuleOp>();
  symbols.emplace(module);
  module.walk([&](Operation *op) {
    for (StringRef attribute : {"callee", "body", "condition", "then_body", "else_body"})
      if (auto symbol = op->getAttrOfType<FlatSymbolRefAttr>(attribute))
        if (Operation *function = symbols->lookup(symbol.getValue()))
          callers[function].push_back(op);
  });
}

static Value returned(std::optional<SymbolTable> &symbols, StringRef name, unsigned i) {
  return symbols->lookup<func::FuncOp>(name).getBody().front().getTerminator()->getOperand(i);
}

// What a value is computed from, through calls and loops.
SmallVector<Value> Trace::sourcesOf(Value value) {
  SmallVector<Value> sources;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    unsigned n = argument.getArgNumber();
    for (Operation *caller : callers[argument.getOwner()->getParentOp()]) {
      if (auto scan = dyn_cast<model::ScanOp>(caller)) {
        if (n == 0)
          continue;
        sources.push_back(scan->getOperand(n - 1));
        unsigned first = scan.getConsts().size() + 1;
        if (n >= first && n < first + scan.getCarries().size())
          sources.push_back(returned(symbols, scan.getBody(), n - first));
      } else if (auto loop = dyn_cast<model::WhileOp>(caller)) {
        sources.push_back(loop->getOperand(n));
        if (n >= loop.getConsts().size())
          sources.push_back(returned(symbols, loop.getBody(), n - loop.getConsts().size()));
      } else {
        sources.push_back(caller->getOperand(isa<model::IfOp>(caller) ? n + 1 : n));
      }
    }
    return sources;
  }
  unsigned n = cast<OpResult>(value).getResultNumber();
  Operation *op = value.getDefiningOp();
  if (auto call = dyn_cast<model::CallOp>(op)) {
    sources.push_back(returned(symbols, call.getCallee(), n));
  } else if (auto scan = dyn_cast<model::ScanOp>(op)) {
    sources.push_back(returned(symbols, scan.getBody(), n));
    if (n < scan.getCarries().size())
      sources.push_back(scan.getCarries()[n]);
  } else if (auto loop = dyn_cast<model::WhileOp>(op)) {
    sources.append({returned(symbols, loop.getBody(), n), loop.getCarries()[n]});
  } else if (auto branch = dyn_cast<model::IfOp>(op)) {
    sources.append({branch.getCondition(), returned(symbols, branch.getThenBody(), n),
                    returned(symbols, branch.getElseBody(), n)});
  } else {
    sources.append(op->operand_begin(), op->operand_end());
  }
  return sources;
}

// The last one ahead of another.
std::optional<size_t> Trace::stepOf(Value value, size_t before) {
  for (unsigned tries = 0; tries < 100; ++tries) {
    auto found = stepsOf.find(value);
    if (found != stepsOf.end()) {
      auto ahead = llvm::find_if(llvm::reverse(found->second), [&](size_t each) { return each < before; });
      return ahead == found->second.rend() ? std::nullopt : std::optional(*ahead);
    }
    SmallVector<Value> sources = sourcesOf(value);
    if (sources.size() != 1)
      return std::nullopt;
    value = sources.front();
  }
  return std::nullopt;
}

const Twin *Trace::twinOf(Value value, size_t before) {
  std::optional<size_t> step = stepOf(value, before);
  return step ? match(*step) : nullptr;
}

bool Trace::isRight(Value value) {
  auto found = stepsOf.find(value);
  return found != stepsOf.end() && llvm::all_of(found->second, [&](size_t step) { return match(step); });
}

// Values on the way, which the program does not have, are right where what is made of them is.
bool Trace::isUsedRightly(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    return user->getNumResults() == 1 && isRight(user->getResult(0));
  });
}

void Trace::collect(Value value) {
  if (!region.try_emplace(value, true).second)
    return;
  Operation *op = value.getDefiningOp();
  if (stepsOf.count(value) && (isRight(value) || isUsedRightly(value) || (op && op->getNumOperands() == 0))) {
    region[value] = false;
    return;
  }
  wrongs.push_back(value);
  for (Value source : sourcesOf(value))
    collect(source);
}

//===----------------------------------------------------------------------===//
// Twins
//===----------------------------------------------------------------------===//

const Twin *Trace::match(size_t number) {
  auto [it, isNew] = twins.try_emplace(number);
  std::optional<Twin> &twin = it->second;
  if (isNew)
    for (const Candidate &candidate : candidatesOf(number))
      if ((twin = partOf(proof.steps[number], candidate)))
        break;
  return twin ? &*twin : nullptr;
}

// What only moves elements about, or reduces over ranks: it gives what it is given.
bool Trace::isMover(Operation *op) {
  if (op->getNumOperands() != 1 || op->getNumResults() != 1)
    return false;
  auto index = dyn_cast<model::IndexOp>(op);
  return isa<comm::CommDialect>(op->getDialect()) || (index && index.getNumReductions() == 0);
}

// What goes into a value of the program, as terms.
SmallVector<Term> Trace::inputsOf(size_t number) {
  SmallVector<Term> inputs;
  Operation *op = whole[number].value.getDefiningOp();
  for (Value operand : op ? ValueRange(op->getOperands()) : ValueRange())
    if (auto found = wholeSteps.find(operand); found != wholeSteps.end()) {
      auto ahead = llvm::find_if(llvm::reverse(found->second), [&](size_t each) { return each < number; });
      if (ahead != found->second.rend())
        inputs.push_back(whole[*ahead].tensor.element);
    }
  return inputs;
}

// Values of the program that a value of a rank may be a part of; first those made of the same.
SmallVector<Trace::Candidate> Trace::candidatesOf(size_t number) {
  const Step &step = proof.steps[number];
  Operation *op = step.value.getDefiningOp();
  SmallVector<Candidate> found;
  SmallVector<Term> inputs;
  for (Value operand : op ? ValueRange(op->getOperands()) : ValueRange())
    if (const Twin *twin = twinOf(operand, number))
      inputs.push_back(twin->whole->tensor.element);
  auto add = [&](const Step *each, unsigned common, model::Combiner combiner = model::Combiner::Sum) {
    bool isNew = llvm::none_of(found, [&](const Candidate &known) { return known.step == each; });
    if (isNew && each->tensor.sizes.size() == step.tensor.sizes.size() &&
        algebra.node(each->tensor.element).domain == algebra.node(step.tensor.element).domain)
      found.push_back({each, common, combiner});
  };
  if (op && isMover(op))
    if (const Twin *twin = twinOf(op->getOperand(0), number))
      add(twin->whole, 1, twin->combiner == model::Combiner::None ? model::Combiner::Sum : twin->combiner);
  auto reading = wholeReading.find(atomRead(algebra, step.tensor.element));
  if (reading != wholeReading.end())
    for (size_t each : reading->second)
      add(&whole[each], 1);
  SmallVector<Location> lines;
  linesOf(step.value.getLoc(), lines);
  for (Location line : lines)
    for (size_t each : wholeAt.lookup(line)) {
      SmallVector<Term> theirs = inputsOf(each);
      add(&whole[each],
          inputs.empty() + llvm::count_if(inputs, [&](Term in) { return llvm::is_contained(theirs, in); }));
    }
  uint64_t shape = algebra.node(step.tensor.element).shape;
  auto keyOf = [&](const Candidate &of) {
    return std::pair(of.common, algebra.node(of.step->tensor.element).shape == shape);
  };
  sortStably(found, [&](const Candidate &a, const Candidate &b) { return keyOf(a) > keyOf(b); });
  return found;
}

// Where a rank's part of a dim may lie: a block over digits of the mesh, or every so many elements of one.
SmallVector<Trace::Cut> Trace::cutsOf(const Step &step, unsigned dim, int64_t whole) {
  int64_t size = step.tensor.sizes[dim];
  Index own = algebra.of(algebra.dim(dim, size));
  if (whole == size)
    return {{own, {}}};
  SmallVector<Cut> found, inTurns;
  auto length = step.tensor.lengths.find(dim);
  SmallVector<Mesh::Digit> digits;
  auto extend = [&](auto &extend, SmallVector<Var> axes, Index member, int64_t members, Index start,
                    Index extent) -> void {
    for (Var turn : step.around)
      if (int64_t count = algebra.base(turn).size; size * count * members == whole)
        inTurns.push_back({algebra.add(algebra.add(algebra.scale(own, count), algebra.of(turn)),
                                       algebra.scale(member, size * count)),
                           axes});
    if (length != step.tensor.lengths.end() && extent == length->second)
      found.push_back({algebra.add(own, start), axes});
    else if (size * members >= whole && size * (members - 1) < whole && members > 1)
      found.push_back({algebra.add(own, algebra.scale(member, size)), axes});
    if (size * members >= whole)
      return;
    for (const Mesh::Digit &digit : mesh.all()) {
      if (digit.size < 2 || llvm::is_contained(axes, digit.var))
        continue;
      axes.push_back(digit.var);
      Index at = algebra.of(digit.var);
      extend(extend, axes, algebra.add(algebra.scale(member, digit.size), at), members * digit.size,
             algebra.add(start, algebra.blockStart(extent, digit.size, at)),
             algebra.blockLength(extent, digit.size, at));
      axes.pop_back();
    }
  };
  Index none = algebra.constant(0);
  extend(extend, {}, none, 1, none, algebra.constant(whole));
  found.append(inTurns.begin(), inTurns.end());
  return found;
}

SmallVector<Trace::Placement> Trace::placementsOf(const Step &step, ArrayRef<int64_t> sizes) {
  constexpr size_t kMost = 64;
  SmallVector<Placement> found(1);
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    SmallVector<Placement> longer;
    for (const Cut &cut : cutsOf(step, dim, size))
      for (const Placement &each : found) {
        bool isFree = llvm::none_of(each.axes, [&](const SmallVector<Var> &axes) {
          return llvm::any_of(cut.axes, [&](Var var) { return llvm::is_contained(axes, var); });
        });
        if (!isFree || longer.size() == kMost)
          continue;
        Placement &next = longer.emplace_back(each);
        next.place.push_back(cut.place);
        next.axes.push_back(cut.axes);
      }
    found = std::move(longer);
  }
  return found;
}

const llvm::SmallBitVector &Trace::leavesOf(Term term) {
  auto [it, isNew] = leaves.try_emplace(term.id);
  if (!isNew)
    return it->second;
  llvm::SmallBitVector found;
  auto add = [&](const llvm::SmallBitVector &more) { found |= more; };
  const TermNode of = algebra.node(term);
  if (of.kind == TermKind::Read) {
    const Atom &atom = algebra.atomOf(of.number);
    if (atom.kind == AtomKind::Reduction) {
      add(leavesOf(atom.body));
    } else {
      found.resize(2 * of.number + 1);
      found.set(2 * of.number);
    }
  }
  if (of.kind == TermKind::Op) {
    found.resize(2 * of.name + 2);
    found.set(2 * of.name + 1);
  }
  for (Term child : of.children)
    add(leavesOf(child));
  SmallVector<Index> work(of.indices.begin(), of.indices.end());
  while (!work.empty())
    for (auto [id, factor] : algebra.node(work.pop_back_val()).entries) {
      const Base &base = algebra.base(id);
      work.append(base.indices.begin(), base.indices.end());
      if (base.kind == BaseKind::Data)
        add(leavesOf(base.term));
    }
  return it->second = std::move(found);
}

Term Trace::termAt(const Step &step, const Step &from, const Placement &placement) {
  Rewrite rewrite;
  rewrite.map = step.turns;
  for (auto [dim, index] : llvm::enumerate(placement.place))
    rewrite.map[algebra.dim(dim, from.tensor.sizes[dim])] = index;
  return algebra.substitute(from.tensor.element, rewrite);
}

// Whether one op may have become the other: parts of a sum come from where the program sums.
static bool isAlike(Value value, Value whole) {
  auto own = value.getDefiningOp<model::IndexOp>(), other = whole.getDefiningOp<model::IndexOp>();
  return !own || !other || (own.getNumReductions() > 0) == (other.getNumReductions() > 0);
}

std::optional<Twin> Trace::partOf(const Step &step, const Candidate &candidate) {
  const Step &from = *candidate.step;
  if (leavesOf(step.tensor.element) != leavesOf(from.tensor.element))
    return std::nullopt;
  for (Placement &placement : placementsOf(step, from.tensor.sizes)) {
    SmallVector<Index> inside = algebra.insideOf(from.tensor.sizes, placement.place);
    Term expected = algebra.assume(termAt(step, from, placement), inside);
    Term found = algebra.assume(step.tensor.element, inside);
    if (expected == found)
      return Twin{&from, placement.place, placement.axes, {}, model::Combiner::None};
    if (candidate.common == 0 || !isAlike(step.value, from.value))
      continue;
    if (std::optional<Twin> twin = pendingOf(step, candidate, placement, expected, found))
      return twin;
  }
  return std::nullopt;
}

std::optional<Twin> Trace::pendingOf(const Step &step, const Candidate &candidate, Placement &placement,
                                     Term expected, Term found) {
  SmallVector<Var> all(step.around), open;
  for (const Mesh::Digit &digit : mesh.all())
    all.push_back(digit.var);
  for (Var var : all) {
    if (algebra.depends(expected, var) && !algebra.depends(found, var))
      return std::nullopt;
    if (algebra.depends(found, var) && !algebra.depends(expected, var))
      open.push_back(var);
  }
  if (open.empty() || algebra.node(found).domain == Domain::Boolean)
    return std::nullopt;
  auto op = step.value.getDefiningOp<model::IndexOp>();
  model::Combiner combiner = op && op.getNumReductions() > 0 ? op.getCombiner() : candidate.combiner;
  SmallVector<Var> vars;
  Rewrite rewrite;
  for (Var var : open) {
    vars.push_back(algebra.fresh(algebra.base(var).size));
    rewrite.map.emplace(var, algebra.of(vars.back()));
  }
  if (algebra.reduceToWhole(combiner, vars, algebra.substitute(found, rewrite)) != expected)
    return std::nullopt;
  llvm::erase_if(open, [&](Var var) { return algebra.base(var).varKind != VarKind::Coord; });
  return Twin{candidate.step, placement.place, placement.axes, open, combiner};
}

//===----------------------------------------------------------------------===//
// The fault
//===----------------------------------------------------------------------===//

std::optional<Fault> Trace::find(Value wrong) {
  collect(wrong);
  SmallVector<size_t> steps;
  for (Value value : wrongs)
    if (auto found = stepsOf.find(value); found != stepsOf.end())
      steps.append(found->second);
  llvm::sort(steps);
  for (size_t step : steps)
    if (std::optional<Fault> fault = explain(step))
      return fault;
  if (const Twin *twin = twinOf(wrong, proof.steps.size()); twin && !twin->pending.empty())
    return Fault{wrong,   nameOf(wrong, twin), neverTaken(twin->combiner, axesText(twin->pending)), false,
                 nullptr, std::nullopt};
  return std::nullopt;
}
