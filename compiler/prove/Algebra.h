// Elements of tensors as terms, in one normal form: two programs compute the same where their terms are
// equal.
//
// An Index is a sum of variables times constants, with floor divisions by constants, and with integers that
// the program computes. A Term is one element, as a function of variables: of where it stands (Dim), of the
// rank's coordinates on the mesh (Coord), of what is summed over (Bound). Equal terms are one object.
//
//   y[b, h] = sum(i) x[b, i] * w[i, h] on a rank that has half of i:
//     read(A, [Dim 0, Dim 1, 8 * Coord 0])   A = sum over Slot 0 < 8 of x[Param 0, Param 2 + Slot 0] * ...
//   and summed over Coord 0 of 2:
//     read(B, [Dim 0, Dim 1])                B = sum over Slot 0 < 16 of x[Param 0, Slot 0] * ...
//
// Floating-point elements are real numbers here: sums have no order, casts are nothing. Numbers that a
// program writes are told apart by 30 bits.
#ifndef CLEAVE_COMPILER_PROVE_ALGEBRA_H
#define CLEAVE_COMPILER_PROVE_ALGEBRA_H

#include "dialects/model/ir/Model.h"

#include <deque>
#include <unordered_map>

namespace cleave::prove {

struct Index {
  uint32_t id = 0;
  bool operator==(const Index &other) const { return id == other.id; }
  bool operator!=(const Index &other) const { return id != other.id; }
  bool operator<(const Index &other) const { return id < other.id; }
};

struct Term {
  uint32_t id = 0;
  bool operator==(const Term &other) const { return id == other.id; }
  bool operator!=(const Term &other) const { return id != other.id; }
};

struct Var {
  uint32_t id = 0;
  bool operator==(const Var &other) const { return id == other.id; }
  bool operator!=(const Var &other) const { return id != other.id; }
  bool operator<(const Var &other) const { return id < other.id; }
};

// Param and Slot stand in what is closed: what it is a function of, and what it reduces.
enum class VarKind : uint8_t { Dim, Coord, Bound, Param, Slot };

enum class BaseKind : uint8_t {
  Var,  // from 0 to size - 1; size 0: any integer
  Div,  // floor(index / number)
  Max,  // max(index, number)
  Min,  // min(index, number)
  Data, // an integer the program computes
  // `indices[0]` elements in `number` blocks, the larger ones first, of which not all are equal:
  Start,  // where block `indices[1]` begins
  Length, // how many elements it has
  Owner   // the block that element `indices[1]` is in
};

// The number of a text: of an op, a predicate, a type. 0: none.
using Name = uint32_t;

// A number that values have by what they are: the same in every process, whatever was made before.
inline uint64_t mix(uint64_t sum, uint64_t value) {
  value += 0x9e3779b97f4a7c15 + (sum << 6) + (sum >> 2); // splitmix64
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return sum ^ value ^ (value >> 31);
}

// What an Index is a sum of.
struct Base {
  BaseKind kind = BaseKind::Var;
  VarKind varKind = VarKind::Dim;
  int64_t number = 0, size = 0;
  llvm::SmallVector<Index, 2> indices;
  Term term;
  uint32_t vars = 0;    // the set it depends on
  uint64_t content = 0; // see mix
  bool clamps = false;
};

struct IndexNode {
  int64_t constant = 0;
  llvm::SmallVector<std::pair<uint32_t, int64_t>, 4> entries; // base and factor, by base
  uint32_t vars = 0;
  uint64_t content = 0;
  bool clamps = false; // there is a Max or Min in it, or a guard
};

enum class TermKind : uint8_t {
  One,     // 1.0
  Boolean, // number
  Opaque,  // a constant that is no finite number
  Integer, // index
  Op,      // name(children) of arith and math
  Sum,     // of factors times children, no children: 0.0
  Product, // of children
  Guard,   // children[0] where all indices are >= 0, children[1] elsewhere
  Read     // element `indices` of an atom
};

enum class Domain : uint8_t { Real, Integer, Boolean };

struct TermNode {
  TermKind kind = TermKind::One;
  Domain domain = Domain::Real;
  int64_t number = 0; // Boolean: value; Read: the atom
  Name name = 0;      // Op: its name; Opaque: its value
  Name detail = 0;    // Op: the predicate or the type
  llvm::SmallVector<double, 2> factors;
  llvm::SmallVector<Term, 2> children;
  llvm::SmallVector<Index, 3> indices;
  uint32_t vars = 0;
  bool clamps = false;
  uint64_t content = 0;
  uint64_t shape = 0; // the same, but sees no index
};

enum class AtomKind : uint8_t {
  Argument,  // of an entry
  Reduction, // over slots, of a closed body
  Carry,     // of a loop: at the beginning of a turn
  Final,     // of a loop: behind it
  Self       // of the loop that is being looked at
};

// A tensor that terms read.
struct Atom {
  AtomKind kind = AtomKind::Argument;
  Domain domain = Domain::Real;
  std::string name;   // Argument
  int64_t number = 0; // Argument: which constant of the program it is; Carry, Final: loop; Self: depth
  int64_t depth = 0;  // Carry, Final: of the loop, by which it is named already
  int64_t part = 0;   // Carry, Final, Self: which
  model::Combiner combiner = model::Combiner::None;
  llvm::SmallVector<int64_t, 2> slots; // sizes of what is reduced
  Term body;
  // What `body` asks of its params, which a place that it is read at may decide: indices that are held
  // against 0.
  llvm::SmallVector<Index, 2> conditions;
  bool isWhole = false; // made for the whole program
  uint64_t content = 0;
};

struct Interval {
  int64_t low = 0, high = 0;
};
inline constexpr int64_t kFar = int64_t(1) << 50; // stands for no bound

// What is put in for variables, and what may be taken for granted (indices that are >= 0).
struct Rewrite {
  std::map<Var, Index> map;
  llvm::SmallVector<Index, 2> known;
  std::unordered_map<uint32_t, Index> indices;
  std::unordered_map<uint32_t, Term> terms;
};

// Short lists; equal ones keep their order.
template <typename List, typename Less> void sortStably(List &list, Less isLess) {
  for (auto it = list.begin(); it != list.end(); ++it)
    std::rotate(std::upper_bound(list.begin(), it, *it, isLess), it, std::next(it));
}

class Algebra {
public:
  Algebra();

  //===--- variables ---===//
  Var variable(VarKind kind, int64_t number, int64_t size);
  Var dim(unsigned position, int64_t size) { return variable(VarKind::Dim, position, size); }
  Var fresh(int64_t size) { return variable(VarKind::Bound, nextBound++, size); }
  const Base &base(uint32_t id) const { return bases[id]; }
  const Base &base(Var var) const { return bases[var.id]; }

  //===--- indices ---===//
  const IndexNode &node(Index index) const { return indexNodes[index.id]; }
  Index constant(int64_t value);
  Index of(Var var);
  Index add(Index a, Index b) { return combine(a, b, 1); }
  Index subtract(Index a, Index b) { return combine(a, b, -1); }
  Index add(Index a, int64_t b) { return add(a, constant(b)); }
  Index scale(Index a, int64_t factor);
  Index floorDiv(Index a, int64_t by);
  Index mod(Index a, int64_t by) { return subtract(a, scale(floorDiv(a, by), by)); }
  Index atLeast(Index a, int64_t bound);
  Index atMost(Index a, int64_t bound);
  Index data(Term term);
  Index blockStart(Index whole, int64_t parts, Index member);
  Index blockLength(Index whole, int64_t parts, Index member);
  Index blockOwner(Index whole, int64_t parts, Index position);
  // The length of the uneven block that a base, so many times, is the beginning of.
  std::optional<Index> lengthFrom(uint32_t base, int64_t factor);
  std::optional<int64_t> constantOf(Index index) const;
  Interval rangeOf(Index index);
  // An affine expression over indices.
  Index affine(mlir::AffineExpr expr, llvm::ArrayRef<Index> dims, llvm::ArrayRef<Index> symbols = {});

  //===--- terms ---===//
  const TermNode &node(Term term) const { return termNodes[term.id]; }
  Term number(double value);
  Term zero() const { return zeroTerm; }
  Term boolean(bool value);
  Term integer(Index index);
  Term opaque(mlir::Attribute value, Domain domain);
  // The reduction that a term reads, and nothing else; none where it is another.
  std::optional<Term> readOf(Term term, model::Combiner combiner) const;
  // The guard that a term is, which integers have within; else the term's own node.
  const TermNode &guarded(Term term) const;
  // The integer that a term of that domain is.
  Index indexOf(Term term);
  // Names are by text, so that no order hangs on where things lie in memory.
  Name name(llvm::StringRef text);
  Name name(mlir::Attribute attribute);
  Name name(mlir::Type type);
  llvm::StringRef textOf(Name name) const { return texts[name].first; }
  Term op(Name name, Name detail, Domain domain, llvm::ArrayRef<Term> children);
  Term op(llvm::StringRef own, Name detail, Domain domain, llvm::ArrayRef<Term> children) {
    return op(name(own), detail, domain, children);
  }
  Term sum(llvm::ArrayRef<std::pair<double, Term>> terms);
  Term scale(double factor, Term term) { return sum({{factor, term}}); }
  Term product(llvm::ArrayRef<Term> factors);
  Term reciprocal(Term term);
  Term guard(llvm::ArrayRef<Index> conditions, Term then, Term otherwise);
  Term read(uint32_t atom, llvm::ArrayRef<Index> indices);
  // A term where these indices are >= 0.
  Term assume(Term term, llvm::ArrayRef<Index> known);
  // What holds of an element of a tensor of these sizes.
  llvm::SmallVector<Index> insideOf(llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<Index> place);
  Term select(Term condition, Term then, Term otherwise);
  bool isSelect(Term term) const; // by a truth that the program computes
  bool isZero(Term term) const { return term == zeroTerm; }
  std::optional<double> numberOf(Term term) const;

  //===--- reductions ---===//
  // Over all values of the variables.
  Term reduce(model::Combiner combiner, llvm::ArrayRef<Var> vars, Term body);
  Term reduceToWhole(model::Combiner combiner, llvm::ArrayRef<Var> vars, Term body);
  Term identity(model::Combiner combiner, Domain domain);

  //===--- atoms ---===//
  uint32_t atom(Atom atom);
  bool makesWhole = true; // whether atoms are made for the whole program
  // Whether a term reads atoms of the whole program only.
  bool isWhole(Term term);
  const Atom &atomOf(uint32_t id) const { return atoms[id]; }
  // A closed copy of terms: bound variables become slots, what they depend on besides becomes params.
  struct Closing {
    std::map<Var, int64_t> slots;       // number of each bound variable, in order of first use
    std::map<Index, int64_t> params;    // number of each param, by its value
    llvm::SmallVector<Index, 4> values; // of params
    llvm::SmallVector<int64_t, 2> slotSizes;
    std::map<Var, bool> bound; // whether it becomes a slot; else it stays as it is
    std::unordered_map<uint32_t, Index> indices;
    std::unordered_map<uint32_t, Term> terms;
  };
  Term close(Term term, Closing &closing);
  // The body of a reduction that a term reads, over these variables; fresh ones where there are none yet.
  Term open(Term read, llvm::SmallVectorImpl<Var> &vars);

  //===--- substitution ---===//
  Index substitute(Index index, Rewrite &rewrite);
  Term substitute(Term term, Rewrite &rewrite);
  Term substitute(Term term, Var var, Index value);
  llvm::ArrayRef<Var> varsOf(uint32_t set) const { return sets[set]; }
  bool depends(Index index, Var var) const { return contains(node(index).vars, var); }
  bool depends(Term term, Var var) const { return contains(node(term).vars, var); }
  bool dependsOnKind(Term term, VarKind kind) const;
  // Whether there is a Dim in it that nothing is put for.
  bool hasUnknownDim(Index index, const Rewrite &known) const;
  // Whether a term reads an atom, also within atoms.
  bool reads(Term term, uint32_t atom);
  // Whether an index is >= 0 where those in `known` are.
  bool implied(Index index, llvm::ArrayRef<Index> known);

private:
  friend class Reducer;
  uint32_t intern(Base base);
  Index intern(IndexNode node);
  Term intern(TermNode node);
  Index fromBase(Base base);
  Index fromBase(BaseKind kind, int64_t number, llvm::ArrayRef<Index> indices);
  Index combine(Index a, Index b, int64_t factor);
  Interval computeRange(Index index);
  Interval rangeOfBase(uint32_t id);
  Interval rangeOfTerm(Term term);
  uint32_t setOf(Var var);
  uint32_t unite(uint32_t a, uint32_t b);
  bool contains(uint32_t set, Var var) const;
  bool touches(uint32_t set, const Rewrite &rewrite) const;
  Index substituteBase(uint32_t id, Rewrite &rewrite);
  std::optional<Index> condition(Index index, llvm::ArrayRef<Index> known, bool &isNever);
  int64_t beginning(Index whole, int64_t parts, Index member);
  std::optional<std::pair<Index, Index>> boundsOf(Index condition);
  Term guardReal(llvm::ArrayRef<Index> conditions, Term then);
  Index closeIndex(Index index, Closing &closing);
  void sortForClosing(llvm::SmallVectorImpl<Index> &conditions, const Closing &closing) const;
  Index closeBase(uint32_t id, Closing &closing);
  void markVars(TermNode &node);
  void markContent(TermNode &node);
  uint64_t contentOf(const Atom &atom) const;
  uint64_t contentOf(const Base &base) const;
  llvm::SmallVector<Index, 2> conditionsOf(Term body);
  Term refresh(Term read, Rewrite &rewrite);

  std::deque<Base> bases;
  std::deque<IndexNode> indexNodes;
  std::deque<TermNode> termNodes;
  std::deque<Atom> atoms;
  std::unordered_multimap<uint64_t, uint32_t> baseIds, indexIds, termIds, atomIds;
  llvm::StringMap<Name> names;
  std::vector<std::pair<llvm::StringRef, uint64_t>> texts; // by name, with their content
  llvm::DenseMap<const void *, Name> printed;
  std::vector<llvm::SmallVector<Var, 4>> sets;
  std::map<llvm::SmallVector<Var, 4>, uint32_t> setIds;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> unions;
  std::unordered_map<uint32_t, Interval> ranges;
  std::unordered_map<uint64_t, bool> readsMemo;
  std::unordered_map<uint32_t, bool> wholeMemo;
  std::unordered_map<uint32_t, Term> refreshed;
  std::map<std::pair<uint32_t, int64_t>, Index> lengthsFrom; // see lengthFrom(), of coordinates
  int64_t nextBound = 0;
  Term zeroTerm, oneTerm;
  Name selectName, reciprocalName;
};

// Writes a term to standard error, as deep as wanted.
void dump(Algebra &algebra, Term term, unsigned depth = 6);

} // namespace cleave::prove

#endif
