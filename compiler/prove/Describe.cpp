#include "compiler/prove/Describe.h"
#include "compiler/prove/Trace.h"

#include "llvm/Support/Format.h"

#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

namespace {

// Goes down two terms side by side to where they begin to differ.
class Difference {
public:
  Difference(Proof &proof, const Mesh &mesh) : proof(proof), algebra(proof.algebra), mesh(mesh) {}

  // Sets `words` and `op`; false where the terms are equal.
  bool find(Term expected, Term found);
  std::string words;
  bool isPlain = false;    // they say nothing but that there is a difference
  Operation *op = nullptr; // of the rank's program
  Term expected, found;    // where they differ
  // The last pair that is no part of a reduction: mesh axes that the found one should not depend on.
  std::string strangeAxes();

private:
  bool inside(Term expected, Term found);
  bool ofFactor(Term expected, Term found);
  bool ofPending(Term expected, Term found);
  bool inIndex(Index expected, Index found);
  bool ofPlace(const TermNode &expected, const TermNode &found);
  bool ofReduction(Term expected, Term found);
  std::pair<double, Term> leading(Term term);
  void say(Term expected, Term found, const Twine &text);

  Proof &proof;
  Algebra &algebra;
  const Mesh &mesh;
  std::set<std::pair<uint32_t, uint32_t>> seen;
  unsigned closed = 0; // bodies of atoms that are being compared
  Term openExpected, openFound;
};

} // namespace

void Difference::say(Term at, Term instead, const Twine &text) {
  if (!words.empty())
    return;
  words = text.str();
  expected = at;
  found = instead;
}

std::pair<double, Term> Difference::leading(Term term) {
  const TermNode &of = algebra.node(term);
  if (of.kind != TermKind::Sum || of.children.empty())
    return {1, term};
  double first = of.factors[0];
  return {first, algebra.scale(1 / first, term)};
}

// k times what it should be.
bool Difference::ofFactor(Term expected, Term found) {
  if (algebra.node(expected).domain != Domain::Real || algebra.isZero(expected) || algebra.isZero(found))
    return false;
  auto [wanted, a] = leading(expected);
  auto [given, b] = leading(found);
  if (a != b)
    return false;
  double ratio = given / wanted;
  SmallVector<SmallVector<Mesh::Digit>> groups;
  for (const Mesh::Digit &digit : mesh.all()) {
    if (groups.empty() || groups.back().back().axis != digit.axis)
      groups.emplace_back();
    groups.back().push_back(digit);
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (bool isMore : {true, false}) {
    double times = isMore ? ratio : 1 / ratio;
    for (ArrayRef<Mesh::Digit> group : groups) {
      int64_t size = 1;
      for (const Mesh::Digit &digit : group)
        size *= digit.size;
      if (size < 2 || std::abs(times - static_cast<double>(size)) > 1e-6)
        continue;
      stream << (isMore ? "it is summed twice over " : "it is summed once too little over ")
             << mesh.textOf(group) << ": ";
      break;
    }
    if (!text.empty())
      break;
  }
  stream << llvm::format("%g", ratio) << " times what is meant";
  say(expected, found, text);
  return true;
}

// A reduction over mesh axes that would make it right.
bool Difference::ofPending(Term expected, Term found) {
  SmallVector<Mesh::Digit> open;
  for (const Mesh::Digit &digit : mesh.all())
    if (algebra.depends(found, digit.var))
      open.push_back(digit);
  if (open.empty() || open.size() > 6)
    return false;
  for (unsigned set = 1; set < 1u << open.size(); ++set)
    for (model::Combiner combiner : {model::Combiner::Sum, model::Combiner::Max, model::Combiner::Min}) {
      if (combiner == model::Combiner::Sum && algebra.node(found).domain == Domain::Boolean)
        continue;
      SmallVector<Var> vars;
      SmallVector<Mesh::Digit> over;
      Rewrite rewrite;
      for (auto [i, digit] : llvm::enumerate(open))
        if (set >> i & 1) {
          over.push_back(digit);
          vars.push_back(algebra.fresh(digit.size));
          rewrite.map.emplace(digit.var, algebra.of(vars.back()));
        }
      if (algebra.reduce(combiner, vars, algebra.substitute(found, rewrite)) != expected)
        continue;
      bool isSum = combiner == model::Combiner::Sum;
      say(expected, found,
          Twine(isSum ? "it is never summed over " : "its ") +
              (isSum ? "" : model::stringifyCombiner(combiner).str() + " is never taken over ") +
              mesh.textOf(over) + ": each rank has a part of it");
      return true;
    }
  return false;
}

static std::string elementsText(Interval range) {
  return range.low == range.high
             ? "element " + std::to_string(range.low)
             : "elements " + std::to_string(range.low) + " to " + std::to_string(range.high);
}

// Integers that the program computes, within indices.
bool Difference::inIndex(Index wanted, Index given) {
  auto computed = [&](Index index) {
    SmallVector<Term> found;
    SmallVector<Index> work{index};
    while (!work.empty())
      for (auto [id, factor] : algebra.node(work.pop_back_val()).entries) {
        const Base &base = algebra.base(id);
        work.append(base.indices.begin(), base.indices.end());
        if (base.kind == BaseKind::Data)
          found.push_back(base.term);
      }
    return found;
  };
  SmallVector<Term> a = computed(wanted), b = computed(given);
  if (a.size() != b.size())
    return false;
  for (auto [left, right] : llvm::zip(a, b))
    if (left != right && find(left, right))
      return true;
  return false;
}

// The same tensor is read elsewhere.
bool Difference::ofPlace(const TermNode &wanted, const TermNode &given) {
  for (auto [dim, pair] : llvm::enumerate(llvm::zip(wanted.indices, given.indices))) {
    auto [there, here] = pair;
    if (there == here)
      continue;
    if (inIndex(there, here))
      return true;
    const Atom &atom = algebra.atomOf(wanted.number);
    std::string of = atom.kind == AtomKind::Argument && !atom.name.empty() ? " of '" + atom.name + "'" : "";
    for (ArrayRef<int64_t> rank : mesh.someRanks()) {
      Rewrite rewrite = mesh.at(rank);
      Interval a = algebra.rangeOf(algebra.substitute(there, rewrite));
      Interval b = algebra.rangeOf(algebra.substitute(here, rewrite));
      if ((a.low == b.low && a.high == b.high) || a.low <= -kFar || a.high >= kFar || b.low <= -kFar ||
          b.high >= kFar)
        continue;
      words = "rank (" + mesh.rankText(rank) + ") reads " + elementsText(b) + of + " where " +
              elementsText(a) + (a.low == a.high ? " is" : " are") + " meant";
      return true;
    }
    words = "it reads other elements" + of + " than are meant";
    return true;
  }
  return false;
}

bool Difference::ofReduction(Term wanted, Term given) {
  const Atom a = algebra.atomOf(algebra.node(wanted).number), b = algebra.atomOf(algebra.node(given).number);
  if (a.kind != AtomKind::Reduction || b.kind != AtomKind::Reduction)
    return false;
  if (a.combiner != b.combiner) {
    words = "it is reduced by " + model::stringifyCombiner(b.combiner).str() + " where " +
            model::stringifyCombiner(a.combiner).str() + " is meant";
    return true;
  }
  auto terms = [](const Atom &atom) {
    int64_t product = 1;
    for (int64_t size : atom.slots)
      product *= size;
    return product;
  };
  bool differs = false;
  if (a.slots == b.slots) { // over the same variables, so that coordinates are seen in both
    SmallVector<Var> vars;
    Term left = algebra.open(wanted, vars), right = algebra.open(given, vars);
    differs = find(left, right);
  } else {
    ++closed;
    differs = a.body != b.body && find(a.body, b.body);
    --closed;
  }
  if (terms(a) != terms(b) && (!differs || words.empty() || closed == 0))
    words = "it is made of " + std::to_string(terms(b)) + " terms where " + std::to_string(terms(a)) +
            " are meant";
  return differs || !words.empty();
}

bool Difference::inside(Term expected, Term found) {
  const TermNode a = algebra.node(expected), b = algebra.node(found);
  if (a.kind != b.kind || a.domain != b.domain)
    return false;
  if (a.kind == TermKind::Read && a.number == b.number)
    return ofPlace(a, b);
  if (a.kind == TermKind::Read)
    return ofReduction(expected, found);
  if (a.name != b.name || a.detail != b.detail || a.children.size() != b.children.size())
    return false;
  SmallVector<Term, 2> left = a.children, right = b.children;
  if (a.kind == TermKind::Sum || a.kind == TermKind::Product) { // in any order
    llvm::erase_if(left, [&](Term child) { return llvm::is_contained(b.children, child); });
    llvm::erase_if(right, [&](Term child) { return llvm::is_contained(a.children, child); });
  }
  for (auto [wanted, given] : llvm::zip(left, right))
    if (wanted != given && find(wanted, given))
      return true;
  if (a.indices.size() == b.indices.size() && a.children == b.children)
    return ofPlace(a, b);
  return false;
}

std::string Difference::strangeAxes() {
  SmallVector<Mesh::Digit> strange;
  for (const Mesh::Digit &digit : mesh.all())
    if (algebra.depends(openFound, digit.var) && !algebra.depends(openExpected, digit.var))
      strange.push_back(digit);
  return mesh.textOf(strange);
}

bool Difference::find(Term wanted, Term given) {
  if (closed == 0) {
    openExpected = wanted;
    openFound = given;
  }
  if (wanted == given || !seen.insert({wanted.id, given.id}).second)
    return false;
  Operation *outer = op;
  auto origin = proof.origins.find(given.id);
  if (origin != proof.origins.end())
    op = origin->second;
  const TermNode &of = algebra.node(given);
  if (of.kind == TermKind::Read)
    if (auto known = proof.atomOrigins.find(of.number); known != proof.atomOrigins.end())
      op = known->second;
  if (ofFactor(wanted, given) || (closed == 0 && ofPending(wanted, given)))
    return true;
  if (inside(wanted, given)) {
    if (expected == Term() && found == Term()) {
      expected = wanted;
      found = given;
    }
    return true;
  }
  if (!op)
    op = outer;
  std::string axes = strangeAxes();
  isPlain = words.empty() && axes.empty();
  say(wanted, given,
      axes.empty() ? "it is computed in another way"
                   : "ranks along " + axes + " have different values of it, where they should have one");
  return true;
}

std::optional<std::string> cleave::prove::differenceOf(Proof &proof, const Mesh &mesh, Term expected,
                                                       Term found) {
  Difference difference(proof, mesh);
  difference.find(expected, found);
  return difference.isPlain ? std::nullopt : std::optional(difference.words);
}

void cleave::prove::describe(Proof &proof, const Mesh &mesh, const Mismatch &mismatch, ArrayRef<Step> whole) {
  Location at = mismatch.op->getLoc();
  std::string value, words;
  std::optional<Fault> fault = Trace(proof, mesh, whole).find(mismatch.value);
  if (fault) {
    at = fault->value.getLoc();
    value = fault->name;
    words = fault->words;
  } else {
    Difference difference(proof, mesh);
    difference.find(mismatch.expected, mismatch.found);
    Operation *op = difference.op ? difference.op : mismatch.op;
    at = op->getLoc();
    if (auto reason = op->getAttrOfType<comm::ReasonAttr>("reason"))
      value = reason.getValue().str();
    else if (auto names = op->getAttrOfType<ArrayAttr>("names"); names && !names.empty())
      value = cast<StringAttr>(names[0]).getValue().str();
    words = difference.words;
  }
  if (value.empty())
    value = mismatch.what;
  Operation *op = fault ? fault->value.getDefiningOp() : nullptr;
  auto reason = op ? op->getAttrOfType<comm::ReasonAttr>("reason") : comm::ReasonAttr();
  InFlightDiagnostic error =
      emitError(at, "E960: what a rank has of a value is its part of what the program computes, found '")
      << value << "'" << (fault && fault->isInside ? ", in a value that it is computed from" : "")
      << (reason && reason.getPhase() == "backward" ? ", in the backward pass" : "") << ": " << words;
  if (reason)
    error.attachNote(reason.getPlan()) << "this collective is there since " << reason.getBecause().getValue();
  if (fault && fault->use && fault->use->getLoc() != at)
    error.attachNote(fault->use->getLoc()) << "it is used here as if it were whole";
  if (fault && fault->program && *fault->program != at)
    error.attachNote(*fault->program) << "the program computes it here";
  if (value != mismatch.what)
    error.attachNote(mismatch.op->getLoc()) << "'" << mismatch.what << "' follows from it";
}
