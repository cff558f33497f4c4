// The coordinates of a rank on the mesh, as variables.
#ifndef CLEAVE_COMPILER_PROVE_MESH_H
#define CLEAVE_COMPILER_PROVE_MESH_H

#include "compiler/prove/Algebra.h"
#include "dialects/comm/ir/Comm.h"

namespace cleave::prove {

// A mesh axis is cut into the digits that the parts of it in a module are made of: where `x` = 16 and its
// part `x:(2)4` occur, a rank's coordinate on x is three digits, of 2, 4 and 2. Where no one splitting has
// all parts (`x` = 6 in 2 and in 3), the coordinate is one variable, and a part is read off it: (x / 3)
// mod 2.
class Mesh {
public:
  struct Digit {
    Var var;
    unsigned axis = 0;
    int64_t pre = 1, size = 1;
  };

  // A part of an axis; `var`: the digit that it is, none where it is read off the whole coordinate.
  struct Part {
    unsigned axis = 0;
    int64_t pre = 1, size = 1;
    std::optional<Var> var;
  };

  static Mesh create(Algebra &algebra, dist::MeshOp mesh, mlir::ModuleOp module);

  // What a list of axes is made of, major first.
  llvm::SmallVector<Part> partsOf(llvm::ArrayRef<dist::AxisRefAttr> axes) const;
  // Where this rank stands in a part.
  Index at(const Part &part) const;
  // Puts for this rank's coordinates those of the rank that stands at `to` in a part, else where it does.
  void move(Rewrite &rewrite, const Part &part, Index to) const;
  // The same along a list of axes: those of the member of that number.
  void move(Rewrite &rewrite, llvm::ArrayRef<dist::AxisRefAttr> axes, Index member) const;
  // The digits that a list of axes touches, major first.
  llvm::SmallVector<Digit> digitsOf(llvm::ArrayRef<dist::AxisRefAttr> axes) const;
  int64_t members(llvm::ArrayRef<dist::AxisRefAttr> axes) const;
  // The number of this rank among the members along axes.
  Index member(llvm::ArrayRef<dist::AxisRefAttr> axes) const;
  llvm::ArrayRef<Digit> all() const { return digits; }
  dist::MeshOp op() const { return mesh; }
  llvm::StringRef nameOf(Var digit) const;
  // Where a rank's block of a dim begins. `room`: elements of every block where it is padded, else 0.
  Index blockStart(int64_t extent, llvm::ArrayRef<dist::AxisRefAttr> axes, int64_t room) const;
  // How many elements of a dim that is not padded it has.
  Index blockLength(int64_t extent, llvm::ArrayRef<dist::AxisRefAttr> axes) const;
  // Whether blocks of some dim are not all equal.
  bool isUneven() const { return hasUneven; }
  // A term's coordinates on one rank, as constants.
  Rewrite at(llvm::ArrayRef<int64_t> coordinates) const;
  llvm::ArrayRef<int64_t> coordinates() const { return own; }
  // --- for words ---
  std::string textOf(llvm::ArrayRef<Digit> digits) const;          // "dp, tp"
  std::string rankText(llvm::ArrayRef<int64_t> rank) const;        // "dp 0, tp 1"
  llvm::SmallVector<llvm::SmallVector<int64_t>> someRanks() const; // among which two that differ differ

private:
  Algebra *algebra = nullptr;
  dist::MeshOp mesh;
  llvm::SmallVector<Digit> digits;
  llvm::SmallVector<bool> isFolded; // by axis: it is one digit, whatever its parts
  mutable bool hasUneven = false;
  llvm::SmallVector<int64_t> own; // of a rank of the class
};

} // namespace cleave::prove

#endif
