// A module as propagation sees it: cells that have a layout, and rules between them.
//
// A cell is a value, a function's result, or several of these that are one place: what a loop carries is the
// body's argument, the body's result and the loop's result. A rule ties cells by the factors of an op, or by
// identity where a value only flows: a return, an operand and the argument of a body.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_GRAPH_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_GRAPH_H

#include "dialects/dist/ir/Axes.h"
#include "dialects/dist/ir/FactorMap.h"

namespace cleave::dist {

// A value, or result `number` of `function`.
struct Slot {
  mlir::Value value;
  mlir::func::FuncOp function;
  unsigned number = 0;

  mlir::RankedTensorType type() const;
  // What an attribute of this slot is called: `dist.layout` beside arguments and results...
  mlir::Attribute getAttr(llvm::StringRef onFunction, llvm::StringRef onOp) const;
  void setAttr(llvm::StringRef onFunction, llvm::StringRef onOp, mlir::Attribute attr) const;
  mlir::func::FuncOp parent() const;
  // The name a user knows it by: a state's path, an input, an output, a named value; empty for others.
  llvm::StringRef name() const;
  mlir::Location loc() const;
};

// Why a dim of a cell is cut over an axis.
struct Origin {
  Axis axis;
  int tactic = -1; // position in the plan; -1: a layout that stood in the module
  int from = -1;   // the cell it came from; -1: stated for this one
};

// An axis that a tactic or an operand wanted, and what stood against it.
struct Conflict {
  Axis axis;
  unsigned dim;
  int tactic; // that wanted it
  int winner; // tactic of the axis that stands
  unsigned winnerDim;
};

struct Cell {
  llvm::SmallVector<Slot, 1> slots;
  llvm::SmallVector<int64_t, 4> shape;
  llvm::SmallVector<llvm::StringRef, 4> axes;
  MeshOp mesh;           // null: not known yet
  bool isStated = false; // a layout stands in the module
  Cut cut;
  AxisList reserved;                        // that dims will have whose turn has not come
  llvm::SmallVector<unsigned, 4> remainder; // per dim: see Graph::Remainder
  model::StateOp state;                     // of an entry's state: one cell, whatever entries and ends it has
  llvm::SmallVector<unsigned> rules;
  llvm::SmallVector<Origin, 2> origins;
  llvm::SmallVector<Conflict, 0> conflicts;
  std::optional<Cut> computed; // the layout apart from storage, where the cell has a storage layout
};

enum class RuleClass { PassThrough, Other };

struct Rule {
  mlir::Operation *op;
  FactorMap map;
  llvm::SmallVector<unsigned, 4> operands, results; // cells; as many as the map has
  RuleClass kind = RuleClass::Other;
  bool computes = false;    // an op with factors of its own, no flow
  bool slides = false;      // a part, at positions that are scalars, of what it reads
  bool elementwise = false; // every operand along the whole result, or broadcast to it
  bool multiUse = false;    // an operand has other readers
  bool forward = true, backward = true;
};

struct Graph {
  // What may be done with a dim that a mesh does not divide.
  enum Remainder : unsigned { Any, Divides, NotEmpty };

  std::vector<Cell> cells;
  std::vector<Rule> rules; // returns first, then in the order of the program
  llvm::DenseMap<mlir::Value, unsigned> cellOf;
  llvm::DenseMap<std::pair<mlir::Operation *, unsigned>, unsigned> resultCell; // of functions

  unsigned cell(mlir::Value value) const { return cellOf.find(value)->second; }
  unsigned cell(mlir::func::FuncOp function, unsigned result) const {
    return resultCell.find({function, result})->second;
  }
};

// Cells and rules of every function, with the layouts that stand in the module. Fails, with the reason given,
// where one of these is no layout of its value.
mlir::LogicalResult buildGraph(mlir::ModuleOp module, Graph &graph);

// Adds `dist.constrain value to LAYOUT` before an op, with its cell and rule; the cell of the result.
unsigned addConversion(Graph &graph, MeshOp mesh, mlir::Value value, const Cut &to, mlir::Operation *before);

// One copy of what is computed from constants alone per place that reads it: what reads one does not decide
// on the layout that another wants. Copies have no names.
void splitConstants(mlir::ModuleOp module);

// One body per scan, if, while and call: layouts differ from use to use. With `erase`, private functions that
// nothing runs go.
void unshareBodies(mlir::ModuleOp module, bool erase);

} // namespace cleave::dist

#endif
