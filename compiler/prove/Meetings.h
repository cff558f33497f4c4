// Whether ranks of all classes take part in the same collectives: they would wait for ever if they did not.
//
//   Meetings meetings;
//   meetings.add(local)       for the program of each class of ranks, behind the `comm` stage, in order
//   meetings.check(classOf)
//
//   E962  classes have other collectives, or another order of them
//   E963  members of a collective give or expect other numbers of elements
#ifndef CLEAVE_COMPILER_PROVE_MEETINGS_H
#define CLEAVE_COMPILER_PROVE_MEETINGS_H

#include "dialects/comm/ir/Comm.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cleave::prove {

// What one class brings to a collective. It outlives the module.
struct Meeting {
  mlir::Location location;
  std::string kind;  // "all_reduce"
  std::string what;  // "all_reduce sum over dp"
  std::string where; // loops and branches around it
  std::string rest;  // what else all must agree on
  std::string value; // what it is of, where that has a name
  llvm::SmallVector<dist::AxisRefAttr> over;
  std::vector<int64_t> input, result; // shapes
  int64_t dim = -1, split = -1;       // along which blocks are joined, and cut
  bool padded = false;
  bool agreesWith(const Meeting &other) const {
    return what == other.what && where == other.where && rest == other.rest;
  }
};

class Meetings {
public:
  void add(mlir::ModuleOp local);
  // `classOf`: the class of each rank; empty: there is one. Emits an error for the first thing that does not
  // hold in each entry.
  mlir::LogicalResult check(llvm::ArrayRef<uint32_t> classOf) const;

private:
  struct Class {
    std::vector<int64_t> rank; // coordinates of one of its ranks
    std::map<std::string, std::vector<Meeting>> entries;
  };
  // The classes of the members of a group of ranks, in order.
  using Group = std::vector<uint32_t>;

  mlir::LogicalResult compare(const std::string &entry, const Class &first, const Class &other) const;
  std::vector<Group> groupsOf(llvm::ArrayRef<dist::AxisRefAttr> over, llvm::ArrayRef<uint32_t> classOf) const;
  mlir::LogicalResult countElements(const std::string &entry, size_t number, const Group &group) const;
  std::string rankText(const Class &of) const;

  std::vector<std::string> axes; // of the mesh
  std::vector<int64_t> sizes;
  std::vector<Class> classes;
};

} // namespace cleave::prove

#endif
