// The loops of reduceBuffers(), compiled once per instruction set: each file that includes this has its own.
// No function of other headers is called, so that none is compiled for a processor that others lack.
#ifndef CLEAVE_RUNTIME_COMM_REDUCELOOPS_H
#define CLEAVE_RUNTIME_COMM_REDUCELOOPS_H

#include "runtime/core/Program.h"

namespace cleave::rt {

struct ReduceJob {
  const void *const *ins;
  int64_t members;
  void *const *outs;
  int64_t results, elements;
  bool streaming;
};

void reduceBaseline(Type type, Reduction reduction, const ReduceJob &job);
void reduceAvx2(Type type, Reduction reduction, const ReduceJob &job);

namespace {

constexpr int64_t kChunkBytes = 4096; // of results, which stay in the nearest cache until they are stored

struct BFloat16 {
  uint16_t bits;
};

// The type that T is reduced in.
template <class T> struct WideOf {
  using Type = T;
};
template <> struct WideOf<BFloat16> {
  using Type = float;
};
template <> struct WideOf<_Float16> {
  using Type = float;
};

template <class T> typename WideOf<T>::Type widen(T value) { return value; }
inline float widen(BFloat16 value) {
  uint32_t bits = uint32_t{value.bits} << 16;
  float wide;
  __builtin_memcpy(&wide, &bits, sizeof(wide));
  return wide;
}

template <class T> T narrow(typename WideOf<T>::Type value) { return static_cast<T>(value); }
template <> inline BFloat16 narrow<BFloat16>(float value) { // to nearest, ties to even
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16, quiet = (bits >> 16) | 0x40;
  return {static_cast<uint16_t>(value != value ? quiet : rounded)};
}

// Integers wrap round.
inline float add(float a, float b) { return a + b; }
inline double add(double a, double b) { return a + b; }
inline float multiply(float a, float b) { return a * b; }
inline double multiply(double a, double b) { return a * b; }
template <class T> T add(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T> T multiply(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

struct Sum {
  template <class T> static T of(T a, T b) { return add(a, b); }
};
struct Product {
  template <class T> static T of(T a, T b) { return multiply(a, b); }
};
struct Most {
  template <class T> static T of(T a, T b) { return a > b || a != a ? a : b; }
};
struct Least {
  template <class T> static T of(T a, T b) { return a < b || a != a ? a : b; }
};
struct Either {
  template <class T> static T of(T a, T b) { return a | b; }
};
struct Both {
  template <class T> static T of(T a, T b) { return a & b; }
};

// Past the caches; `from` lies in the nearest one.
inline void stream(char *to, const char *from, int64_t bytes) {
  using Vector = long long __attribute__((vector_size(16)));
  auto address = reinterpret_cast<uintptr_t>(to);
  int64_t head = static_cast<int64_t>(-address & (sizeof(Vector) - 1));
  if (head > bytes)
    head = bytes;
  __builtin_memcpy(to, from, head);
  int64_t at = head;
  for (; at + static_cast<int64_t>(sizeof(Vector)) <= bytes; at += sizeof(Vector)) {
    Vector part;
    __builtin_memcpy(&part, from + at, sizeof(part));
    __builtin_nontemporal_store(part, reinterpret_cast<Vector *>(to + at));
  }
  __builtin_memcpy(to + at, from + at, bytes - at);
}

// to = a op b.
template <class Op, class A, class B, class Wide>
void combine(Wide *to, const A *a, const B *b, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = Op::template of<Wide>(widen(a[i]), widen(b[i]));
}

template <class Op, class T> void reduceAs(const ReduceJob &job) {
  using Wide = typename WideOf<T>::Type;
  constexpr int64_t kChunk = kChunkBytes / sizeof(Wide);
  alignas(64) Wide wide[kChunk];
  alignas(64) T narrowed[kChunk];
  for (int64_t begin = 0; begin < job.elements; begin += kChunk) {
    int64_t count = job.elements - begin < kChunk ? job.elements - begin : kChunk;
    auto in = [&](int64_t member) { return static_cast<const T *>(job.ins[member]) + begin; };
    const void *from = in(0); // one member's result is what it has
    if (job.members > 1) {
      combine<Op>(wide, in(0), in(1), count);
      for (int64_t k = 2; k < job.members; ++k)
        combine<Op>(wide, wide, in(k), count);
      from = wide;
      if constexpr (!__is_same(T, Wide)) {
        for (int64_t i = 0; i < count; ++i)
          narrowed[i] = narrow<T>(wide[i]);
        from = narrowed;
      }
    }
    for (int64_t k = 0; k < job.results; ++k) {
      T *to = static_cast<T *>(job.outs[k]) + begin;
      auto bytes = static_cast<int64_t>(count * sizeof(T));
      if (to == from)
        continue;
      if (job.streaming)
        stream(reinterpret_cast<char *>(to), static_cast<const char *>(from), bytes);
      else
        __builtin_memcpy(to, from, bytes);
    }
  }
}

template <class T> void reduceNumbers(Reduction reduction, const ReduceJob &job) {
  switch (reduction) {
  case Reduction::Sum:
    return reduceAs<Sum, T>(job);
  case Reduction::Max:
    return reduceAs<Most, T>(job);
  case Reduction::Min:
    return reduceAs<Least, T>(job);
  case Reduction::Prod:
    return reduceAs<Product, T>(job);
  }
}

inline void reduceAny(Type type, Reduction reduction, const ReduceJob &job) {
  switch (type) {
  case Type::F32:
    return reduceNumbers<float>(reduction, job);
  case Type::F64:
    return reduceNumbers<double>(reduction, job);
  case Type::BF16:
    return reduceNumbers<BFloat16>(reduction, job);
  case Type::F16:
    return reduceNumbers<_Float16>(reduction, job);
  case Type::I8:
    return reduceNumbers<int8_t>(reduction, job);
  case Type::I32:
    return reduceNumbers<int32_t>(reduction, job);
  case Type::I64:
    return reduceNumbers<int64_t>(reduction, job);
  case Type::U8:
    return reduceNumbers<uint8_t>(reduction, job);
  case Type::Bool:
    if (reduction == Reduction::Sum || reduction == Reduction::Max)
      return reduceAs<Either, uint8_t>(job);
    return reduceAs<Both, uint8_t>(job);
  }
}

} // namespace

} // namespace cleave::rt

#endif
