#include "compiler/codegen/cpu/Lanes.h"

#include "compiler/codegen/common/Philox.h"
#include "dialects/model/ir/Model.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace cleave::codegen {

static bool isHalf(Type type) { return type.isBF16() || type.isF16(); }

Type computeType(Type element) {
  return isHalf(element) ? Type(Float32Type::get(element.getContext())) : element;
}

Type storageType(Type element) {
  return element.isInteger(1) ? Type(IntegerType::get(element.getContext(), 8)) : element;
}

arith::FastMathFlags LaneEmitter::flags() const {
  using Flags = arith::FastMathFlags;
  return exact ? Flags::none : Flags::reassoc | Flags::contract | Flags::arcp | Flags::nsz | Flags::afn;
}

Value LaneEmitter::index(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }

Value LaneEmitter::constant(TypedAttr value) { return arith::ConstantOp::create(builder, loc, value); }

static TypedAttr integerAttr(Type type, int64_t value) {
  if (auto vector = dyn_cast<VectorType>(type)) {
    auto element = cast<IntegerAttr>(integerAttr(vector.getElementType(), value));
    return DenseElementsAttr::get(vector, Attribute(element));
  }
  return IntegerAttr::get(type, value);
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

// Steps wrap as the integers of the program do: hashes of indices have factors of 64 bits.
static int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }

Value LaneEmitter::broadcast(Value scalar) {
  if (lanes == 1 || isa<VectorType>(scalar.getType()))
    return scalar;
  return vector::BroadcastOp::create(builder, loc, vectorType(scalar.getType()), scalar);
}

Value LaneEmitter::iota(Type element, int64_t step) {
  SmallVector<Attribute> values;
  for (unsigned lane = 0; lane < lanes; ++lane)
    values.push_back(IntegerAttr::get(element, wrap(uint64_t(step) * lane)));
  return constant(DenseElementsAttr::get(vectorType(element), values));
}

Value LaneEmitter::whole(const Lanes &value) {
  if (value.kind != Lanes::Affine)
    return broadcast(value.value);
  Type element = value.value.getType();
  Value result = builder.createOrFold<arith::AddIOp>(loc, broadcast(value.value), iota(element, value.step));
  if (value.low)
    result =
        arith::MaxSIOp::create(builder, loc, result, constant(integerAttr(vectorType(element), *value.low)));
  if (value.high)
    result =
        arith::MinSIOp::create(builder, loc, result, constant(integerAttr(vectorType(element), *value.high)));
  return result;
}

Lanes LaneEmitter::add(const Lanes &a, const Lanes &b) {
  if (a.kind == Lanes::Uniform && b.kind == Lanes::Uniform)
    return Lanes::uniform(builder.createOrFold<arith::AddIOp>(loc, a.value, b.value));
  bool vector = a.kind == Lanes::Vector || b.kind == Lanes::Vector || a.isClamped() || b.isClamped();
  if (vector)
    return Lanes::vector(arith::AddIOp::create(builder, loc, whole(a), whole(b)));
  return Lanes::affine(builder.createOrFold<arith::AddIOp>(loc, a.value, b.value),
                       wrap(uint64_t(a.step) + uint64_t(b.step)));
}

Lanes LaneEmitter::scale(const Lanes &a, int64_t factor) {
  if (factor == 1)
    return a;
  if (factor == 0)
    return Lanes::uniform(constant(integerAttr(getElementTypeOrSelf(a.value.getType()), 0)));
  bool vector = a.kind == Lanes::Vector || a.isClamped();
  Value value = vector ? whole(a) : a.value;
  Value by = constant(integerAttr(value.getType(), factor));
  Value scaled = builder.createOrFold<arith::MulIOp>(loc, value, by);
  if (vector)
    return Lanes::vector(scaled);
  return a.kind == Lanes::Uniform ? Lanes::uniform(scaled)
                                  : Lanes::affine(scaled, wrap(uint64_t(a.step) * uint64_t(factor)));
}

Lanes LaneEmitter::keepMasked(const Lanes &update, const Lanes &old) {
  if (!mask)
    return update;
  return Lanes::vector(arith::SelectOp::create(builder, loc, mask, whole(update), whole(old)));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value LaneEmitter::allLanes() {
  return mask ? mask : constant(integerAttr(vectorType(builder.getI1Type()), 1));
}

/// Lanes whose raw index lies within its clamp.
Value LaneEmitter::clampMask(const Lanes &index) {
  Lanes raw = Lanes::affine(index.value, index.step);
  Value lane = whole(raw);
  Value inside = mask;
  auto require = [&](arith::CmpIPredicate predicate, int64_t bound) {
    Value holds =
        arith::CmpIOp::create(builder, loc, predicate, lane, constant(integerAttr(lane.getType(), bound)));
    inside = inside ? Value(arith::AndIOp::create(builder, loc, inside, holds)) : holds;
  };
  if (index.low)
    require(arith::CmpIPredicate::sge, *index.low);
  if (index.high)
    require(arith::CmpIPredicate::sle, *index.high);
  return inside;
}

LaneEmitter::Address LaneEmitter::addressOf(const Place &place, ArrayRef<Lanes> indices, bool guarded) {
  Address address{{}, mask};
  for (auto [axis, stride] : llvm::zip(indices, place.strides)) {
    if (stride == 0)
      continue;
    Lanes raw = axis;
    if (guarded && axis.kind == Lanes::Affine && axis.isClamped() && axis.step * stride == 1) {
      address.mask = clampMask(axis);
      raw = Lanes::affine(axis.value, axis.step);
    }
    Lanes scaled = scale(raw, stride);
    address.linear = address.linear.kind == Lanes::None ? scaled : add(address.linear, scaled);
  }
  if (address.linear.kind == Lanes::None)
    address.linear = Lanes::uniform(index(0));
  if (place.origin) {
    Value minus = arith::SubIOp::create(builder, loc, index(0), place.origin);
    address.linear = add(address.linear, Lanes::uniform(minus));
  }
  if (address.linear.isClamped())
    address.linear = Lanes::vector(whole(address.linear));
  return address;
}

/// Where the memref allows, 32 bits per index: twice as many lanes per gather instruction.
Value LaneEmitter::gatherIndices(const Place &place, const Lanes &linear) {
  Value indices = whole(linear);
  if (cast<MemRefType>(place.memref.getType()).getNumElements() > INT32_MAX)
    return indices;
  return arith::IndexCastOp::create(builder, loc, vectorType(builder.getI32Type()), indices);
}

Value LaneEmitter::loadVector(const Place &place, const Address &address, Type element) {
  VectorType type = vectorType(element);
  bool contiguous = address.linear.kind == Lanes::Affine && address.linear.step == 1;
  if (contiguous && !address.mask)
    return vector::LoadOp::create(builder, loc, type, place.memref, address.linear.value);
  Value zero = constant(cast<TypedAttr>(builder.getZeroAttr(type)));
  if (contiguous)
    return vector::MaskedLoadOp::create(builder, loc, type, place.memref, address.linear.value, address.mask,
                                        zero);
  Value lanesRead = address.mask ? address.mask : allLanes();
  return vector::GatherOp::create(builder, loc, type, place.memref, index(0),
                                  gatherIndices(place, address.linear), lanesRead, zero);
}

Value LaneEmitter::widen(Value stored, Type element) {
  if (element.isInteger(1)) {
    Value zero = constant(cast<TypedAttr>(builder.getZeroAttr(stored.getType())));
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, stored, zero);
  }
  if (!isHalf(element))
    return stored;
  Type wide = builder.getF32Type();
  if (auto vector = dyn_cast<VectorType>(stored.getType()))
    wide = vector.clone(wide);
  return arith::ExtFOp::create(builder, loc, wide, stored);
}

Value LaneEmitter::narrow(Value value, Type element) {
  Type stored = storageType(element);
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    stored = vector.clone(stored);
  if (stored == value.getType())
    return value;
  if (element.isInteger(1))
    return arith::ExtUIOp::create(builder, loc, stored, value);
  return arith::TruncFOp::create(builder, loc, stored, value);
}

Lanes LaneEmitter::load(const Place &place, ArrayRef<Lanes> indices, Type element, bool guarded) {
  Address address = addressOf(place, indices, guarded);
  if (address.linear.kind == Lanes::Uniform) {
    Value scalar = memref::LoadOp::create(builder, loc, place.memref, address.linear.value);
    return Lanes::uniform(widen(scalar, element));
  }
  return Lanes::vector(widen(loadVector(place, address, storageType(element)), element));
}

void LaneEmitter::store(const Place &place, ArrayRef<Lanes> indices, Type element, const Lanes &value) {
  Address address = addressOf(place, indices, false);
  if (address.linear.kind == Lanes::Uniform) {
    memref::StoreOp::create(builder, loc, narrow(value.value, element), place.memref, address.linear.value);
    return;
  }
  Value stored = narrow(whole(value), element);
  bool contiguous = address.linear.kind == Lanes::Affine && address.linear.step == 1;
  if (contiguous && !mask)
    vector::StoreOp::create(builder, loc, stored, place.memref, address.linear.value);
  else if (contiguous)
    vector::MaskedStoreOp::create(builder, loc, place.memref, address.linear.value, mask, stored);
  else
    vector::ScatterOp::create(builder, loc, Type(), place.memref, index(0),
                              gatherIndices(place, address.linear), allLanes(), stored, IntegerAttr());
}

//===----------------------------------------------------------------------===//
// Body operations
//===----------------------------------------------------------------------===//

/// max and min by constants become bounds.
static std::optional<Lanes> clamp(Operation *op, ArrayRef<Lanes> operands) {
  APInt bound;
  if (!isa<arith::MaxSIOp, arith::MinSIOp>(op) || operands[0].kind != Lanes::Affine ||
      operands[1].kind != Lanes::Uniform || !matchPattern(operands[1].value, m_ConstantInt(&bound)))
    return std::nullopt;
  Lanes result = operands[0];
  std::optional<int64_t> &side = isa<arith::MaxSIOp>(op) ? result.low : result.high;
  if (side)
    return std::nullopt;
  side = bound.getSExtValue();
  return result;
}

/// Index arithmetic that keeps lanes affine.
std::optional<Lanes> LaneEmitter::applyAffine(Operation *op, ArrayRef<Lanes> operands) {
  auto linear = [](const Lanes &x) {
    return (x.kind == Lanes::Affine && !x.isClamped()) || x.kind == Lanes::Uniform;
  };
  if (!llvm::any_of(operands, [](const Lanes &x) { return x.kind == Lanes::Affine; }))
    return std::nullopt;
  if (std::optional<Lanes> clamped = clamp(op, operands))
    return clamped;
  if (!llvm::all_of(operands, linear))
    return std::nullopt;
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::TruncIOp>(op)) {
    IRMapping mapping;
    mapping.map(op->getOperand(0), operands[0].value);
    return Lanes::affine(builder.clone(*op, mapping)->getResult(0), operands[0].step);
  }
  if (isa<arith::AddIOp>(op))
    return add(operands[0], operands[1]);
  if (isa<arith::SubIOp>(op))
    return Lanes::affine(builder.createOrFold<arith::SubIOp>(loc, operands[0].value, operands[1].value),
                         wrap(uint64_t(operands[0].step) - uint64_t(operands[1].step)));
  APInt factor;
  for (unsigned side : {0u, 1u})
    if (isa<arith::MulIOp>(op) && operands[side].kind == Lanes::Uniform &&
        matchPattern(operands[side].value, m_ConstantInt(&factor)))
      return scale(operands[1 - side], factor.getSExtValue());
  return std::nullopt;
}

/// Conversions from and to half precision, whose values are held as f32: narrowing rounds, widening does
/// nothing.
std::optional<Lanes> LaneEmitter::applyHalf(Operation *op, ArrayRef<Lanes> operands) {
  if (isa<arith::ExtFOp>(op) && isHalf(op->getOperand(0).getType()) && op->getResult(0).getType().isF32())
    return operands[0];
  if (!isa<arith::TruncFOp>(op) || !isHalf(op->getResult(0).getType()))
    return std::nullopt;
  Type element = op->getResult(0).getType();
  Value rounded = widen(narrow(operands[0].value, element), element);
  return operands[0].kind == Lanes::Vector ? Lanes::vector(rounded) : Lanes::uniform(rounded);
}

Lanes LaneEmitter::applyRandomBits(ArrayRef<Lanes> operands) {
  bool vector = llvm::any_of(operands, [](const Lanes &x) { return x.kind != Lanes::Uniform; });
  SmallVector<Value> values;
  for (const Lanes &operand : operands)
    values.push_back(vector ? whole(operand) : operand.value);
  Value bits = randomBits(builder, loc, values[0], values[1], values[2], values[3]);
  return vector ? Lanes::vector(bits) : Lanes::uniform(bits);
}

/// What intervals decide is not emitted.
Lanes LaneEmitter::apply(Operation *op, ArrayRef<Lanes> operands) {
  auto known = llvm::map_to_vector(operands, [](const Lanes &x) { return x.range; });
  if (std::optional<unsigned> passed = passedOperand(op, known))
    return operands[*passed];
  std::optional<Range> range = rangeOf(op, known);
  bool folds = range && range->isPoint() && !isa<arith::ConstantOp>(op);
  Lanes result = folds ? Lanes::uniform(constant(integerAttr(op->getResult(0).getType(), range->low)))
                       : emit(op, operands);
  result.range = range;
  return result;
}

Lanes LaneEmitter::emit(Operation *op, ArrayRef<Lanes> operands) {
  if (isa<arith::ConstantOp>(op)) {
    Operation *copy = builder.clone(*op);
    if (auto value = dyn_cast<FloatAttr>(cast<arith::ConstantOp>(copy).getValue());
        value && isHalf(value.getType()))
      return Lanes::uniform(constant(builder.getF32FloatAttr(value.getValueAsDouble())));
    return Lanes::uniform(copy->getResult(0));
  }
  if (isa<model::RandomBitsOp>(op))
    return applyRandomBits(operands);
  if (std::optional<Lanes> affine = applyAffine(op, operands))
    return *affine;
  if (std::optional<Lanes> half = applyHalf(op, operands))
    return *half;
  bool vector = llvm::any_of(operands, [](const Lanes &x) { return x.kind != Lanes::Uniform; });
  IRMapping mapping;
  for (auto [position, old, now] : llvm::enumerate(op->getOperands(), operands)) {
    bool keepScalar = !vector || (isa<arith::SelectOp>(op) && position == 0 && now.kind == Lanes::Uniform);
    Value value = keepScalar ? now.value : whole(now);
    // A lane that does not exist must not divide by zero.
    if (vector && mask && position == 1 &&
        isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(op))
      value = arith::SelectOp::create(builder, loc, mask, value, constant(integerAttr(value.getType(), 1)));
    mapping.map(old, value);
  }
  Operation *copy = builder.clone(*op, mapping);
  Type element = computeType(op->getResult(0).getType());
  copy->getResult(0).setType(vector ? Type(vectorType(element)) : element);
  if (auto fast = dyn_cast<arith::ArithFastMathInterface>(copy))
    copy->setAttr(fast.getFastMathAttrName(), arith::FastMathFlagsAttr::get(builder.getContext(), flags()));
  return vector ? Lanes::vector(copy->getResult(0)) : Lanes::uniform(copy->getResult(0));
}

} // namespace cleave::codegen
