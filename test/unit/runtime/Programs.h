// Small programs made by hand, with kernels in C++.
#ifndef CLEAVE_TEST_UNIT_RUNTIME_PROGRAMS_H
#define CLEAVE_TEST_UNIT_RUNTIME_PROGRAMS_H

#include "runtime/core/Program.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace cleave::rt::test {

// An operand in a region.
inline Operand at(Region region, int64_t offset, Shape shape, std::vector<Stride> strides = {},
                  uint32_t slot = 0, std::string name = "") {
  return {{region, slot, offset, std::move(strides)}, std::move(shape), std::move(name)};
}

inline Shape scalar(Type type) { return {type, {}, {}}; }

// Instructions by their fields.
inline Instruction launch(uint32_t kernel, std::vector<Operand> operands, uint32_t outputs,
                          std::string source = "") {
  Instruction instruction;
  instruction.op = Opcode::Launch;
  instruction.target = kernel;
  instruction.outputs = outputs;
  instruction.operands = std::move(operands);
  instruction.source = std::move(source);
  return instruction;
}
inline Instruction simple(Opcode op, uint32_t target = 0, std::vector<Operand> operands = {},
                          int64_t count = 0, bool reverse = false) {
  Instruction instruction;
  instruction.op = op;
  instruction.target = target;
  instruction.count = count;
  instruction.reverse = reverse;
  instruction.operands = std::move(operands);
  return instruction;
}

// The state of the program below: step, seed, and a weight stacked over two layers.
constexpr int64_t kStep = 0, kSeed = 64, kWeight = 128, kStateBytes = 160;

// init: w = 1, step = 0, seed. train(x: f32[4]): loss = sum(w * x) / 8, w += x, step += 1.
inline Program trainer() {
  Program program;
  program.kernels = {
      {"fill_ones",
       [](void *const *a, int64_t begin, int64_t end) {
         for (int64_t i = begin; i < end; ++i)
           static_cast<float *>(a[0])[i] = 1;
       },
       8, 2},
      {"zero", [](void *const *a, int64_t, int64_t) { *static_cast<int64_t *>(a[0]) = 0; }, 1, 1},
      {"mean_product",
       [](void *const *a, int64_t, int64_t) {
         float sum = 0;
         for (int i = 0; i < 8; ++i)
           sum += static_cast<float *>(a[0])[i] * static_cast<float *>(a[1])[i % 4];
         *static_cast<float *>(a[2]) = sum / 8;
       },
       1, 1},
      {"add",
       [](void *const *a, int64_t begin, int64_t end) {
         for (int64_t i = begin; i < end; ++i)
           static_cast<float *>(a[2])[i] = static_cast<float *>(a[0])[i] + static_cast<float *>(a[1])[i];
       },
       4, 1},
      {"next", [](void *const *a, int64_t, int64_t) { ++*static_cast<int64_t *>(a[0]); }, 1, 1},
  };
  Shape row = {Type::F32, {4}, {"N"}};
  Shape weight = {Type::F32, {2, 4}, {"Layers", "N"}};
  Shape counter = scalar(Type::I64);
  program.states = {{"step", "counter", counter, kStep},
                    {"seed", "counter", counter, kSeed},
                    {"net.layers[*].w", "param", weight, kWeight}};
  program.stateBytes = kStateBytes;

  Entry init;
  init.name = "init";
  init.inputs = {{"seed", counter, "", false, ""}};
  init.instructions = {
      launch(0, {at(Region::State, kWeight, weight)}, 1),
      launch(1, {at(Region::State, kStep, counter)}, 1),
      simple(Opcode::Copy, 0, {at(Region::Input, 0, counter), at(Region::State, kSeed, counter)}),
  };
  init.writes = {"step", "seed", "net.layers[*].w"};

  Entry train;
  train.name = "train";
  train.inputs = {{"x", row, "", false, "model.dsl:9:13"}};
  train.outputs = {{"loss", scalar(Type::F32), "", false, ""}};
  Operand loss = at(Region::Output, 0, scalar(Type::F32), {}, 0, "loss");
  Operand w = at(Region::State, kWeight, row, {{0, 16}}, 0, "net.layers[*].w");
  train.instructions = {
      launch(2, {at(Region::State, kWeight, weight), at(Region::Input, 0, row), loss}, 1, "model.dsl:10:14"),
      simple(Opcode::Guard, 0, {loss}),
      simple(Opcode::LoopBegin, 4, {}, 2),
      launch(3, {w, at(Region::Input, 0, row), w}, 1),
      simple(Opcode::LoopEnd, 2),
      launch(4, {at(Region::State, kStep, counter)}, 1),
  };
  train.writes = {"step", "net.layers[*].w"};
  program.entries = {init, train};
  return program;
}

// A program whose ranks add up a weight's gradient, of which each has two of five rows.
inline Program splitProgram() {
  Program program;
  program.mesh = {"cluster", {{"dp", 2}, {"tp", 3}}};
  program.plan = "both";
  program.planHash = "ab12";
  Shape local = {Type::F32, {2, 8}, {"Out", "In"}}, whole = {Type::F32, {5, 8}, {"Out", "In"}};
  program.states = {{"w", "param", local, 0, {whole, {{{{1, 3, 1}}, true}, {}}}}};
  program.stateBytes = 64;
  Collective sum;
  sum.over = {{0, 2, 1}};
  sum.name = "d_w";
  sum.because = "'Batch' is over \"dp\"";
  Collective gather;
  gather.kind = CollectiveKind::AllGather;
  gather.over = {{1, 3, 1}};
  gather.padded = true;
  program.collectives = {sum, gather};
  Entry entry;
  entry.name = "train";
  entry.scratchBytes = 64 + 160;
  Operand w = at(Region::State, 0, local), all = at(Region::Scratch, 64, whole);
  entry.instructions = {simple(Opcode::Collective, 0, {w, at(Region::Scratch, 0, local)}),
                        simple(Opcode::Start, 1, {w, all}), simple(Opcode::Wait, 1, {w, all})};
  program.entries = {entry};
  return program;
}

// A folder of its own that goes away.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cleave-unit-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string &name) const { return path + "/" + name; }

  std::string path;
};

inline std::string write(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}
inline std::string read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace cleave::rt::test

#endif
