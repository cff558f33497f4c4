// Scans and whiles.
//
// A carry that only adds up is a sum over turns, one that only grows or falls a maximum or minimum, one that
// never changes is what it starts from, a stack is an element for each turn: these need no loop. What remains
// are recurrences. Those of the whole program are atoms; those of a rank are related to them by induction:
// where every rank starts from its part of what the whole starts from, and a turn makes of parts the parts of
// what the whole's turn makes, it has its part behind the loop.
#include "compiler/prove/Evaluate.h"

#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

namespace {
enum class CarryKind { Unchanged, Sum, Extreme, Recurrence };
} // namespace

struct Evaluator::Carried {
  Operation *op = nullptr;
  func::FuncOp body, condition;
  int64_t count = 0;
  bool reverse = false, isWhile = false;
  Tensors consts, slices, inits;
  Var turn;
  SmallVector<CarryKind> kinds;
  Tensors nexts, stacks; // of the last look
  Term holds;            // a while's condition

  SmallVector<unsigned> recurrences() const {
    SmallVector<unsigned> found;
    for (auto [i, kind] : llvm::enumerate(kinds))
      if (kind == CarryKind::Recurrence)
        found.push_back(i);
    return found;
  }
};

//===----------------------------------------------------------------------===//
// A look at a turn
//===----------------------------------------------------------------------===//

// What the body makes of carries; `stacks` and `holds` are set besides.
std::optional<Tensors> Evaluator::turnOf(Carried &loop, ArrayRef<Tensor> carries) {
  Tensors arguments;
  if (!loop.isWhile)
    arguments.push_back(Tensor({}, algebra.integer(algebra.of(loop.turn))));
  llvm::append_range(arguments, loop.consts);
  llvm::append_range(arguments, carries);
  for (const Tensor &slice : loop.slices) {
    SmallVector<Index> place = dimsOf(ArrayRef(slice.sizes).drop_front());
    place.insert(place.begin(), algebra.of(loop.turn));
    Tensor &part = arguments.emplace_back(ArrayRef(slice.sizes).drop_front(), at(slice, place));
    for (auto [dim, length] : slice.lengths)
      part.lengths.emplace(dim - 1, length);
  }
  ++depth;
  around.push_back(loop.turn);
  for (auto [argument, tensor] : llvm::zip_equal(loop.body.getArguments(), arguments))
    note(argument, tensor);
  std::optional<Tensors> holds;
  if (loop.isWhile)
    holds = run(loop.condition, arguments);
  std::optional<Tensors> results = run(loop.body, arguments);
  --depth;
  around.pop_back();
  if (!results || (loop.isWhile && !holds))
    return std::nullopt;
  if (loop.isWhile)
    loop.holds = holds->front().element;
  loop.nexts.assign(results->begin(), results->begin() + carries.size());
  loop.stacks.assign(results->begin() + carries.size(), results->end());
  return loop.nexts;
}

// Carries of which nothing is known but that they may differ from rank to rank and from turn to turn.
Tensors Evaluator::selves(Carried &loop) {
  Tensors made;
  for (auto [i, init] : llvm::enumerate(loop.inits)) {
    Atom self;
    self.kind = AtomKind::Self;
    self.domain = algebra.node(init.element).domain;
    self.number = depth;
    self.part = static_cast<int64_t>(i);
    SmallVector<Index> place = dimsOf(init.sizes);
    place.insert(place.begin(), algebra.of(loop.turn));
    for (Var coordinate : varying)
      place.push_back(algebra.of(coordinate));
    made.push_back(init);
    made.back().element = algebra.read(algebra.atom(std::move(self)), place);
  }
  return made;
}

static uint32_t atomRead(const Algebra &algebra, Term self) {
  const TermNode &of = algebra.node(self);
  if (of.kind == TermKind::Integer)
    return algebra.node(algebra.base(algebra.node(of.indices[0]).entries[0].first).term).number;
  return of.number;
}

// A carry without the carry, where it is added to once.
static std::optional<Term> addend(Algebra &algebra, Term next, Term self) {
  if (algebra.node(next).domain == Domain::Integer) {
    Index rest = algebra.subtract(algebra.indexOf(next), algebra.indexOf(self));
    return algebra.integer(rest);
  }
  if (algebra.node(next).domain != Domain::Real)
    return std::nullopt;
  return algebra.sum({{1, next}, {-1, self}});
}

namespace {
// A carry that is the greatest or least of itself and something else.
struct Extreme {
  model::Combiner combiner = model::Combiner::None;
  TermNode op;
  Term rest;
};
} // namespace

static std::optional<Extreme> extremeOf(Algebra &algebra, Term next, Term self) {
  auto opOf = [&](Term term) {
    const TermNode &of = algebra.node(term);
    if (of.kind != TermKind::Integer)
      return of;
    const IndexNode &index = algebra.node(of.indices[0]);
    bool isData = index.constant == 0 && index.entries.size() == 1 && index.entries[0].second == 1 &&
                  algebra.base(index.entries[0].first).kind == BaseKind::Data;
    return isData ? algebra.node(algebra.base(index.entries[0].first).term) : of;
  };
  TermNode of = opOf(next);
  StringRef name = algebra.textOf(of.name);
  if (of.kind != TermKind::Op || of.children.size() != 2 || !llvm::is_contained(of.children, self))
    return std::nullopt;
  if (!name.starts_with("arith.max") && !name.starts_with("arith.min"))
    return std::nullopt;
  model::Combiner combiner = name.starts_with("arith.max") ? model::Combiner::Max : model::Combiner::Min;
  return Extreme{combiner, of, of.children[of.children[0] == self ? 1 : 0]};
}

void Evaluator::classify(Carried &loop, ArrayRef<Tensor> carries) {
  loop.kinds.assign(carries.size(), CarryKind::Recurrence);
  for (auto [i, carry] : llvm::enumerate(carries)) {
    if (loop.nexts[i].element == carry.element) {
      loop.kinds[i] = CarryKind::Unchanged;
      continue;
    }
    std::optional<Term> rest = addend(algebra, loop.nexts[i].element, carry.element);
    std::optional<Extreme> extreme = extremeOf(algebra, loop.nexts[i].element, carry.element);
    uint32_t self = atomRead(algebra, carry.element);
    bool isOwn = !loop.isWhile; // nothing else reads it
    for (auto [j, next] : llvm::enumerate(loop.nexts))
      isOwn = isOwn && (i == j || !algebra.reads(next.element, self));
    for (const Tensor &stack : loop.stacks)
      isOwn = isOwn && !algebra.reads(stack.element, self);
    for (Term term : shown)
      isOwn = isOwn && !algebra.reads(term, self);
    if (isOwn && rest && !algebra.reads(*rest, self))
      loop.kinds[i] = CarryKind::Sum;
    else if (isOwn && extreme && !algebra.reads(extreme->rest, self))
      loop.kinds[i] = CarryKind::Extreme;
  }
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

static uint32_t loopAtom(Algebra &algebra, AtomKind kind, const Loop &loop, unsigned part, Domain domain) {
  Atom made;
  made.kind = kind;
  made.domain = domain;
  made.number = loop.number;
  made.depth = loop.depth;
  made.part = part;
  return algebra.atom(std::move(made));
}

// Reads carries of a loop: at the beginning of a turn, and behind it.
static void readLoop(Algebra &algebra, const Loop &loop, unsigned part, Index turn, ArrayRef<Index> place,
                     ArrayRef<Index> context, Tensor &carry, Tensor &last) {
  Domain domain = algebra.node(loop.inits[part].element).domain;
  SmallVector<Index> indices(place);
  indices.append(context.begin(), context.end());
  last.element = algebra.read(loopAtom(algebra, AtomKind::Final, loop, part, domain), indices);
  indices.insert(indices.begin(), turn);
  carry.element = algebra.read(loopAtom(algebra, AtomKind::Carry, loop, part, domain), indices);
}

// Its recurrences as atoms, named by what they compute.
void Evaluator::makeLoop(Carried &loop, Tensors &carries, Tensors &finals) {
  Loop made;
  made.op = loop.op;
  made.count = loop.count;
  made.reverse = loop.reverse;
  made.isWhile = loop.isWhile;
  made.turn = loop.turn;
  made.depth = depth;
  Algebra::Closing closing;
  closing.bound[loop.turn] = true;
  SmallVector<Term> parts;
  for (unsigned i : loop.recurrences()) {
    made.inits.push_back(loop.inits[i]);
    for (auto [dim, size] : llvm::enumerate(loop.inits[i].sizes))
      closing.bound[algebra.dim(dim, size)] = false;
  }
  for (unsigned i : loop.recurrences()) {
    parts.push_back(algebra.close(loop.inits[i].element, closing));
    parts.push_back(algebra.close(loop.nexts[i].element, closing));
  }
  if (loop.isWhile)
    parts.push_back(algebra.close(loop.holds, closing));
  Attribute facts = DenseI64ArrayAttr::get(proof.context, {loop.count, loop.reverse, loop.isWhile});
  made.number = algebra.op("loop", algebra.name(facts), Domain::Boolean, parts).id;
  made.context.assign(closing.values.begin(), closing.values.end());
  for (auto [part, i] : llvm::enumerate(loop.recurrences()))
    readLoop(algebra, made, part, algebra.of(loop.turn), dimsOf(loop.inits[i].sizes), made.context,
             carries[i], finals[i]);
  if (isWhole)
    proof.loops.push_back(std::move(made));
}

//===----------------------------------------------------------------------===//
// Relating a rank's loop to the whole's
//===----------------------------------------------------------------------===//

namespace {
// Finds what to put for the Dims of a term of the whole so that it becomes a term of a rank.
class Matcher {
public:
  Matcher(Algebra &algebra, Rewrite &found) : algebra(algebra), found(found) {}

  void match(Term pattern, Term term) {
    if (!algebra.dependsOnKind(pattern, VarKind::Dim) || !seen.insert(pattern.id).second)
      return;
    const TermNode a = algebra.node(pattern), b = algebra.node(term);
    if (a.kind != b.kind || a.number != b.number || a.children.size() != b.children.size() ||
        a.indices.size() != b.indices.size())
      return;
    for (auto [left, right] : llvm::zip(a.indices, b.indices))
      match(left, right);
    for (auto [left, right] : llvm::zip(a.children, b.children))
      match(left, right);
  }

  void match(Index pattern, Index index) {
    const IndexNode a = algebra.node(pattern), b = algebra.node(index);
    for (auto [ours, factor] : a.entries)
      matchBase(algebra.base(ours), factor, b);
    // Dims that are not known yet, the largest factor first: digits of what is found.
    SmallVector<std::pair<int64_t, Var>> open;
    Index rest = pattern;
    for (auto [base, factor] : a.entries) {
      const Base &of = algebra.base(base);
      if (of.kind != BaseKind::Var || of.varKind != VarKind::Dim || found.map.count(Var{base}))
        continue;
      open.push_back({factor, Var{base}});
      rest = algebra.subtract(rest, algebra.scale(algebra.of(Var{base}), factor));
    }
    llvm::sort(open, [](auto x, auto y) { return x.first > y.first; });
    if (open.empty() || open.back().first < 1 || algebra.hasUnknownDim(rest, found))
      return;
    Rewrite fresh;
    fresh.map = found.map;
    Index left = algebra.subtract(index, algebra.substitute(rest, fresh));
    for (auto [factor, var] : open) {
      Index digit = algebra.floorDiv(left, factor);
      left = algebra.subtract(left, algebra.scale(digit, factor));
      found.map[var] = digit;
    }
  }

private:
  // What is no variable: in the first of its kind with the same factor.
  void matchBase(Base left, int64_t factor, const IndexNode &index) {
    if (left.kind == BaseKind::Var)
      return;
    for (auto [theirs, other] : index.entries) {
      const Base right = algebra.base(theirs);
      if (other != factor || right.kind != left.kind || right.number != left.number)
        continue;
      if (left.kind == BaseKind::Data)
        match(left.term, right.term);
      for (auto [inner, outer] : llvm::zip(left.indices, right.indices))
        match(inner, outer);
      return;
    }
  }

  Algebra &algebra;
  Rewrite &found;
  std::set<uint32_t> seen;
};
} // namespace

// Where a dim that nothing tells of may begin on a rank: by the layout that its argument declares, else over
// any digit of the mesh that cuts it so.
static Index guessBlock(Algebra &algebra, const Mesh &mesh, dist::LayoutAttr layout, unsigned dim,
                        int64_t whole, int64_t local, bool hasLength, ArrayRef<Var> around) {
  Index own = algebra.of(algebra.dim(dim, local));
  if (whole == local)
    return own;
  // A micro-batch: every so many elements of a block.
  ArrayRef<dist::AxisRefAttr> cut;
  if (layout && dim < layout.getDims().size())
    cut = layout.getDims()[dim].getAxes();
  for (Var turn : around)
    if (int64_t count = algebra.base(turn).size; whole == local * count * mesh.members(cut))
      return algebra.add(algebra.add(algebra.scale(own, count), algebra.of(turn)),
                         mesh.blockStart(whole, cut, local * count));
  if (layout && dim < layout.getDims().size()) {
    ArrayRef<dist::AxisRefAttr> axes = layout.getDims()[dim].getAxes();
    bool isUneven = hasLength || (mesh.isUneven() && !algebra.constantOf(mesh.blockLength(whole, axes)));
    bool isEven = !isUneven && local * mesh.members(axes) >= whole;
    return algebra.add(own, mesh.blockStart(whole, axes, isEven ? local : 0));
  }
  for (const Mesh::Digit &digit : mesh.all())
    if (local * digit.size == whole)
      return algebra.add(own, algebra.scale(algebra.of(digit.var), local));
  return own;
}

static dist::LayoutAttr layoutOfCarry(func::FuncOp body, unsigned argument) {
  return body.getArgAttrOfType<dist::LayoutAttr>(argument, dist::kLayoutAttr);
}

// As what comes out of a turn is called.
static std::string nameOfCarry(Value value) {
  Operation *op = value.getDefiningOp();
  auto names = op ? op->getAttrOfType<ArrayAttr>("names") : ArrayAttr();
  return names && !names.empty() ? cast<StringAttr>(names[0]).getValue().str() : "what the loop carries";
}

// A rank's part of a carry of the whole.
struct Evaluator::Part {
  unsigned carry = 0; // of the rank's loop
  Rewrite place;      // what stands for the whole's Dims
  SmallVector<Index> indices, inside;
  bool isZeroOutside = false; // its padding; else that may be anything
};

// Whether a term is 0 wherever one of these indices is below 0.
static bool isZeroOutside(Algebra &algebra, Term term, ArrayRef<Index> inside) {
  Term zero = algebra.identity(model::Combiner::Sum, algebra.node(term).domain);
  return llvm::all_of(inside, [&](Index index) {
    return algebra.implied(index, {}) ||
           algebra.assume(term, algebra.subtract(algebra.constant(-1), index)) == zero;
  });
}

// Where the rank's part of a carry is, and that it begins with it. None where it does not.
std::optional<Evaluator::Part> Evaluator::partOf(const Tensor &from, const Tensor &own, Carried &loop,
                                                 unsigned carry, bool isLast) {
  if (from.sizes.size() != own.sizes.size() ||
      algebra.node(from.element).domain != algebra.node(own.element).domain)
    return std::nullopt;
  Part part;
  part.carry = carry;
  part.place.map = turns;
  Matcher(algebra, part.place).match(from.element, own.element);
  unsigned argument = (loop.isWhile ? 0 : 1) + loop.consts.size() + carry;
  for (auto [dim, size] : llvm::enumerate(from.sizes)) {
    Var var = algebra.dim(dim, size);
    if (!part.place.map.count(var))
      part.place.map[var] = guessBlock(algebra, *mesh, layoutOfCarry(loop.body, argument), dim, size,
                                       own.sizes[dim], own.lengths.count(dim) != 0, around);
    part.indices.push_back(part.place.map[var]);
  }
  part.inside = algebra.insideOf(from.sizes, part.indices);
  part.isZeroOutside = isZeroOutside(algebra, own.element, part.inside);
  unsigned firstInit = loop.op->getNumOperands() - loop.inits.size() - loop.slices.size();
  Value init = loop.op->getOperand(firstInit + carry);
  return isPart(part, from.element, own.element, {}, loop, init, isLast) ? std::optional(part) : std::nullopt;
}

// `isLast`: where they are not, it is said.
bool Evaluator::agrees(Term expected, Term found, const Carried &loop, Value value, bool isLast) {
  if (expected == found || !isLast || unsure != 0)
    return expected == found;
  if (proof.mismatches.empty())
    proof.steps = steps;
  proof.mismatches.push_back({loop.op, nameOfCarry(value), expected, found, value});
  return false;
}

bool Evaluator::isPart(const Part &part, Term whole, Term own, std::optional<Var> turn, const Carried &loop,
                       Value value, bool isLast) {
  Rewrite place;
  place.map = part.place.map;
  if (turn)
    place.map[*turn] = algebra.of(loop.turn);
  Term expected = algebra.assume(algebra.substitute(whole, place), part.inside);
  Term found = algebra.assume(own, part.inside);
  return agrees(expected, found, loop, value, isLast);
}

// Whether a turn makes of parts the parts of what the whole's turn makes. `retry`: not all that was 0 stays
// 0.
bool Evaluator::keepsParts(const Loop &whole, Carried &loop, MutableArrayRef<Part> parts, bool isLast,
                           bool &retry) {
  for (Part &part : parts)
    if (part.isZeroOutside && !isZeroOutside(algebra, loop.nexts[part.carry].element, part.inside)) {
      part.isZeroOutside = false;
      retry = true;
    }
  if (retry)
    return false;
  Operation *end = loop.body.getBody().front().getTerminator();
  for (auto [next, part] : llvm::zip_equal(whole.nexts, parts))
    if (!isPart(part, next.element, loop.nexts[part.carry].element, whole.turn, loop,
                end->getOperand(part.carry), isLast))
      return false;
  if (!loop.isWhile)
    return true;
  Rewrite place;
  place.map = turns;
  Term expected = algebra.substitute(whole.condition, place);
  return agrees(expected, loop.holds, loop, loop.condition.getBody().front().getTerminator()->getOperand(0),
                isLast);
}

bool Evaluator::relateTo(const Loop &whole, Carried &loop, Tensors &carries, Tensors &finals, bool isLast) {
  SmallVector<unsigned> recurrences = loop.recurrences();
  if (whole.inits.size() != recurrences.size())
    return false;
  SmallVector<Part, 1> parts;
  for (auto [from, carry] : llvm::zip_equal(whole.inits, recurrences)) {
    std::optional<Part> part = partOf(from, loop.inits[carry], loop, carry, isLast);
    if (!part)
      return false;
    parts.push_back(std::move(*part));
  }
  SmallVector<Index> context;
  Rewrite outside;
  outside.map = turns;
  for (Index index : whole.context)
    context.push_back(algebra.substitute(index, outside));
  std::map<Var, Index> outer = turns;
  turns[whole.turn] = algebra.of(loop.turn);
  size_t prints = effects.size(), before = sent.size(), noted = steps.size(), wrong = proof.mismatches.size();
  bool isSame = false;
  for (bool retry = true; retry;) {
    retry = false;
    effects.resize(prints);
    sent.resize(before);
    steps.resize(noted);
    proof.mismatches.resize(wrong);
    for (auto [number, part] : llvm::enumerate(parts)) {
      Tensor &carry = carries[part.carry], &last = finals[part.carry];
      readLoop(algebra, whole, number, algebra.of(loop.turn), part.indices, context, carry, last);
      for (Tensor *tensor : {&carry, &last})
        if (part.isZeroOutside)
          tensor->element =
              algebra.guard(part.inside, tensor->element,
                            algebra.identity(model::Combiner::Sum, algebra.node(tensor->element).domain));
    }
    isSame = turnOf(loop, carries).has_value() && keepsParts(whole, loop, parts, isLast, retry);
  }
  turns = std::move(outer);
  return isSame;
}

bool Evaluator::relate(Carried &loop, Tensors &carries, Tensors &finals) {
  size_t prints = effects.size(), before = sent.size(), noted = steps.size(), wrong = proof.mismatches.size();
  SmallVector<const Loop *> candidates;
  for (const Loop &whole : ArrayRef(proof.loops).slice(known.first, known.second - known.first))
    if (whole.count == loop.count && whole.reverse == loop.reverse && whole.isWhile == loop.isWhile)
      candidates.push_back(&whole);
  for (bool isLast : {false, true})
    for (const Loop *whole : candidates) {
      Tensors ours = carries, behind = finals;
      if (relateTo(*whole, loop, ours, behind, isLast)) {
        carries = std::move(ours);
        finals = std::move(behind);
        return true;
      }
      effects.resize(prints);
      sent.resize(before);
      steps.resize(noted);
      if (isLast && proof.mismatches.size() > wrong)
        return false;
      proof.mismatches.resize(wrong);
    }
  return false;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

bool Evaluator::finish(Carried &loop, ArrayRef<Tensor> carries, Values &values) {
  Tensors used(carries), finals = loop.inits;
  for (auto [i, kind] : llvm::enumerate(loop.kinds))
    if (kind == CarryKind::Unchanged)
      used[i] = loop.inits[i];
  bool isRelated = false;
  size_t own = proof.loops.size(); // loops within it come behind
  if (!loop.recurrences().empty()) {
    isRelated = !isWhole && relate(loop, used, finals);
    if (!isRelated)
      makeLoop(loop, used, finals);
  }
  if (!isRelated && !turnOf(loop, used))
    return false;
  if (isWhole && !loop.recurrences().empty()) {
    Loop &made = proof.loops[own];
    for (unsigned i : loop.recurrences())
      made.nexts.push_back(loop.nexts[i]);
    made.condition = loop.holds;
  }
  unsigned result = 0;
  for (auto [i, kind] : llvm::enumerate(loop.kinds)) {
    Term last = finals[i].element;
    if (kind == CarryKind::Sum) {
      Term rest = *addend(algebra, loop.nexts[i].element, carries[i].element);
      Term added = algebra.reduce(model::Combiner::Sum, {loop.turn}, rest);
      Term init = loop.inits[i].element;
      last = algebra.node(init).domain == Domain::Real
                 ? algebra.sum({{1, init}, {1, added}})
                 : algebra.integer(algebra.add(algebra.indexOf(init), algebra.indexOf(added)));
    }
    if (kind == CarryKind::Extreme) {
      Extreme extreme = *extremeOf(algebra, loop.nexts[i].element, carries[i].element);
      Domain domain = extreme.op.domain;
      Term init = loop.inits[i].element;
      last = algebra.reduce(extreme.combiner, {loop.turn}, extreme.rest);
      if (init != algebra.identity(extreme.combiner, domain))
        last = algebra.op(extreme.op.name, extreme.op.detail, domain, {init, last});
    }
    define(loop.op->getResult(result++), last, values, loop.inits[i].lengths);
  }
  for (const Tensor &stack : loop.stacks) {
    Rewrite rewrite;
    rewrite.map[loop.turn] = algebra.of(algebra.dim(0, loop.count));
    for (auto [i, size] : llvm::enumerate(stack.sizes))
      rewrite.map[algebra.dim(i, size)] = algebra.of(algebra.dim(i + 1, size));
    Lengths lengths;
    for (auto [dim, length] : stack.lengths)
      lengths.emplace(dim + 1, length);
    define(loop.op->getResult(result++), algebra.substitute(stack.element, rewrite), values, lengths);
  }
  return true;
}

bool Evaluator::tryTurn(Carried &loop, const Tensors &carries) {
  size_t before = proof.loops.size();
  std::vector<Term> outer = std::move(shown);
  shown.clear();
  ++unsure;
  bool isKnown = turnOf(loop, carries).has_value();
  --unsure;
  if (isWhole) // loops of carries that stand for themselves are nobody's
    proof.loops.resize(before);
  if (isKnown)
    classify(loop, carries);
  shown.insert(shown.begin(), outer.begin(), outer.end());
  return isKnown;
}

bool Evaluator::runScan(model::ScanOp op, Values &values) {
  Carried loop;
  loop.op = op;
  loop.body = symbols.lookup<func::FuncOp>(op.getBody());
  loop.count = op.getCount();
  loop.reverse = op.getReverse();
  loop.consts = gathered(op.getConsts(), values);
  loop.slices = gathered(op.getSlices(), values);
  loop.inits = gathered(op.getCarries(), values);
  loop.turn = algebra.variable(VarKind::Bound, -1 - depth, loop.count);
  Tensors carries = selves(loop);
  if (!carries.empty() && !tryTurn(loop, carries))
    return false;
  return finish(loop, carries, values);
}

bool Evaluator::runWhile(model::WhileOp op, Values &values) {
  Carried loop;
  loop.op = op;
  loop.body = symbols.lookup<func::FuncOp>(op.getBody());
  loop.condition = symbols.lookup<func::FuncOp>(op.getCondition());
  loop.isWhile = true;
  loop.count = op.getBound();
  loop.consts = gathered(op.getConsts(), values);
  loop.inits = gathered(op.getCarries(), values);
  loop.turn = algebra.variable(VarKind::Bound, -1 - depth, loop.count);
  Tensors carries = selves(loop);
  if (!tryTurn(loop, carries))
    return false;
  if (loop.recurrences().empty() && !carries.empty()) // its condition never changes either
    loop.kinds.front() = CarryKind::Recurrence;
  return finish(loop, carries, values);
}
