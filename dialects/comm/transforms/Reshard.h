// From one layout of a tensor to another by the cheapest sequence of collectives.
//
//   [{"a"}, {}] -> [{}, {"a"}]        all_to_all over a                    not: all_gather, slice
//   [{"a", "b"}] -> [{"a"}]           all_gather over b
//   [{"a", "b"}] -> [{"b", "a"}]      permute
//   partial [sum {"a"}] -> [{"a"}]    reduce_scatter over a                not: all_reduce, slice
//   [{}] -> partial [sum {"a"}]       only
//
// A search (Dijkstra, "A note on two problems in connexion with graphs", 1959) over layouts, whose edges are
// collectives with seconds from compiler/cost. Mesh axes are first cut into the parts that both layouts are
// made of. Costs are those of the largest blocks, so that all ranks take the same way.
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_RESHARD_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_RESHARD_H

#include "dialects/comm/transforms/Shards.h"

namespace cleave::comm {

enum class Move { Slice, AllGather, AllToAll, Permute, ReduceScatter, AllReduce, Only };

struct Step {
  Step(Move move, AxisList over) : move(move), over(std::move(over)) {}
  Step() = default;

  Move move = Move::Slice;
  AxisList over;
  int64_t dim = 0;    // sliced, gathered, scattered; all_to_all: split
  int64_t concat = 0; // all_to_all: joined
  model::Combiner combiner = model::Combiner::Sum;
  llvm::SmallVector<int64_t> sources; // permute
  LayoutAttr after;
  double seconds = 0;
  double bytes = 0; // sent per rank
};

class Resharder {
public:
  explicit Resharder(const Shards &shards) : shards(shards) {}

  // The steps from `from` to `to`, both placements of `whole` (see `placement`); none where they are equal.
  const llvm::SmallVector<Step> &plan(mlir::RankedTensorType whole, LayoutAttr from, LayoutAttr to);

private:
  const Shards &shards;
  llvm::DenseMap<std::tuple<mlir::Type, LayoutAttr, LayoutAttr>, llvm::SmallVector<Step>> known;
};

// The ops of a step; `reason` is on those that send. Padding is cut off where a dim becomes whole and put on
// where a whole dim is cut.
mlir::Value emitStep(mlir::OpBuilder &builder, mlir::Location loc, const Shards &shards,
                     mlir::RankedTensorType whole, mlir::Value value, LayoutAttr before, const Step &step,
                     ReasonAttr reason);

} // namespace cleave::comm

#endif
