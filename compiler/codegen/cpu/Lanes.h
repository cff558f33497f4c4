// Scalars of a generic's body, for several points ("lanes") at once.
//
// The lanes are consecutive points along one loop dim. A body value is held in the cheapest form that says
// what each lane's value is: the same for all (Uniform), lane 0's plus a constant step (Affine, integers
// only), or a vector. So `x[i, j + 1]` with lanes along j is known to be one contiguous load, and `x[i, 0]` a
// scalar one.
#ifndef CLEAVE_COMPILER_CODEGEN_CPU_LANES_H
#define CLEAVE_COMPILER_CODEGEN_CPU_LANES_H

#include "compiler/codegen/cpu/Ranges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

#include <optional>

namespace cleave::codegen {

struct Lanes {
  enum Kind { None, Uniform, Affine, Vector } kind = None;
  mlir::Value value;                // the scalar; lane 0's scalar; the vector
  int64_t step = 0;                 // Affine: lane i holds value + i * step ...
  std::optional<int64_t> low, high; // ... brought into [low, high]
  std::optional<Range> range;       // integers: holds the value of every lane that exists

  static Lanes uniform(mlir::Value value) { return {Uniform, value, 0, {}, {}, {}}; }
  static Lanes affine(mlir::Value base, int64_t step) { return {Affine, base, step, {}, {}, {}}; }
  static Lanes vector(mlir::Value value) { return {Vector, value, 0, {}, {}, {}}; }
  bool isClamped() const { return low || high; }
};

/// Where a tensor's elements lie: a flat memref, strides per axis of the tensor, and a position that is taken
/// off every address (row buffers hold only the current rows).
struct Place {
  mlir::Value memref;
  llvm::SmallVector<int64_t> strides;
  mlir::Value origin;
  bool perChunk = false; // a row buffer of lanes: its origin is the current chunk's
};

/// What a value of this type is computed in: half-precision floats widen to f32.
mlir::Type computeType(mlir::Type element);
/// What a value of this type is stored as: booleans take a byte.
mlir::Type storageType(mlir::Type element);

/// Emits operations on lanes at the builder's insertion point.
class LaneEmitter {
public:
  /// `mask`, where given, says which lanes exist; `exact` forbids every rewriting of float operations.
  LaneEmitter(mlir::OpBuilder &builder, mlir::Location loc, unsigned lanes, bool exact, mlir::Value mask = {})
      : builder(builder), loc(loc), lanes(lanes), exact(exact), mask(mask) {}

  mlir::Value index(int64_t value);
  Lanes add(const Lanes &a, const Lanes &b);
  Lanes scale(const Lanes &a, int64_t factor);
  /// The value as a vector, or as a scalar where there is one lane.
  mlir::Value whole(const Lanes &value);
  mlir::Value broadcast(mlir::Value scalar);

  /// Loads from `place` at the axes' indices. `guarded`: lanes outside a clamp are never used.
  Lanes load(const Place &place, llvm::ArrayRef<Lanes> indices, mlir::Type element, bool guarded);
  void store(const Place &place, llvm::ArrayRef<Lanes> indices, mlir::Type element, const Lanes &value);
  /// A body operation on lanes.
  Lanes apply(mlir::Operation *op, llvm::ArrayRef<Lanes> operands);
  /// `update` where the lane exists, `old` elsewhere.
  Lanes keepMasked(const Lanes &update, const Lanes &old);

  mlir::arith::FastMathFlags flags() const;

private:
  struct Address {
    Lanes linear;
    mlir::Value mask;
  };
  Address addressOf(const Place &place, llvm::ArrayRef<Lanes> indices, bool guarded);
  mlir::Value clampMask(const Lanes &index);
  Lanes emit(mlir::Operation *op, llvm::ArrayRef<Lanes> operands);
  mlir::Value iota(mlir::Type element, int64_t step);
  mlir::Value constant(mlir::TypedAttr value);
  mlir::Value allLanes();
  mlir::Value gatherIndices(const Place &place, const Lanes &linear);
  mlir::Value loadVector(const Place &place, const Address &address, mlir::Type element);
  mlir::Value widen(mlir::Value stored, mlir::Type element);
  mlir::Value narrow(mlir::Value value, mlir::Type element);
  std::optional<Lanes> applyAffine(mlir::Operation *op, llvm::ArrayRef<Lanes> operands);
  std::optional<Lanes> applyHalf(mlir::Operation *op, llvm::ArrayRef<Lanes> operands);
  Lanes applyRandomBits(llvm::ArrayRef<Lanes> operands);
  mlir::VectorType vectorType(mlir::Type element) const {
    return mlir::VectorType::get({static_cast<int64_t>(lanes)}, element);
  }

  mlir::OpBuilder &builder;
  mlir::Location loc;
  unsigned lanes;
  bool exact;
  mlir::Value mask;
};

} // namespace cleave::codegen

#endif
