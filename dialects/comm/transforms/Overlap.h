// What a plan wants of the passes that hide or shorten communication.
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_OVERLAP_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_OVERLAP_H

#include "dialects/comm/ir/Comm.h"

namespace cleave::comm {

// Each is a pass; `overlap` tactics of a plan name them.
//
//   name        pass               what
//   early       sched-overlap      begun early, waited for late
//   reductions  sched-reductions   a loop's sums run beside its next turn
//   prefetch    sched-prefetch     a loop's gathers run beside the turn before
//   chunks      sched-chunks       a product and its collective are cut and interleaved
//   buckets     sched-buckets      several sums in one message
//   hierarchy   comm-hierarchy     fast links first, slow links for a part
//   norms       comm-norms         sum, norm on a part, gather
enum class Technique { Early, Reductions, Prefetch, Chunks, Buckets, Hierarchy, Norms };

inline constexpr Technique kTechniques[] = {Technique::Early,  Technique::Reductions, Technique::Prefetch,
                                            Technique::Chunks, Technique::Buckets,    Technique::Hierarchy,
                                            Technique::Norms};
llvm::StringRef nameOf(Technique technique);

// The cost model decides, or the plan did.
enum class Choice { Cost, Always, Never };
// The last tactic of the plan about a technique holds. Where ranks have blocks of different sizes the cost
// model does not decide by sizes, for all ranks must do the same: `Choice::Cost` is told apart by `isUneven`.
Choice choiceOf(mlir::ModuleOp module, Technique technique);
bool isUneven(mlir::ModuleOp module);

// Whether a collective's messages travel while the processor does other work. Over the memory of one process
// (links of the domain "process") they are work of the processor itself.
bool isOffloaded(mlir::Operation *collective);
// Whether a technique may be used on a collective at all: not where the plan says never; where it says
// nothing, only on messages that travel by themselves.
bool mayUse(Technique technique, mlir::Operation *collective);

// The reason with one more sentence to its cause; null stays null.
ReasonAttr withNote(ReasonAttr reason, llvm::StringRef note);

} // namespace cleave::comm

#endif
