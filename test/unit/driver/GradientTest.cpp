// Gradients against central differences in f64, for every program of test/e2e/gradients.
//
// A program has the entries `loss` (one f64 output) and `gradient` (an output `d_x` for each floating-point
// input x) of the same inputs. Where `gradient` updates parameters it does so by a step of size one, so that
// what it subtracts is their gradient. The difference quotient is of fourth order:
//   f'(x) = (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h,
// so that truncation and rounding both stay near 1e-12. The error of a tensor is the Frobenius norm of the
// difference over the larger of its own norm and a thousandth of the whole gradient's.
#include "compiler/driver/Driver.h"
#include "lang/diag/Engine.h"
#include "runtime/core/Instance.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

namespace cleave {
namespace {

constexpr double tolerance = 1e-6;
constexpr double step = 1e-4;

using Values = std::map<std::string, std::vector<double>>;

// Numbers in (-1, 1) that are the same everywhere, none of them close to a round one.
double numberAt(uint64_t index) {
  uint64_t bits = (index + 1) * 0x9e3779b97f4a7c15u;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
  return 2 * (static_cast<double>((bits ^ (bits >> 31)) >> 11) / 9007199254740992.0) - 1;
}

double norm(const std::vector<double> &values) {
  double sum = 0;
  for (double value : values)
    sum += value * value;
  return std::sqrt(sum);
}

class Program {
public:
  // Compiles the file; a failure is reported to the test and leaves `instance` null.
  explicit Program(const std::string &file) {
    diag::Engine engine;
    DriverOptions options;
    options.file = file;
    options.stdlib = CLEAVE_SOURCE_DIR "/stdlib";
    options.verifyStages = true;
    Driver driver(options, engine);
    std::optional<rt::Artefact> compiled = driver.compile();
    if (!compiled) {
      ADD_FAILURE() << engine.render();
      return;
    }
    auto made = rt::Instance::create(compiled->program, compiled->code);
    if (!made) {
      ADD_FAILURE() << made.error().message;
      return;
    }
    instance = std::move(*made);
    expect(instance->initialise(1));
    fillInputs();
    moveParameters();
  }

  void expect(const rt::Status &status) {
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  }

  const rt::Entry &entry(const std::string &name) {
    auto found = instance->findEntry(name);
    EXPECT_TRUE(found.ok()) << "a gradient program has the entry " << name;
    return instance->program().entries[static_cast<size_t>(*found)];
  }

  // Gives an input or a parameter the value in `values`.
  void set(const std::string &name) {
    const std::vector<double> &tensor = values.at(name);
    int64_t bytes = static_cast<int64_t>(tensor.size() * sizeof(double));
    if (parameters.count(name)) {
      expect(instance->setState(name, tensor.data(), bytes));
      return;
    }
    for (const char *entry : {"loss", "gradient"})
      expect(instance->setInput(entry, name, tensor.data(), bytes));
  }

  double loss() {
    expect(instance->run("loss"));
    auto found = instance->output("loss", "loss");
    EXPECT_TRUE(found.ok() && found->shape.type == rt::Type::F64) << "the output `loss` is f64";
    return found.ok() ? *found->as<double>() : NAN;
  }

  // What the compiler's gradient says, by input and parameter. Parameters have moved behind this.
  Values gradient() {
    Values found;
    expect(instance->run("gradient"));
    for (const auto &[name, before] : values) {
      bool isParameter = parameters.count(name);
      auto tensor = isParameter ? instance->state(name) : instance->output("gradient", "d_" + name);
      EXPECT_TRUE(tensor.ok()) << "the entry `gradient` has the output d_" << name;
      if (!tensor.ok())
        continue;
      EXPECT_EQ(tensor->shape.elements(), static_cast<int64_t>(before.size()));
      const double *data = tensor->as<double>();
      for (size_t i = 0; i < before.size(); ++i)
        found[name].push_back(isParameter ? before[i] - data[i] : data[i]);
    }
    return found;
  }

  std::vector<double> differences(const std::string &name) {
    std::vector<double> found;
    for (double &value : values.at(name)) {
      double at = value;
      auto lossAt = [&](double offset) {
        value = at + offset;
        set(name);
        return loss();
      };
      double near = lossAt(step) - lossAt(-step), far = lossAt(2 * step) - lossAt(-2 * step);
      found.push_back((8 * near - far) / (12 * step));
      value = at;
    }
    set(name);
    return found;
  }

  std::unique_ptr<rt::Instance> instance;
  Values values; // of floating-point inputs and of parameters, by name or path

private:
  // Floating-point inputs get numbers in (-1, 1), integer ones numbers in [0, 5).
  void fillInputs() {
    uint64_t index = 0;
    for (const rt::Port &port : entry("loss").inputs) {
      int64_t elements = port.shape.elements();
      if (port.shape.type == rt::Type::F64) {
        for (int64_t i = 0; i < elements; ++i)
          values[port.name].push_back(numberAt(index++));
        set(port.name);
      } else if (port.shape.type == rt::Type::I64) {
        fillIntegers<int64_t>(port.name, elements);
      } else if (port.shape.type == rt::Type::I32) {
        fillIntegers<int32_t>(port.name, elements);
      } else {
        ADD_FAILURE() << "an input of a gradient program is f64, i64 or i32: " << port.name;
      }
    }
  }

  // Every parameter: its initial value, moved a little, so that none is special (a gain of one, an offset of
  // zero).
  void moveParameters() {
    uint64_t index = 1000;
    for (const rt::State &state : instance->program().states) {
      if (state.kind != "param")
        continue;
      EXPECT_EQ(state.shape.type, rt::Type::F64)
          << "parameters of a gradient program are f64: " << state.path;
      auto tensor = instance->state(state.path);
      EXPECT_TRUE(tensor.ok());
      parameters.insert(state.path);
      for (int64_t i = 0; i < state.shape.elements(); ++i)
        values[state.path].push_back(tensor->as<double>()[i] + 0.1 * numberAt(index++));
      set(state.path);
    }
  }

  template <class Integer> void fillIntegers(const std::string &name, int64_t elements) {
    std::vector<Integer> values;
    for (int64_t i = 0; i < elements; ++i)
      values.push_back(static_cast<Integer>((3 * i + 1) % 5));
    for (const char *entry : {"loss", "gradient"})
      expect(instance->setInput(entry, name, values.data(),
                                static_cast<int64_t>(values.size() * sizeof(Integer))));
  }

  std::set<std::string> parameters;
};

class GradientTest : public testing::TestWithParam<std::string> {};

TEST_P(GradientTest, EqualsCentralDifferences) {
  Program program(std::string(CLEAVE_SOURCE_DIR "/test/e2e/gradients/") + GetParam() + ".dsl");
  ASSERT_TRUE(program.instance);
  // The differences first: the gradient's entry moves parameters and the step, on which random masks depend.
  Values reference;
  double whole = 0;
  for (const auto &[name, values] : program.values) {
    reference[name] = program.differences(name);
    whole = std::hypot(whole, norm(reference[name]));
  }
  Values gradient = program.gradient();
  EXPECT_GT(whole, 0) << "the loss depends on its inputs";
  for (const auto &[name, wanted] : reference) {
    ASSERT_EQ(gradient[name].size(), wanted.size());
    std::vector<double> difference;
    for (size_t i = 0; i < wanted.size(); ++i)
      difference.push_back(gradient[name][i] - wanted[i]);
    double error = norm(difference) / std::max(norm(wanted), 1e-3 * whole);
    EXPECT_LE(error, tolerance) << "gradient of " << name << ", of norm " << norm(wanted);
  }
}

std::vector<std::string> programs() {
  std::vector<std::string> names;
  for (const auto &file : std::filesystem::directory_iterator(CLEAVE_SOURCE_DIR "/test/e2e/gradients"))
    if (file.path().extension() == ".dsl")
      names.push_back(file.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Programs, GradientTest, testing::ValuesIn(programs()),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace cleave
