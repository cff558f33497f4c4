// Which values of an entry share storage. Offsets come later.
#ifndef CLEAVE_COMPILER_CONVERT_BINDSTORAGE_H
#define CLEAVE_COMPILER_CONVERT_BINDSTORAGE_H

#include "dialects/pipe/ir/Pipe.h"

namespace cleave::convert {

// A piece of memory that values live in, one after the other or as parts of it.
struct Storage {
  pipe::MemoryRegion region = pipe::MemoryRegion::Scratch;
  int64_t slot = 0;   // input and output
  int64_t offset = 0; // known from the start for states and constants
  int64_t bytes = 0;
};

// A value's part of a storage: `strides` by the counters of the loops around it, taken modulo `turns` where
// those are not 0.
struct Binding {
  unsigned storage = 0;
  int64_t offset = 0; // within the storage
  llvm::SmallVector<int64_t, 2> depths;
  llvm::SmallVector<int64_t, 2> strides;
  llvm::SmallVector<int64_t, 2> turns;
  // A block of what ranks share: the rank's index along the mesh axes `over`, times `memberBytes`.
  mlir::FlatSymbolRefAttr mesh = {};
  mlir::ArrayAttr over = {};
  int64_t memberBytes = 0;
};

inline bool operator==(const Binding &a, const Binding &b) {
  return a.storage == b.storage && a.offset == b.offset && a.depths == b.depths && a.strides == b.strides &&
         a.turns == b.turns && a.mesh == b.mesh && a.over == b.over && a.memberBytes == b.memberBytes;
}

struct StorageBindings {
  std::vector<Storage> storages;
  llvm::DenseMap<mlir::Value, Binding> bindings;
};

// Binds every value of an entry, inserting pipe.copy where sharing would lose a value:
// - the value that becomes an output, the new value of a state, a carry or an element of a stack is written
//   straight to its destination where no reader of the old content comes later; else it is copied there;
// - a slice is a part of the tensor it is cut from, and a stack that becomes the new value of that tensor
//   (the states that a repeat sets) is written part by part over the old one;
// - a carry that is stacked as well (a recurrence that keeps its history) lives in the stack, which has one
//   slot more: each turn reads one slot and writes the next;
// - a rank's block of a state, an input or a slice of these lies in it, where it is one piece; so does what
// is
//   gathered to be the new value of a state (ZeRO: an update reads and writes its block of a parameter).
//
//   %r = pipe.loop carries(%x) { ^(%i, %c): %y = launch @k(%c); yield %y }   ->   %x, %c, %y and %r share
//   storage
//
// `constantBytes`: what the constants of entries before this one take; grows by this entry's.
StorageBindings bindStorage(mlir::func::FuncOp entry, int64_t &constantBytes);

// How many loops stand around an op within its entry.
int64_t loopDepthOf(mlir::Operation *op);

} // namespace cleave::convert

#endif
