// Terms as text, for those who mend the checker: `call dump(algebra, term)` in a debugger.
#include "compiler/prove/Algebra.h"

using namespace mlir;
using namespace cleave::prove;

static void print(Algebra &algebra, Index index, llvm::raw_ostream &out, unsigned depth);

static void print(Algebra &algebra, Term term, llvm::raw_ostream &out, unsigned depth) {
  static const char *const kNames[] = {"one", "truth",   "opaque", "int", "op",
                                       "sum", "product", "guard",  "read"};
  const TermNode &of = algebra.node(term);
  if (depth == 0) {
    out << "..";
    return;
  }
  out << kNames[static_cast<int>(of.kind)];
  if (of.kind == TermKind::Read) {
    const Atom &atom = algebra.atomOf(of.number);
    out << " " << of.number << " " << atom.name;
    if (atom.kind == AtomKind::Reduction) {
      out << "{" << cleave::model::stringifyCombiner(atom.combiner) << " ";
      llvm::interleaveComma(atom.slots, out);
      out << ": ";
      print(algebra, atom.body, out, depth - 1);
      out << "}";
    } else {
      out << "kind " << static_cast<int>(atom.kind) << " loop " << atom.number << "." << atom.part;
    }
  }
  out << "(";
  for (auto [i, child] : llvm::enumerate(of.children)) {
    out << (i ? ", " : "");
    if (i < of.factors.size())
      out << of.factors[i] << " * ";
    print(algebra, child, out, depth - 1);
  }
  for (Index index : of.indices) {
    out << "; ";
    print(algebra, index, out, depth);
  }
  out << ")";
}

static void print(Algebra &algebra, Index index, llvm::raw_ostream &out, unsigned depth) {
  static const char *const kNames[] = {"", "div", "max", "min", "data", "start", "length", "owner"};
  const IndexNode &of = algebra.node(index);
  if (of.constant != 0 || of.entries.empty())
    out << of.constant;
  for (auto [id, factor] : of.entries) {
    const Base &base = algebra.base(id);
    out << (factor < 0 ? " - " : " + ");
    if (std::abs(factor) != 1)
      out << std::abs(factor) << " ";
    if (base.kind == BaseKind::Var) {
      out << "dcbps"[static_cast<int>(base.varKind)] << base.number << "<" << base.size;
      continue;
    }
    out << kNames[static_cast<int>(base.kind)] << "(" << base.number;
    if (base.kind == BaseKind::Data)
      print(algebra, base.term, out, depth - 1);
    for (Index inner : base.indices) {
      out << " ";
      print(algebra, inner, out, depth);
    }
    out << ")";
  }
}

void cleave::prove::dump(Algebra &algebra, Term term, unsigned depth) {
  print(algebra, term, llvm::errs(), depth);
  llvm::errs() << "\n";
}
