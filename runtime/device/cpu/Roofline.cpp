#include "runtime/device/cpu/Roofline.h"

#include "runtime/device/cpu/Memory.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cleave::rt {

namespace {

// What the loops below get through a launch.
struct Part {
  const float *from = nullptr;
  float *to = nullptr;
  int64_t floats = 0;
  int64_t repeats = 1;
  float result = 0; // keeps the compiler from dropping the work
};

using Loop = void (*)(Part &);

//===-- Arithmetic -------------------------------------------------------===//

constexpr int kChains = 12; // independent sums: enough to hide the latency of two multiply-add units

struct Arithmetic {
  Loop loop;
  int64_t flopsPerRepeat;
};

#if defined(__x86_64__)

__attribute__((target("avx512f"))) void multiplyAdd512(Part &part) {
  __m512 sums[kChains], factor = _mm512_set1_ps(part.result);
  for (int i = 0; i < kChains; ++i)
    sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (int64_t repeat = 0; repeat < part.repeats; ++repeat)
#pragma clang loop unroll(full)
    for (int i = 0; i < kChains; ++i)
      sums[i] = _mm512_fmadd_ps(sums[i], factor, factor);
  for (int i = 1; i < kChains; ++i)
    sums[0] = _mm512_add_ps(sums[0], sums[i]);
  part.result = _mm512_cvtss_f32(sums[0]) * 1e-30F;
}

__attribute__((target("avx512f,avx512bf16"))) void multiplyAddBf16(Part &part) {
  __m512 sums[kChains];
  __m512bh factor = (__m512bh)_mm512_set1_ps(part.result);
  for (int i = 0; i < kChains; ++i)
    sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (int64_t repeat = 0; repeat < part.repeats; ++repeat)
#pragma clang loop unroll(full)
    for (int i = 0; i < kChains; ++i)
      sums[i] = _mm512_dpbf16_ps(sums[i], factor, factor);
  for (int i = 1; i < kChains; ++i)
    sums[0] = _mm512_add_ps(sums[0], sums[i]);
  part.result = _mm512_cvtss_f32(sums[0]) * 1e-30F;
}

__attribute__((target("avx2,fma"))) void multiplyAdd256(Part &part) {
  __m256 sums[kChains], factor = _mm256_set1_ps(part.result);
  for (int i = 0; i < kChains; ++i)
    sums[i] = _mm256_set1_ps(static_cast<float>(i));
  for (int64_t repeat = 0; repeat < part.repeats; ++repeat)
#pragma clang loop unroll(full)
    for (int i = 0; i < kChains; ++i)
      sums[i] = _mm256_fmadd_ps(sums[i], factor, factor);
  for (int i = 1; i < kChains; ++i)
    sums[0] = _mm256_add_ps(sums[0], sums[i]);
  part.result = _mm256_cvtss_f32(sums[0]) * 1e-30F;
}

#endif

void multiplyAddPlain(Part &part) {
  float sums[kChains * 4] = {}, factor = part.result;
  for (int64_t repeat = 0; repeat < part.repeats; ++repeat)
    for (float &sum : sums)
      sum = sum * factor + factor;
  for (float sum : sums)
    part.result += sum * 1e-30F;
}

Arithmetic f32Arithmetic() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return {multiplyAdd512, int64_t{kChains} * 16 * 2};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {multiplyAdd256, int64_t{kChains} * 8 * 2};
#endif
  return {multiplyAddPlain, int64_t{kChains} * 4 * 2};
}

Arithmetic bf16Arithmetic() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16"))
    return {multiplyAddBf16, int64_t{kChains} * 32 * 2};
#endif
  return f32Arithmetic();
}

//===-- Memory -----------------------------------------------------------===//

// Vectors of the compiler: it makes of them what the function they are inlined into may use.
typedef float Vector __attribute__((vector_size(64), aligned(64)));

__attribute__((always_inline)) inline void readAll(Part &part) {
  auto *from = reinterpret_cast<const Vector *>(part.from);
  Vector sums[8] = {};
  for (int64_t i = 0; i + 8 <= part.floats / 16; i += 8)
#pragma clang loop unroll(full)
    for (int k = 0; k < 8; ++k)
      sums[k] += from[i + k];
  for (const Vector &sum : sums)
    part.result += sum[0];
}

__attribute__((always_inline)) inline void copyAll(Part &part) {
  auto *from = reinterpret_cast<const Vector *>(part.from);
  auto *to = reinterpret_cast<Vector *>(part.to);
#pragma clang loop unroll_count(4)
  for (int64_t i = 0; i < part.floats / 16; ++i)
    to[i] = from[i];
}

// Past the caches: no line is fetched to be overwritten.
__attribute__((always_inline)) inline void streamAll(Part &part) {
  auto *from = reinterpret_cast<const Vector *>(part.from);
  auto *to = reinterpret_cast<Vector *>(part.to);
#pragma clang loop unroll_count(4)
  for (int64_t i = 0; i < part.floats / 16; ++i)
    __builtin_nontemporal_store(from[i], to + i);
}

struct MemoryLoops {
  Loop read, copy, stream;
};

#if defined(__x86_64__)
__attribute__((target("avx512f"))) void read512(Part &part) { readAll(part); }
__attribute__((target("avx512f"))) void copy512(Part &part) { copyAll(part); }
__attribute__((target("avx512f"))) void stream512(Part &part) { streamAll(part); }
__attribute__((target("avx2"))) void read256(Part &part) { readAll(part); }
__attribute__((target("avx2"))) void copy256(Part &part) { copyAll(part); }
__attribute__((target("avx2"))) void stream256(Part &part) { streamAll(part); }
#endif
void readPlain(Part &part) { readAll(part); }
void copyPlain(Part &part) { copyAll(part); }
void streamPlain(Part &part) { streamAll(part); }

MemoryLoops memoryLoops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return {read512, copy512, stream512};
  if (__builtin_cpu_supports("avx2"))
    return {read256, copy256, stream256};
#endif
  return {readPlain, copyPlain, streamPlain};
}

//===-- Measuring --------------------------------------------------------===//

// Seconds of the fastest of some runs of `loop` on all threads at once, `calls` times each.
double fastest(ThreadPool &pool, std::vector<Part> &parts, Loop loop, int64_t calls, int runs) {
  struct Task {
    Part *parts;
    Loop loop;
    int64_t calls;
  } task = {parts.data(), loop, calls};
  void *arguments[] = {&task};
  auto run = [](void *const *given, int64_t begin, int64_t end) {
    const auto &task = *static_cast<const Task *>(given[0]);
    for (int64_t i = begin; i < end; ++i)
      for (int64_t call = 0; call < task.calls; ++call)
        task.loop(task.parts[i]);
  };
  double best = 0;
  for (int i = 0; i < runs; ++i) {
    auto start = std::chrono::steady_clock::now();
    pool.run(run, arguments, static_cast<int64_t>(parts.size()), 1);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = i == 0 ? seconds : std::min(best, seconds);
  }
  return best;
}

double measureArithmetic(ThreadPool &pool, Arithmetic arithmetic) {
  constexpr int64_t kRepeats = 400000; // about a millisecond
  constexpr int kRuns = 40;            // for some milliseconds a new thread may share its maker's processor
  std::vector<Part> parts(pool.threads());
  for (Part &part : parts)
    part.repeats = kRepeats;
  auto flops = static_cast<double>(kRepeats * arithmetic.flopsPerRepeat * pool.threads());
  return flops / fastest(pool, parts, arithmetic.loop, 1, kRuns);
}

// `bytes` are read, and as many written, by all threads together.
void measureLevel(ThreadPool &pool, Roofline::Level &level, const Memory &memory, int64_t bytes) {
  int64_t floats = bytes / 4 / pool.threads() / 128 * 128;
  int64_t total = floats * 4 * pool.threads();
  // Large enough for the launch not to count: a few megabytes.
  int64_t calls = std::max<int64_t>(1, (int64_t{4} << 20) / std::max<int64_t>(1, total));
  std::vector<Part> parts(pool.threads());
  auto *start = reinterpret_cast<float *>(memory.data());
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i].from = start + 2 * floats * i;
    parts[i].to = start + 2 * floats * i + floats;
    parts[i].floats = floats;
  }
  MemoryLoops loops = memoryLoops();
  auto moved = static_cast<double>(total * calls);
  level.copyPerSecond = 2 * moved / fastest(pool, parts, loops.copy, calls, 5);
  if (level.bytes == 0)
    level.copyPerSecond = std::max(level.copyPerSecond, 2 * moved / fastest(pool, parts, loops.stream, 1, 3));
  for (Part &part : parts)
    part.floats *= 2; // both halves
  level.readPerSecond = std::max(level.copyPerSecond, 2 * moved / fastest(pool, parts, loops.read, calls, 5));
}

// Of one cache, as the threads of one processor see it: where there are several last ones, sysconf() adds
// them up.
int64_t cacheBytes(int level, int name, int64_t otherwise) {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(level) + "/size");
  int64_t size = 0;
  char unit = 0;
  if (file >> size >> unit && size > 0)
    return unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : size;
  long found = sysconf(name);
  return found > 0 ? found : otherwise;
}

} // namespace

double Roofline::flopsPerSecond(Type type) const {
  return type == Type::F64 ? f64 : type == Type::BF16 ? bf16 : f32;
}

double Roofline::secondsFor(size_t level, double bytes, double written) const {
  const Level &from = levels[level];
  // As much as is written goes as in a copy, the rest is read.
  double copied = std::min(bytes, 2 * written);
  return copied / from.copyPerSecond + (bytes - copied) / from.readPerSecond;
}

Roofline measureRoofline(ThreadPool &pool) {
  Roofline roofline;
  roofline.threads = pool.threads();
  roofline.f32 = measureArithmetic(pool, f32Arithmetic());
  roofline.f64 = roofline.f32 / 2; // half as many lanes
  roofline.bf16 = std::max(roofline.f32, measureArithmetic(pool, bf16Arithmetic()));
  int64_t near = cacheBytes(2, _SC_LEVEL2_CACHE_SIZE, int64_t{1} << 20) * pool.threads();
  int64_t far = cacheBytes(3, _SC_LEVEL3_CACHE_SIZE, 0);
  int64_t large = std::clamp<int64_t>(4 * far, int64_t{32} << 20, int64_t{256} << 20);
  Memory memory(2 * large);
  if (!memory.data())
    return roofline;
  // Pages that were never written are all one page of zeros.
  std::memset(memory.data(), 1, memory.size());
  roofline.levels.push_back({"L2", near, 0, 0});
  measureLevel(pool, roofline.levels.back(), memory, near / 4);
  if (far > 2 * near) {
    roofline.levels.push_back({"L3", far, 0, 0});
    measureLevel(pool, roofline.levels.back(), memory, std::max(2 * near, far / 4) / 2);
  }
  roofline.levels.push_back({"memory", 0, 0, 0});
  measureLevel(pool, roofline.levels.back(), memory, large);
  return roofline;
}

} // namespace cleave::rt
