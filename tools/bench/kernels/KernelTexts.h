// The kernels that are measured, as text.
#ifndef CLEAVE_TOOLS_BENCH_KERNELS_KERNELTEXTS_H
#define CLEAVE_TOOLS_BENCH_KERNELS_KERNELTEXTS_H

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::bench {

/// One linalg.generic: operands are loop dims by letter, "" for a scalar.
struct Generic {
  std::string result;                                      // its name
  std::string dims;                                        // loop dims, one letter each
  std::string output;                                      // letters of the result
  std::vector<std::pair<std::string, std::string>> inputs; // name, letters
  std::string body;                                        // on %a, %b, ... and %o; yields %r
  std::string init;                                        // reductions: the identity
};

/// A kernel of f32: `rows` are letters; every letter has a size in `sizes`, indexed by letter - 'a'.
struct KernelText {
  std::string name;
  std::string rows;
  std::vector<std::pair<char, int64_t>> sizes;
  std::vector<std::pair<std::string, std::string>> arguments; // name, letters
  std::vector<Generic> body;
  std::vector<std::string> results;
};

std::string print(const KernelText &kernel);

KernelText productKernel(const std::string &name, int64_t batch, int64_t m, int64_t n, int64_t k,
                         bool transposeA, bool transposeB);
KernelText layerNormKernel(int64_t rows, int64_t size);
KernelText softmaxKernel(int64_t rows, int64_t size);
/// Causal: heads, positions (of queries and of keys), elements of a head.
KernelText attentionKernel(int64_t heads, int64_t positions, int64_t size);
KernelText geluKernel(int64_t rows, int64_t size);
KernelText biasGeluKernel(int64_t rows, int64_t size);
KernelText adamKernel(int64_t size);
KernelText columnSumKernel(int64_t rows, int64_t size);

} // namespace cleave::bench

#endif
