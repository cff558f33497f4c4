// Generated kernels at the sizes of a small GPT, on the runtime's thread pool. Beside them, in the same run,
// what bounds them: a copy or a read of as many bytes, and oneDNN on its own threads.
//
//   bench-kernels [--benchmark_filter=...]     CLEAVE_BENCH_THREADS=2
//
// Or every kernel of a program, as `cleave ir --stage sched` prints it: CLEAVE_BENCH_PROGRAM=gpt.mlir
#include "tools/bench/kernels/KernelTexts.h"

#include "compiler/codegen/cpu/Codegen.h"
#include "compiler/codegen/cpu/Target.h"
#include "dialects/model/ir/Model.h"
#include "dialects/pipe/ir/Pipe.h"
#include "runtime/device/cpu/Memory.h"
#include "runtime/device/cpu/ThreadPool.h"

#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <dnnl.hpp>
#include <numeric>

using namespace mlir;

namespace cleave::bench {
namespace {

int threadCount() {
  const char *text = std::getenv("CLEAVE_BENCH_THREADS");
  return text ? std::atoi(text) : 2;
}

rt::ThreadPool &pool() {
  static rt::ThreadPool threads(threadCount());
  return threads;
}

/// A kernel, compiled, with buffers of its own.
class Runner {
public:
  explicit Runner(const KernelText &text) : Runner(text.name, print(text)) {}
  Runner(const std::string &name, const std::string &text) {
    DialectRegistry registry;
    registerAllDialects(registry);
    registry.insert<model::ModelDialect>();
    context.appendDialectRegistry(registry);
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      std::abort();
    auto kernel = cast<func::FuncOp>(module->lookupSymbol(name));
    for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes())) {
      auto tensor = cast<RankedTensorType>(type);
      int64_t size = tensor.getNumElements() * tensor.getElementTypeBitWidth() / 8;
      rt::Memory &buffer = buffers.emplace_back(size + 64); // as the runtime's regions lie
      auto *floats = reinterpret_cast<float *>(buffer.data());
      std::fill(floats, floats + size / 4, 0.5f);
      pointers.push_back(floats);
      bytes += size;
    }
    PassManager passes(&context);
    codegen::buildLoopsPipeline(passes);
    codegen::buildKernelsPipeline(passes);
    if (failed(passes.run(*module)))
      std::abort();
    Operation *compiled = module->lookupSymbol(name);
    rows = compiled->getAttrOfType<IntegerAttr>("cleave.row_count").getInt();
    grain = compiled->getAttrOfType<IntegerAttr>("cleave.grain").getInt();
    codegen::Target::host().attachTo(*module);
    code = cantFail(codegen::jit(*module));
    function = code->lookup(name);
  }

  void run() { pool().run(function, pointers.data(), rows, grain); }

  int64_t bytes = 0, rows = 0, grain = 0;

private:
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::shared_ptr<rt::LoadedCode> code;
  rt::KernelFunction function = nullptr;
  std::vector<rt::Memory> buffers;
  std::vector<void *> pointers;
};

void setOpenMpThreads(int count) {
  if (auto set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads")))
    set(count);
}

void countFlops(benchmark::State &state, double flops) {
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

/// `bound` names the benchmark that moves as many bytes and does nothing else.
void registerRows(const KernelText &text, const char *bound, const std::string &size = "") {
  benchmark::RegisterBenchmark(("rows/" + text.name + size).c_str(), [text, bound](benchmark::State &state) {
    Runner runner(text);
    for (auto _ : state)
      runner.run();
    state.SetLabel(bound);
    state.counters["GB/s"] = benchmark::Counter(static_cast<double>(runner.bytes) * 1e-9,
                                                benchmark::Counter::kIsIterationInvariantRate);
    state.counters["tasks"] = static_cast<double>(llvm::divideCeil(runner.rows, runner.grain));
  })->UseRealTime();
}

struct ProductShape {
  const char *name;
  int64_t batch, m, n, k;
  bool transposeA, transposeB;
  double flops() const { return 2.0 * static_cast<double>(batch * m * n * k); }
};

constexpr ProductShape kProducts[] = {
    {"2048x384x384", 1, 2048, 384, 384, false, false},
    {"2048x1536x384", 1, 2048, 1536, 384, false, false},
    {"2048x384x1536", 1, 2048, 384, 1536, false, false},
    {"2048x384x1536_tb", 1, 2048, 384, 1536, false, true},
    {"384x1536x2048_ta", 1, 384, 1536, 2048, true, false},
    {"384x384x2048_ta", 1, 384, 384, 2048, true, false},
    {"48x256x256x64_tb", 48, 256, 256, 64, false, true},
    {"48x256x64x256", 48, 256, 64, 256, false, false},
    {"48x256x64x256_ta", 48, 256, 64, 256, true, false},
    {"128x512x784", 1, 128, 512, 784, false, false},
    {"784x512x128_ta", 1, 784, 512, 128, true, false},
    {"1000x1000x1000", 1, 1000, 1000, 1000, false, false},
};

/// Few rows times weights beyond the caches.
constexpr ProductShape kSkinny[] = {
    {"1x11008x4096", 1, 1, 11008, 4096, false, false}, {"1x11008x4096_tb", 1, 1, 11008, 4096, false, true},
    {"4x11008x4096", 1, 4, 11008, 4096, false, false}, {"4x11008x4096_tb", 1, 4, 11008, 4096, false, true},
    {"8x11008x4096", 1, 8, 11008, 4096, false, false}, {"8x11008x4096_tb", 1, 8, 11008, 4096, false, true},
};

KernelText kernelOf(const ProductShape &shape) {
  return productKernel("product", shape.batch, shape.m, shape.n, shape.k, shape.transposeA, shape.transposeB);
}

/// A kernel's text in another type than f32.
std::string printAs(const KernelText &kernel, const std::string &type) {
  std::string text = print(kernel);
  for (size_t at = 0; (at = text.find("f32", at)) != std::string::npos; at += type.size())
    text.replace(at, 3, type);
  return text;
}

void countBytes(benchmark::State &state, int64_t bytes) {
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(bytes) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void registerProduct(const ProductShape &shape, const std::string &type) {
  benchmark::RegisterBenchmark(("product_" + type + "/" + shape.name).c_str(), [=](benchmark::State &state) {
    Runner runner("product", printAs(kernelOf(shape), type));
    for (auto _ : state)
      runner.run();
    if (type != "f64") // which oneDNN does not have
      state.SetLabel("dnnl_" + type + "/" + shape.name);
    countFlops(state, shape.flops());
    countBytes(state, runner.bytes);
  })->UseRealTime();
}

void registerSgemm(const ProductShape &shape) {
  benchmark::RegisterBenchmark((std::string("dnnl_f32/") + shape.name).c_str(), [=](benchmark::State &state) {
    std::vector<float> a(shape.batch * shape.m * shape.k, 0.5f), b(shape.batch * shape.k * shape.n, 0.5f),
        c(shape.batch * shape.m * shape.n);
    setOpenMpThreads(threadCount());
    for (auto _ : state)
      for (int64_t i = 0; i < shape.batch; ++i)
        dnnl_sgemm(shape.transposeA ? 'T' : 'N', shape.transposeB ? 'T' : 'N', shape.m, shape.n, shape.k, 1,
                   a.data() + i * shape.m * shape.k, shape.transposeA ? shape.m : shape.k,
                   b.data() + i * shape.k * shape.n, shape.transposeB ? shape.k : shape.n, 0,
                   c.data() + i * shape.m * shape.n, shape.n);
    setOpenMpThreads(1);
    countFlops(state, shape.flops());
  })->UseRealTime();
}

/// oneDNN's primitive for matrices of bf16.
void registerMatmul(const ProductShape &shape) {
  benchmark::RegisterBenchmark((std::string("dnnl_bf16/") + shape.name).c_str(), [=](benchmark::State
                                                                                         &state) {
    using dnnl::memory;
    using Tag = memory::format_tag;
    dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    auto descriptor = [&](int64_t rows, int64_t columns, bool transpose) {
      return memory::desc({shape.batch, rows, columns}, memory::data_type::bf16,
                          transpose ? Tag::acb : Tag::abc);
    };
    memory::desc a = descriptor(shape.m, shape.k, shape.transposeA),
                 b = descriptor(shape.k, shape.n, shape.transposeB), c = descriptor(shape.m, shape.n, false);
    setOpenMpThreads(threadCount());
    dnnl::matmul product(dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), engine));
    memory left(a, engine), right(b, engine), out(c, engine);
    std::memset(left.get_data_handle(), 0, a.get_size());
    std::memset(right.get_data_handle(), 0, b.get_size());
    for (auto _ : state) {
      product.execute(stream, {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, right}, {DNNL_ARG_DST, out}});
      stream.wait();
    }
    setOpenMpThreads(1);
    countFlops(state, shape.flops());
  })->UseRealTime();
}

/// Reads `bytes`: what bounds products of few rows.
void registerRead(int64_t bytes) {
  benchmark::RegisterBenchmark(("read/" + std::to_string(bytes >> 20) + "MiB").c_str(),
                               [bytes](benchmark::State &state) {
                                 std::vector<uint64_t> from(bytes / 8, 1);
                                 std::vector<uint64_t> sums(bytes / 8 >> 14);
                                 void *arguments[] = {from.data(), sums.data()};
                                 auto read = [](void *const *args, int64_t begin, int64_t end) {
                                   constexpr int64_t kPiece = 1 << 14; // words of a unit
                                   const auto *words = static_cast<const uint64_t *>(args[0]);
                                   for (int64_t unit = begin; unit < end; ++unit) {
                                     uint64_t sum[16] = {}; // independent, so that vectors of any width fit
                                     for (int64_t i = unit * kPiece; i < (unit + 1) * kPiece; i += 16)
                                       for (int64_t j = 0; j < 16; ++j)
                                         sum[j] += words[i + j];
                                     static_cast<uint64_t *>(args[1])[unit] =
                                         std::accumulate(sum, sum + 16, uint64_t{0});
                                   }
                                 };
                                 for (auto _ : state)
                                   pool().run(read, arguments, static_cast<int64_t>(sums.size()), 8);
                                 countBytes(state, bytes);
                               })
      ->UseRealTime();
}

/// A 3 x 3 convolution of 32 channels to `features`, as the language writes it: windows read by index.
std::string convolutionText(int64_t features) {
  std::string f = std::to_string(features);
  std::string out = "tensor<8x32x32x" + f + "xf32>", weights = "tensor<3x3x32x" + f + "xf32>";
  return "func.func private @convolution(%x: tensor<8x34x34x32xf32>, %w: " + weights + ") -> " + out +
         " attributes {cleave.kernel, cleave.rows = array<i64: 8, 32, 32, " + f + ">} {\n" +
         "  %zero = arith.constant 0.0 : f32\n  %e = tensor.empty() : " + out +
         "\n  %f = linalg.fill ins(%zero : f32) outs(%e : " + out + ") -> " + out + R"(
  %r = linalg.generic {indexing_maps = [affine_map<(b, i, j, o, y, x, c) -> (y, x, c, o)>,
                                        affine_map<(b, i, j, o, y, x, c) -> (b, i, j, o)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%w : )" +
         weights + ") outs(%f : " + out + R"() attrs = {cleave.rows = array<i64: 0, 1, 2, 3>} {
  ^bb0(%a: f32, %o: f32):
    %b = linalg.index 0 : index
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %dy = linalg.index 4 : index
    %dx = linalg.index 5 : index
    %c = linalg.index 6 : index
    %y = arith.addi %i, %dy : index
    %z = arith.addi %j, %dx : index
    %v = tensor.extract %x[%b, %y, %z, %c] : tensor<8x34x34x32xf32>
    %m = arith.mulf %v, %a : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> )" +
         out + "\n  return %r : " + out + "\n}\n";
}

void registerConvolution(int64_t features) {
  benchmark::RegisterBenchmark(("convolution/32x" + std::to_string(features)).c_str(), [=](benchmark::State
                                                                                               &state) {
    Runner runner("convolution", convolutionText(features));
    for (auto _ : state)
      runner.run();
    countFlops(state, 2.0 * 8 * 32 * 32 * 9 * 32 * static_cast<double>(features));
  })->UseRealTime();
}

/// Operations are those of the two products that a causal mask leaves.
void registerAttention(int64_t heads, int64_t positions) {
  std::string name = "attention/" + std::to_string(heads) + "x" + std::to_string(positions) + "x64";
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State &state) {
    Runner runner(attentionKernel(heads, positions, 64));
    for (auto _ : state)
      runner.run();
    countFlops(state, 2.0 * 64 * static_cast<double>(heads * positions * (positions + 1)));
  })->UseRealTime();
}

/// Compiles as many distinct kernels as a GPT has; the counters give milliseconds per step.
void registerCompile(int64_t copies) {
  std::string text;
  for (int64_t i = 0; i < copies; ++i)
    for (KernelText kernel : {layerNormKernel(256 + i, 384), softmaxKernel(128 + i, 256),
                              geluKernel(64 + i, 100), adamKernel(10000 + i), columnSumKernel(2048 + i, 512),
                              productKernel("product", 1, 512 + i, 384, 384, false, false)}) {
      kernel.name += std::to_string(i);
      text += print(kernel);
    }
  std::string name = "compile/" + std::to_string(6 * copies) + "_kernels";
  benchmark::RegisterBenchmark(
      name.c_str(),
      [text](benchmark::State &state) {
        DialectRegistry registry;
        registerAllDialects(registry);
        registry.insert<model::ModelDialect>();
        MLIRContext context(registry);
        using Clock = std::chrono::steady_clock;
        double loops = 0, kernels = 0, jit = 0;
        auto since = [](Clock::time_point start) {
          return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
        };
        for (auto _ : state) {
          auto module = parseSourceString<ModuleOp>(text, &context);
          auto start = Clock::now();
          PassManager first(&context), second(&context);
          codegen::buildLoopsPipeline(first);
          (void)first.run(*module);
          loops += since(start);
          start = Clock::now();
          codegen::buildKernelsPipeline(second);
          (void)second.run(*module);
          kernels += since(start);
          start = Clock::now();
          codegen::Target::host().attachTo(*module);
          auto code = cantFail(codegen::jit(*module));
          jit += since(start);
        }
        state.counters["loops"] = benchmark::Counter(loops, benchmark::Counter::kAvgIterations);
        state.counters["kernels"] = benchmark::Counter(kernels, benchmark::Counter::kAvgIterations);
        state.counters["jit"] = benchmark::Counter(jit, benchmark::Counter::kAvgIterations);
      })
      ->Unit(benchmark::kMillisecond)
      ->MeasureProcessCPUTime();
}

void registerProgram(const char *path) {
  auto context = std::make_shared<MLIRContext>();
  DialectRegistry registry;
  registerAllDialects(registry);
  registry.insert<model::ModelDialect, pipe::PipeDialect>();
  context->appendDialectRegistry(registry);
  auto module = parseSourceFile<ModuleOp>(path, context.get());
  if (!module)
    std::exit(1);
  for (auto kernel : module->getOps<func::FuncOp>()) {
    if (!kernel->hasAttr("cleave.kernel"))
      continue;
    std::string text, name = kernel.getName().str();
    llvm::raw_string_ostream stream(text);
    kernel->print(stream, OpPrintingFlags().useLocalScope());
    benchmark::RegisterBenchmark(("program/" + name).c_str(), [=](benchmark::State &state) {
      Runner runner(name, text);
      for (auto _ : state)
        runner.run();
      state.counters["GB/s"] = benchmark::Counter(static_cast<double>(runner.bytes) * 1e-9,
                                                  benchmark::Counter::kIsIterationInvariantRate);
    })->UseRealTime();
  }
}

/// Copies half of `bytes` to the other half: as many bytes moved as the kernels beside it.
void registerCopy(int64_t bytes) {
  benchmark::RegisterBenchmark(("copy/" + std::to_string(bytes >> 20) + "MiB").c_str(), [bytes](
                                                                                            benchmark::State
                                                                                                &state) {
    rt::Memory from(bytes / 2), to(bytes / 2);
    std::memset(from.data(), 1, bytes / 2);
    std::memset(to.data(), 2, bytes / 2); // its first touch is not measured
    void *arguments[] = {from.data(), to.data()};
    auto copy = [](void *const *args, int64_t begin, int64_t end) {
      std::memcpy(static_cast<char *>(args[1]) + begin, static_cast<char *>(args[0]) + begin, end - begin);
    };
    for (auto _ : state)
      pool().run(copy, arguments, bytes / 2, 1 << 17);
    state.counters["GB/s"] =
        benchmark::Counter(static_cast<double>(bytes) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  })->UseRealTime();
}

} // namespace
} // namespace cleave::bench

int main(int argc, char **argv) {
  using namespace cleave::bench;
  if (const char *program = std::getenv("CLEAVE_BENCH_PROGRAM")) {
    registerProgram(program);
    benchmark::Initialize(&argc, argv);
    return benchmark::RunSpecifiedBenchmarks() ? 0 : 1;
  }
  for (const ProductShape &shape : kProducts) {
    registerProduct(shape, "f32");
    registerSgemm(shape);
    registerProduct(shape, "bf16");
    registerMatmul(shape);
  }
  registerRead(172 << 20);
  registerRead(86 << 20);
  registerRead(12 << 20);
  registerRead(280 << 20);
  for (const ProductShape &shape : kSkinny) {
    registerProduct(shape, "f32");
    registerSgemm(shape);
    registerProduct(shape, "bf16");
  }
  for (const ProductShape &shape : {kProducts[0], kProducts[1], kProducts[4], kProducts[11]})
    registerProduct(shape, "f64");
  for (int64_t mebibytes : {6, 24, 280})
    registerCopy(mebibytes << 20);
  registerRows(layerNormKernel(2048, 384), "copy/6MiB");
  registerRows(softmaxKernel(48 * 256, 256), "copy/24MiB");
  registerRows(geluKernel(2048, 1536), "copy/24MiB");
  registerRows(biasGeluKernel(2048, 1536), "copy/24MiB");
  registerRows(columnSumKernel(2048, 1536), "read/12MiB");
  // Beyond the caches.
  registerRows(layerNormKernel(95'000, 384), "copy/280MiB", "/280MiB");
  registerRows(softmaxKernel(140'000, 256), "copy/280MiB", "/280MiB");
  registerRows(geluKernel(24'000, 1536), "copy/280MiB", "/280MiB");
  registerRows(biasGeluKernel(24'000, 1536), "copy/280MiB", "/280MiB");
  registerRows(adamKernel(10'000'000), "copy/280MiB", "/280MiB");
  registerRows(columnSumKernel(48'000, 1536), "read/280MiB", "/280MiB");
  registerConvolution(16);
  registerConvolution(64);
  registerAttention(6, 2048);
  registerAttention(48, 256);
  registerCompile(1);
  registerCompile(10);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
