#include "lang/lower/Random.h"

#include "dialects/model/ir/Model.h"

using namespace mlir;
using namespace cleave;
using namespace cleave::lower;

namespace {

// Writes scalar arithmetic of one float type and of the integers as wide as it.
class Scalars {
public:
  Scalars(OpBuilder &builder, Location loc, FloatType type)
      : builder(builder), loc(loc), type(type), bits(builder.getIntegerType(type.getWidth())) {}

  Value real(double value) {
    return arith::ConstantOp::create(builder, loc, builder.getFloatAttr(type, value));
  }
  Value integer(Type t, int64_t value) {
    return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(t, value));
  }
  Value integer(int64_t value) { return integer(bits, value); }
  Value add(Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }
  Value sub(Value a, Value b) { return arith::SubFOp::create(builder, loc, a, b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); }
  Value div(Value a, Value b) { return arith::DivFOp::create(builder, loc, a, b); }
  Value sqrt(Value a) { return math::SqrtOp::create(builder, loc, a); }
  Value less(Value a, Value b) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  }
  Value select(Value c, Value a, Value b) { return arith::SelectOp::create(builder, loc, c, a, b); }
  // Horner's rule, the coefficient of the highest power first.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value p = real(coefficients.front());
    for (double c : coefficients.drop_front())
      p = add(mul(p, x), real(c));
    return p;
  }

  OpBuilder &builder;
  Location loc;
  FloatType type;
  IntegerType bits;
};

// x = m * 2^e with m in [sqrt(1/2), sqrt(2)).
struct Decomposed {
  Value m, e;
};

} // namespace

// `x` is positive and normal.
static Decomposed decompose(Scalars &s, Value x) {
  bool single = s.type.isF32();
  int64_t fraction = single ? 23 : 52;
  int64_t half = single ? 126 : 1022; // biased exponent of [0.5, 1)
  Value raw = arith::BitcastOp::create(s.builder, s.loc, s.bits, x);
  Value exponent = arith::SubIOp::create(
      s.builder, s.loc, arith::ShRUIOp::create(s.builder, s.loc, raw, s.integer(fraction)), s.integer(half));
  Value mask = s.integer((int64_t(1) << fraction) - 1);
  Value fractionBits = arith::AndIOp::create(s.builder, s.loc, raw, mask);
  Value mantissaBits = arith::OrIOp::create(s.builder, s.loc, fractionBits, s.integer(half << fraction));
  Value m = arith::BitcastOp::create(s.builder, s.loc, s.type, mantissaBits);
  Value e = arith::SIToFPOp::create(s.builder, s.loc, s.type, exponent);
  Value small = s.less(m, s.real(0.70710678118654752440));
  return {s.select(small, s.add(m, m), m), s.select(small, s.sub(e, s.real(1)), e)};
}

// Cephes logf.
static Value emitLog32(Scalars &s, Value x) {
  Decomposed d = decompose(s, x);
  Value f = s.sub(d.m, s.real(1));
  Value z = s.mul(f, f);
  Value y =
      s.polynomial(f, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
                       -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1});
  y = s.mul(s.mul(y, f), z);
  y = s.add(y, s.mul(d.e, s.real(-2.12194440e-4)));
  y = s.add(y, s.mul(z, s.real(-0.5)));
  return s.add(s.add(f, y), s.mul(d.e, s.real(0.693359375)));
}

// fdlibm e_log.c.
static Value emitLog64(Scalars &s, Value x) {
  Decomposed d = decompose(s, x);
  Value f = s.sub(d.m, s.real(1));
  Value q = s.div(f, s.add(f, s.real(2)));
  Value z = s.mul(q, q), w = s.mul(z, z);
  Value odd = s.mul(
      w, s.polynomial(w, {1.531383769920937332e-01, 2.222219843214978396e-01, 3.999999999940941908e-01}));
  Value even = s.mul(z, s.polynomial(w, {1.479819860511658591e-01, 1.818357216161805012e-01,
                                         2.857142874366239149e-01, 6.666666666666735130e-01}));
  Value r = s.add(even, odd);
  Value half = s.mul(s.real(0.5), s.mul(f, f));
  Value low = s.add(s.mul(q, s.add(half, r)), s.mul(d.e, s.real(1.90821492927058770002e-10)));
  return s.sub(s.mul(d.e, s.real(6.93147180369123816490e-01)), s.sub(s.sub(half, low), f));
}

static Value emitErfInv32(Scalars &s, Value x) {
  Value one = s.real(1);
  Value w = s.sub(s.real(0), emitLog32(s, s.mul(s.sub(one, x), s.add(one, x))));
  Value near = s.polynomial(s.sub(w, s.real(2.5)),
                            {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                             -0.00125372503, -0.00417768164, 0.246640727, 1.50140941});
  Value far = s.polynomial(s.sub(s.sqrt(w), s.real(3)),
                           {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                            -0.0076224613, 0.00943887047, 1.00167406, 2.83297682});
  return s.mul(s.select(s.less(w, s.real(5)), near, far), x);
}

static Value emitErfInv64(Scalars &s, Value x) {
  Value one = s.real(1);
  Value w = s.sub(s.real(0), emitLog64(s, s.mul(s.sub(one, x), s.add(one, x))));
  Value near =
      s.polynomial(s.sub(w, s.real(3.125)),
                   {-3.6444120640178196996e-21, -1.685059138182016589e-19,  1.2858480715256400167e-18,
                    1.115787767802518096e-17,   -1.333171662854620906e-16,  2.0972767875968561637e-17,
                    6.6376381343583238325e-15,  -4.0545662729752068639e-14, -8.1519341976054721522e-14,
                    2.6335093153082322977e-12,  -1.2975133253453532498e-11, -5.4154120542946279317e-11,
                    1.051212273321532285e-09,   -4.1126339803469836976e-09, -2.9070369957882005086e-08,
                    4.2347877827932403518e-07,  -1.3654692000834678645e-06, -1.3882523362786468719e-05,
                    0.0001867342080340571352,   -0.00074070253416626697512, -0.0060336708714301490533,
                    0.24015818242558961693,     1.6536545626831027356});
  Value root = s.sqrt(w);
  Value middle = s.polynomial(
      s.sub(root, s.real(3.25)),
      {2.2137376921775787049e-09, 9.0756561938885390979e-08, -2.7517406297064545428e-07,
       1.8239629214389227755e-08, 1.5027403968909827627e-06, -4.013867526981545969e-06,
       2.9234449089955446044e-06, 1.2475304481671778723e-05, -4.7318229009055733981e-05,
       6.8284851459573175448e-05, 2.4031110387097893999e-05, -0.0003550375203628474796,
       0.00095328937973738049703, -0.0016882755560235047313, 0.0024914420961078508066,
       -0.0037512085075692412107, 0.005370914553590063617, 1.0052589676941592334, 3.0838856104922207635});
  Value far = s.polynomial(s.sub(root, s.real(5)),
                           {-2.7109920616438573243e-11, -2.5556418169965252055e-10, 1.5076572693500548083e-09,
                            -3.7894654401267369937e-09, 7.6157012080783393804e-09, -1.4960026627149240478e-08,
                            2.9147953450901080826e-08, -6.7711997758452339498e-08, 2.2900482228026654717e-07,
                            -9.9298272942317002539e-07, 4.5260625972231537039e-06, -1.9681778105531670567e-05,
                            7.5995277030017761139e-05, -0.00021503011930044477347, -0.00013871931833623122026,
                            1.0103004648645343977, 4.8499064014085844221});
  Value tail = s.select(s.less(w, s.real(16)), middle, far);
  return s.mul(s.select(s.less(w, s.real(6.25)), near, tail), x);
}

static Value emitBits(OpBuilder &builder, Location loc, RandomKey key, uint32_t salt = 0) {
  Value site = key.site;
  if (salt)
    site = arith::XOrIOp::create(
        builder, loc, site,
        arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(static_cast<int32_t>(salt))));
  return model::RandomBitsOp::create(builder, loc, builder.getI32Type(), key.seed, key.step, site, key.index);
}

// An integer in [0, 2^53).
static Value emitBits53(OpBuilder &builder, Location loc, RandomKey key) {
  Scalars s(builder, loc, builder.getF64Type());
  auto part = [&](uint32_t salt, int64_t drop) -> Value {
    Value wide =
        arith::ExtUIOp::create(builder, loc, builder.getI64Type(), emitBits(builder, loc, key, salt));
    return arith::ShRUIOp::create(builder, loc, wide, s.integer(drop));
  };
  Value high = arith::ShLIOp::create(builder, loc, part(0, 5), s.integer(26));
  return arith::OrIOp::create(builder, loc, high, part(0x5bd1e995, 6));
}

Value cleave::lower::emitUniform(OpBuilder &builder, Location loc, FloatType type, RandomKey key) {
  if (type.isF64()) {
    Scalars s(builder, loc, type);
    Value real = arith::SIToFPOp::create(builder, loc, type, emitBits53(builder, loc, key));
    return s.mul(real, s.real(0x1p-53));
  }
  // Keep as many bits as the type holds exactly, so that 1 is never reached by rounding.
  int64_t kept = type.getFPMantissaWidth();
  FloatType single = builder.getF32Type();
  Scalars s(builder, loc, single);
  Value bits = arith::ShRUIOp::create(builder, loc, emitBits(builder, loc, key), s.integer(32 - kept));
  Value real = arith::SIToFPOp::create(builder, loc, single, bits);
  Value unit = s.mul(real, s.real(std::ldexp(1.0, -kept)));
  return type == single ? unit : arith::TruncFOp::create(builder, loc, type, unit).getResult();
}

Value cleave::lower::emitNormal(OpBuilder &builder, Location loc, FloatType type, RandomKey key) {
  bool wide = type.isF64();
  FloatType compute = wide ? type : builder.getF32Type();
  Scalars s(builder, loc, compute);
  int64_t kept = wide ? 53 : 24;
  Value bits = wide ? emitBits53(builder, loc, key)
                    : arith::ShRUIOp::create(builder, loc, emitBits(builder, loc, key), s.integer(8));
  // 2 * bits + 1 - 2^kept: odd, so never 0, 1 or -1 once scaled; exact in the float type.
  Value twice = arith::ShLIOp::create(builder, loc, bits, s.integer(1));
  Value odd = arith::AddIOp::create(builder, loc, twice, s.integer(1 - (int64_t(1) << kept)));
  Value x = s.mul(arith::SIToFPOp::create(builder, loc, compute, odd), s.real(std::ldexp(1.0, -kept)));
  Value inverse = wide ? emitErfInv64(s, x) : emitErfInv32(s, x);
  Value normal = s.mul(inverse, s.real(1.41421356237309504880));
  return type == compute ? normal : arith::TruncFOp::create(builder, loc, type, normal).getResult();
}

static uint32_t mixBytes(uint32_t hash, const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; ++i)
    hash = (hash ^ bytes[i]) * 16777619u;
  return hash;
}

uint32_t cleave::lower::mixSite(uint32_t parent, std::string_view name) {
  return mixBytes(parent ^ 2166136261u, reinterpret_cast<const unsigned char *>(name.data()), name.size());
}

uint32_t cleave::lower::mixSite(uint32_t parent, uint32_t number) {
  unsigned char bytes[4] = {static_cast<unsigned char>(number), static_cast<unsigned char>(number >> 8),
                            static_cast<unsigned char>(number >> 16),
                            static_cast<unsigned char>(number >> 24)};
  return mixBytes(parent ^ 2166136261u, bytes, 4);
}

// site + (counter + 1) * golden ratio, then the first half of MurmurHash3's finaliser.
Value cleave::lower::emitMixSite(OpBuilder &builder, Location loc, Value site, Value counter) {
  Scalars s(builder, loc, builder.getF32Type());
  Value narrow = arith::TruncIOp::create(builder, loc, builder.getI32Type(), counter);
  Value round = arith::AddIOp::create(builder, loc, narrow, s.integer(1));
  Value spread = arith::MulIOp::create(builder, loc, round, s.integer(static_cast<int32_t>(0x9E3779B9u)));
  Value sum = arith::AddIOp::create(builder, loc, site, spread);
  Value folded =
      arith::XOrIOp::create(builder, loc, sum, arith::ShRUIOp::create(builder, loc, sum, s.integer(16)));
  Value mixed = arith::MulIOp::create(builder, loc, folded, s.integer(static_cast<int32_t>(0x85EBCA6Bu)));
  return arith::XOrIOp::create(builder, loc, mixed,
                               arith::ShRUIOp::create(builder, loc, mixed, s.integer(13)));
}
