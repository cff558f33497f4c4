// Compiles kernels written as text and runs them on host arrays.
#ifndef CLEAVE_TEST_UNIT_CODEGEN_KERNELTESTER_H
#define CLEAVE_TEST_UNIT_CODEGEN_KERNELTESTER_H

#include "compiler/codegen/cpu/Codegen.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <random>
#include <string>
#include <vector>

namespace cleave::codegen::test {

/// The kernels of a module, compiled.
class Kernels {
public:
  /// `text`: kernels in the codegen's contract. Fails the running test when they do not compile.
  explicit Kernels(const std::string &text);
  ~Kernels();

  /// Runs all units of a kernel, `step` at a time (0: all at once), on copies that end where readable memory
  /// ends: a read or write behind an argument is a crash.
  void run(const std::string &name, std::vector<void *> arguments, int64_t step = 0);
  int64_t units(const std::string &name);
  int64_t grain(const std::string &name);

private:
  int64_t attribute(const std::string &name, const char *key);
  std::map<std::string, std::vector<size_t>> bytes; // per kernel, of each argument and result

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::shared_ptr<rt::LoadedCode> code;
};

/// `count` values from a normal distribution.
template <typename T> std::vector<T> normals(int64_t count, unsigned seed = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> distribution;
  std::vector<T> values(count);
  for (T &value : values)
    value = static_cast<T>(distribution(engine));
  return values;
}

/// "key", "value" pairs substituted for `$key` in a kernel's text.
std::string substitute(std::string text, const std::vector<std::pair<std::string, std::string>> &pairs);

/// Largest |a - b| / max(1, |b|); infinite where only one is NaN or infinities differ.
double distance(const std::vector<float> &a, const std::vector<double> &b);
double distance(const std::vector<double> &a, const std::vector<double> &b);

} // namespace cleave::codegen::test

#endif
