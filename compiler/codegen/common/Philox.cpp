#include "compiler/codegen/common/Philox.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace cleave::codegen {

namespace {

constexpr uint32_t kMultipliers[2] = {0xD2511F53, 0xCD9E8D57};
constexpr uint32_t kWeyl[2] = {0x9E3779B9, 0xBB67AE85};
constexpr unsigned kRounds = 10;

Value constantLike(OpBuilder &builder, Location loc, Type type, uint64_t value) {
  unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  IntegerAttr element = IntegerAttr::get(getElementTypeOrSelf(type), APInt(width, value));
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(vector, Attribute(element)));
  return arith::ConstantOp::create(builder, loc, element);
}

Value lowWord(OpBuilder &builder, Location loc, Value wide) {
  Type word = builder.getI32Type();
  if (auto vector = dyn_cast<VectorType>(wide.getType()))
    word = vector.clone(word);
  return arith::TruncIOp::create(builder, loc, word, wide);
}

Value highWord(OpBuilder &builder, Location loc, Value wide) {
  Value shift = constantLike(builder, loc, wide.getType(), 32);
  return lowWord(builder, loc, arith::ShRUIOp::create(builder, loc, wide, shift));
}

} // namespace

std::array<Value, 4> philox(OpBuilder &builder, Location loc, std::array<Value, 4> counter,
                            std::array<Value, 2> key) {
  Type type = counter[0].getType();
  for (unsigned round = 0; round < kRounds; ++round) {
    auto product = [&](size_t which) {
      Value multiplier = constantLike(builder, loc, type, kMultipliers[which]);
      return arith::MulUIExtendedOp::create(builder, loc, counter[2 * which], multiplier);
    };
    auto mix = [&](Value high, Value word, unsigned which) -> Value {
      Value mixed = arith::XOrIOp::create(builder, loc, high, word);
      return arith::XOrIOp::create(builder, loc, mixed, key[which]);
    };
    auto first = product(0), second = product(1);
    counter = {mix(second.getHigh(), counter[1], 0), second.getLow(), mix(first.getHigh(), counter[3], 1),
               first.getLow()};
    for (unsigned which = 0; which < 2; ++which)
      key[which] =
          arith::AddIOp::create(builder, loc, key[which], constantLike(builder, loc, type, kWeyl[which]));
  }
  return counter;
}

Value randomBits(OpBuilder &builder, Location loc, Value seed, Value step, Value site, Value index) {
  std::array<Value, 4> counter = {lowWord(builder, loc, index), highWord(builder, loc, index),
                                  lowWord(builder, loc, step), site};
  std::array<Value, 2> key = {lowWord(builder, loc, seed), highWord(builder, loc, seed)};
  return philox(builder, loc, counter, key)[0];
}

} // namespace cleave::codegen
