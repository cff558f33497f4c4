// What a module of the comm stage sends: per collective how often in a run of an entry, bytes and seconds.
//
// Bytes are those a rank sends, by the convention of compiler/cost/Collectives.h: all_reduce 2 S (n - 1) / n,
// reduce_scatter and all_gather S (n - 1) / n of the whole S, all_to_all S (n - 1) / n of the local tensor,
// permute and halo what is sent.
#ifndef CLEAVE_DIALECTS_COMM_TRANSFORMS_TRAFFIC_H
#define CLEAVE_DIALECTS_COMM_TRANSFORMS_TRAFFIC_H

#include "compiler/cost/Collectives.h"
#include "compiler/cost/Device.h"
#include "dialects/comm/ir/Comm.h"

namespace cleave::comm {

struct Traffic {
  mlir::Operation *op = nullptr;
  int64_t count = 0; // times in a run
  double bytes = 0;  // sent per rank and time
  double seconds = 0;
};

// The slowest link along these mesh axes; default numbers where the mesh has no links.
cost::Link linkOf(dist::MeshOp mesh, llvm::ArrayRef<dist::AxisRefAttr> over);

// What a rank computes with: as the module says (a text, see Device.h), else the default.
inline constexpr llvm::StringLiteral kDeviceAttr = "comm.device";
cost::Device deviceOf(mlir::Operation *inModule);

// Whether ranks exchange anything in the op: all of the dialect but slice, only and offset.
bool communicates(mlir::Operation *op);
// Of one time; nothing for ops that do not communicate.
Traffic trafficOf(mlir::Operation *op);

// Of a run of an entry: collectives in scans count once per turn, in loops as often as they may turn; of an
// if the branch that sends more. In program order, callees in place of what runs them.
llvm::SmallVector<Traffic> trafficOf(mlir::func::FuncOp entry);
double bytesOf(llvm::ArrayRef<Traffic> traffic);

} // namespace cleave::comm

#endif
