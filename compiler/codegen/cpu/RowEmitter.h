// Emits the loops of a kernel over its rows: scf.for, vector operations, row buffers on the stack.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_ROWEMITTER_H
#define CLEAVE_COMPILER_CODEGEN_CPU_ROWEMITTER_H

#include "compiler/codegen/cpu/Lanes.h"
#include "compiler/codegen/cpu/RowPlan.h"

#include <map>

namespace cleave::codegen {

class RowEmitter {
public:
  RowEmitter(mlir::OpBuilder &builder, const Kernel &kernel, llvm::ArrayRef<Group> groups,
             const RowPlan &plan)
      : builder(builder), loc(mlir::func::FuncOp(kernel.func).getLoc()), kernel(kernel), groups(groups),
        plan(plan) {}

  /// Says where an argument or result of the kernel lies.
  void bind(mlir::Value tensor, Place place) { places[tensor] = std::move(place); }

  /// Emits units [begin, end) at the builder's insertion point, the entry of the function.
  void emit(mlir::Value begin, mlir::Value end);

  /// Emits the points [low, high) of the last row dim at row `row` of the others, in their order. For plans
  /// with vectors along that dim and kernels without row buffers.
  void emitSpan(mlir::Value row, mlir::Value low, mlir::Value high);

private:
  struct Piece {                    // one vector of lanes
    mlir::Value base;               // index of lane 0 along the vector dim
    mlir::Value mask;               // lanes that exist; null: all
    llvm::SmallVector<int64_t> row; // per row dim: index within those that the unit takes; empty: 0
    int64_t inner = 0;              // index within the tile of the group's tiled dim
  };
  /// What of an inner dim the current rows need: [low, high); within [fullLow, fullHigh) every condition on
  /// positions holds for all lanes.
  struct Live {
    mlir::Value low, high, fullLow, fullHigh;
  };
  struct Nest { // the loops of a group, outermost first
    const Group *group = nullptr;
    llvm::SmallVector<unsigned> parallel, reduced;
    int64_t unroll = 1;
    bool vectorReduced = false;
    int tiled = -1; // the dim whose points are taken `tile` at once
    int64_t tile = 1;
    llvm::SmallVector<std::pair<const Member *, unsigned>> outputs; // what is reduced: member, result
  };
  using Values = llvm::SmallVector<mlir::Value>;
  using Body = llvm::function_ref<Values(Values)>;

  // Rows.
  void makeBuffers();
  void makeBuffer(mlir::OpResult value, const Stage &stage);
  mlir::Value freeBuffer(mlir::OpResult value, mlir::MemRefType type);
  bool mayOverwrite(mlir::OpResult old, mlir::OpResult value, const Group &group) const;
  unsigned homeOf(mlir::Operation *stage) const;
  bool needsBuffer(mlir::OpResult value, const Stage &stage) const;
  void emitUnit(mlir::Value unit);
  void emitBlock(mlir::Value block);
  void emitChunks(mlir::Value low, mlir::Value high);
  void emitChunk(mlir::Value base);
  void emitGroups();

  // Loops of a group.
  void emitGroup(const Group &group, unsigned number);
  void emitParallel(const Nest &nest, unsigned level);
  Values emitReduced(const Nest &nest, unsigned level, Values accumulators);
  void emitReduction(const Nest &nest);
  Values overScalars(unsigned dim, Range range, Values carried, Body body);
  Values overReduced(const Nest &nest, unsigned dim, Values carried, Body body);
  llvm::SmallVector<Range> cutsOf(const Nest &nest, unsigned dim);
  int64_t decidedWithin(const Nest &nest, unsigned dim, Range range);
  Values overVectors(const Nest &nest, int64_t size, Values carried, Body body);
  Values loop(mlir::Value low, mlir::Value high, int64_t step, Values carried,
              llvm::function_ref<Values(mlir::Value, Values)> body);
  void setPieces(mlir::Value base, int64_t count);
  void jamPieces();
  mlir::Value maskUpTo(mlir::Value base, mlir::Value high);

  // Tiles, and what of the inner dims the current rows need (RowTiles.cpp).
  using Linear = std::vector<int64_t>; // factors of the kernel's row dims, then a constant
  void findLive();
  std::optional<Live> summedOver(const Stage &stage, unsigned innerDim);
  std::optional<Live> neededOf(const Stage &stage, unsigned innerDim);
  void require(mlir::Value condition, const Stage &stage, unsigned innerDim, std::optional<Live> &found,
               llvm::SmallVectorImpl<mlir::Operation *> &conditions);
  std::optional<Live> liveOf(const Group &group, unsigned dim);
  mlir::Value uniformValue(const Stage &stage, unsigned operand);
  mlir::Value bound(Linear linear, bool greatest);
  Values overLive(const Nest &nest, const Live &needed, unsigned dim, Values carried, Body body);
  Values overSpan(unsigned dim, mlir::Value low, mlir::Value high, int64_t step, Values carried, Body body);
  void overTiles(const Nest &nest, Body body);
  bool emitTranspose(const Nest &nest);
  llvm::SmallVector<Lanes> indicesAt(const Member &member, mlir::AffineMap map, const Lanes &lane,
                                     const Lanes &inner);

  // Points.
  Values emitPoint(const Nest &nest, Values accumulators);
  llvm::SmallVector<Lanes> evaluate(const Member &member, const Piece &piece, unsigned pieceNumber,
                                    llvm::ArrayRef<Lanes> accumulators);
  Lanes operandValue(LaneEmitter &emitter, const Member &member, mlir::OpOperand &operand, const Piece &piece,
                     unsigned pieceNumber);
  int positionOf(const Member &member, const LoopDim &dim) const;
  Range indexRange(const Member &member, unsigned loopDim, const Piece &piece) const;
  Lanes loopIndex(LaneEmitter &emitter, const Member &member, unsigned loopDim, const Piece &piece);
  llvm::SmallVector<Lanes> axisIndices(LaneEmitter &emitter, const Member &member, mlir::AffineMap map,
                                       const Piece &piece);
  Lanes extractValue(LaneEmitter &emitter, mlir::Operation *extract, llvm::ArrayRef<Lanes> indices);
  Lanes tensorValue(LaneEmitter &emitter, mlir::Value tensor, llvm::ArrayRef<Lanes> indices, bool guarded);
  Lanes initialValue(LaneEmitter &emitter, const Member &member, unsigned result, const Piece &piece,
                     unsigned pieceNumber);
  void keepResult(LaneEmitter &emitter, const Member &member, unsigned result, const Piece &piece,
                  const Lanes &value);
  Lanes finishVector(LaneEmitter &emitter, const Member &member, unsigned result,
                     llvm::ArrayRef<mlir::Value> slots);
  LaneEmitter emitterFor(const Member &member, const Piece &piece);
  unsigned lanes() const { return vectorDim < 0 ? 1 : static_cast<unsigned>(width); }
  mlir::Value index(int64_t value);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  const Kernel &kernel;
  llvm::ArrayRef<Group> groups;
  const RowPlan &plan;
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Lanes>> rowValues;   // made once per row, per piece
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Lanes>> pointValues; // made at the current point, per piece
  Values rowIndex, innerIndex, heapBuffers;
  llvm::SmallVector<std::pair<mlir::Value, mlir::OpResult>> buffers; // and the value each holds last
  llvm::SmallVector<Range> innerRange;                               // of innerIndex
  llvm::SmallVector<Piece> pieces;
  llvm::DenseMap<const Stage *, llvm::SmallVector<std::optional<Live>>> live; // by inner dim; nothing: all
  llvm::DenseMap<const Stage *, llvm::SmallVector<mlir::Operation *>>
      decided;                                           // conditions that `full` makes true
  llvm::DenseSet<mlir::Operation *> holding;             // of them, those of the current loop
  std::map<std::pair<Linear, bool>, mlir::Value> bounds; // of the current rows
  int tiledDim = -1;      // inner dim of the current group that pieces are offset along
  int64_t width = kLanes; // lanes of a vector
  int vectorDim = -1;     // row dims first, then the group's inner dims
  mlir::Value chunkBase;
};

} // namespace cleave::codegen

#endif
