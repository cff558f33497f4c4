// What of an op's operands and results is cut together: read from its index maps, never from what it is
// called.
//
// An op iterates over dims. A dim is made of factors, its digits: one, unless a map takes it apart or joins
// it with others. A dim of a tensor lists the factors that walk along it, major first.
//
//   y[b, h, d] = sum(e) x[b, e] * w[e, h * 32 + d]      factors b, h, d, e; w's second dim: h, d
//   y[i] = x[i floordiv 4, i mod 4], i < 8              factors i/4 (2) and i%4 (4); dim 0 is both
//   y[p] = table[ids[p]]                                factors p and the table's own: each of its shards
//                                                       gives a partial sum
//
// Propagation, `dist.factors`, the partitioner and costs all read this.
#ifndef CLEAVE_DIALECTS_DIST_IR_FACTORMAP_H
#define CLEAVE_DIALECTS_DIST_IR_FACTORMAP_H

#include "dialects/dist/ir/Dist.h"

namespace cleave::dist {

enum class FactorKind {
  Parallel,  // walks along the result
  Reduction, // combined: cutting it gives a partial result
  Indexed,   // a gathered table's own dim: cutting it gives a partial sum
  Blocked    // must stay whole
};

struct Factor {
  int64_t size = 1;
  FactorKind kind = FactorKind::Parallel;
  unsigned dim = 0; // of the iteration: the entry of `dist.factors` it is a digit of
};

enum class Read {
  Plain,  // the dim is its factors, digit by digit: a block of one is a block of the other
  Window, // position = stride * factor + what others add: a block of the factor needs a block and its edges
  Whole   // any block of the iteration may need any of it
};

struct DimFactors {
  Read read = Read::Whole;
  llvm::SmallVector<unsigned, 2> factors; // major first; none where `read` is Whole
  // Window: the position read is in [stride * f + low, stride * f + high], f a number of the factor;
  // positions below 0 or beyond the dim are outside.
  int64_t stride = 1, low = 0, high = 0;
};

struct TensorFactors {
  llvm::SmallVector<DimFactors, 4> dims;
  // Position of a dim that a factor walks along, or none.
  std::optional<unsigned> find(unsigned factor) const;
};

struct FactorMap {
  llvm::SmallVector<Factor, 6> factors; // digits of a dim stand together, major first
  // Sizes of the dims that `dist.factors` counts: an index op's iteration dims; a gather's result axes, then
  // each axis of the table that an index alone picks from; a scatter's update axes, then such axes of the
  // result; of other ops the result's axes.
  llvm::SmallVector<int64_t, 6> dims;
  // How partial results over reductions combine. Indexed ones always sum.
  model::Combiner combiner = model::Combiner::None;
  llvm::SmallVector<TensorFactors, 4> operands, results;

  // Factors of an iteration dim, major first.
  llvm::SmallVector<unsigned, 2> factorsOf(unsigned dim) const;
  // Whether a tensor has a dim along every parallel factor.
  bool isFull(const TensorFactors &tensor) const;
  bool hasReductions() const;
};

// The factors of an op; none for ops that compute nothing of their own (scan, if, while, call, print...).
std::optional<FactorMap> factorMapOf(mlir::Operation *op);

// Every dim its own factor, over any number of tensors of one shape.
FactorMap identityFactors(llvm::ArrayRef<int64_t> shape, unsigned operands, unsigned results);

} // namespace cleave::dist

#endif
