// A compiled program as the executor, the simulator and `cleave ir --stage exec` read it: per entry one flat,
// ordered list of instructions over memory regions. Plain data: nothing here allocates or looks up at run
// time. A program that runs on several ranks is what one class of them runs: its shapes are those of one
// rank.
#ifndef CLEAVE_RUNTIME_CORE_PROGRAM_H
#define CLEAVE_RUNTIME_CORE_PROGRAM_H

#include "runtime/core/Mesh.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::rt {

enum class Type : uint8_t { F32, F64, BF16, F16, I8, I32, I64, U8, Bool };

// Bytes of one element; Bool takes one byte (0 or 1).
int64_t sizeOf(Type type);
// "f32", "bool", ...
const char *nameOf(Type type);
bool isFloat(Type type);

struct Shape {
  Type type = Type::F32;
  std::vector<int64_t> sizes;    // row-major; empty for a scalar
  std::vector<std::string> axes; // one name per size
  int64_t elements() const;
  int64_t bytes() const { return elements() * sizeOf(type); }
};

// "f32[Batch = 8, Seq = 256]", "f32" for a scalar: as diagnostics show it.
std::string toString(const Shape &shape);

// Where bytes lie. State is per instance; scratch is shared by all entries of an instance; constants are
// read-only data of the program; Input and Output are the caller's buffers, one slot each.
enum class Region : uint8_t { State, Scratch, Constant, Input, Output };

// base(region, slot) + offset + sum over strides of counter[depth] * stride + member * memberBytes, all in
// bytes; `member` is the rank's index in its group over `over`.
struct Stride {
  uint32_t depth; // loop nesting depth of the counter, 0 for the outermost loop
  int64_t bytes;
  int64_t turns = 0; // the counter counts modulo this, as of buffers that take turns; 0: as it is
};
struct Address {
  Region region = Region::Scratch;
  uint32_t slot = 0; // Input and Output only
  int64_t offset = 0;
  std::vector<Stride> strides;
  std::vector<AxisPart> over = {}; // none: it lies at the same place on every rank
  int64_t memberBytes = 0;
};

// An operand of an instruction: an address plus what lies there (for checks, dumps and diagnostics).
struct Operand {
  Address address;
  Shape shape;
  std::string name;        // the user's path for the value where it has one, else empty
  std::string source = {}; // outputs of kernels: "file:line:column" that made it; empty: the instruction's
};

enum class Opcode : uint8_t {
  Launch,      // kernel `target`; operands are its arguments in order, `outputs` last ones are written
  Copy,        // operands: source, destination of the same byte size
  LoopBegin,   // `count` iterations; the counter at this depth runs up, or down from count-1 when `reverse`;
               // `target` is the index of the matching LoopEnd
  LoopEnd,     // `target` is the index of the matching LoopBegin
  Branch,      // operand 0: bool scalar; where it is false go on at instruction `target`
  Jump,        // go on at instruction `target`
  LeaveUnless, // operand 0: bool scalar; where it is false leave the innermost loop (go on behind its
               // LoopEnd)
  Counter,     // writes the innermost loop's counter to operand 0 (i64 scalar)
  Print,       // `text` is the label; prints the operands
  Assert,      // operand 0: bool scalar; `text` is the message
  Guard,       // operand 0: a floating-point scalar output; it must be finite unless NaN is allowed.
               // Stands before the entry's first write to state.
  Collective,  // collective `target`; operands: what is sent, what is received (one alone where the other
               // does not exist). Others may go on when it is done.
  Start,       // the same, begun: its operands are the collective's until the Wait of the same `count`, which
               // it does first where one is open; with `ahead` nothing in the innermost loop's last turn
  Wait,        // ends what the Start with this `count` (a token, from 0) began; `target` and operands are its
};

struct Instruction {
  Opcode op = Opcode::Launch;
  uint32_t target = 0;
  uint32_t outputs = 0;
  int64_t count = 0;
  bool reverse = false;
  bool ahead = false; // Start: for the next turn, where the operands lie
  std::vector<Operand> operands;
  std::string text;                    // Print: label, Assert: message
  std::string source;                  // "file:line:column" of the program text it came from
  std::vector<std::string> lines = {}; // Launch: likewise, of each part of its kernel
};

// Runs rows [begin, end) of a kernel; rows are independent of each other, so any cut gives the same bits.
// arguments[i] is operand i's address. Never throws, never allocates.
using KernelFunction = void (*)(void *const *arguments, int64_t begin, int64_t end);

// What one op of the program costs at least, in one launch of the kernel it is part of.
struct Work {
  int64_t flops = 0; // floating-point operations
  int64_t bytes = 0; // read from memory or written to it, each element once
};

struct Kernel {
  std::string name;
  KernelFunction function = nullptr;
  int64_t rows = 1;
  int64_t grain = 1;            // rows per task, fixed by shapes and target
  std::vector<Work> parts = {}; // its ops, in order
  Type arithmetic = Type::F32;  // of the factors of its products, or of its results
};

// Of all parts of a kernel.
Work workOf(const Kernel &kernel);

// How a local shape is a block of a global one.
struct Split {
  Shape global;               // the type is the local one's
  std::vector<DimSplit> dims; // one per size; none at all: every rank has the whole, `global` says nothing
};

struct Port { // an input or output of an entry
  std::string name;
  Shape shape;
  std::string source;   // inputs: name of the data source that feeds it, or empty
  bool ordered = false; // inputs: sequential rows of the source instead of random ones
  std::string location; // "file:line:column" of its declaration, or empty
  Split split = {};     // `shape` is one rank's
};

struct Entry {
  std::string name;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::vector<Instruction> instructions;
  std::vector<std::string> writes; // states it updates
  int64_t scratchBytes = 0;
};

// One state as the region holds it. A path with brackets is stacked (see Paths.h): each stands for one
// leading size, and the tensor is saved as that many tensors without those leading axes.
struct State {
  std::string path;
  std::string kind; // param, optimizer, buffer, counter
  Shape shape;      // with the leading stacked axes
  int64_t offset = 0;
  Split split = {}; // `shape` is one rank's; stacked axes are never split
};

struct DataSource {
  std::string name;
  std::string kind;               // bytes, tokens, npy, synthetic
  std::vector<std::string> paths; // globs allowed; relative ones are relative to `folder`
  std::string folder;             // of the file that declares it; empty: the working directory
  std::string option;             // tokens: element type; synthetic: normal, uniform, integers
  int64_t below = 0;              // synthetic integers: exclusive bound
  std::string location;           // "file:line:column" of its declaration, or empty
};

// Where the elements of a state lie in a published weight file, along one dim of the file's tensor:
// offset + sum of strides[k] * index k, over all dims of the state (stacked ones too).
struct WeightPosition {
  int64_t offset = 0;
  std::vector<int64_t> strides;
};

// A tensor of the file: `{0}` in its name stands for the index along dim 0 of the state, and so on.
struct WeightSource {
  std::string name;
  std::vector<int64_t> sizes; // which it must have; one position per size
  std::vector<WeightPosition> positions;
};

struct Weight {
  std::string path;                  // of the state
  std::vector<WeightSource> sources; // alternatives: the first that the file holds is read
};

// `weights hf for llama from f32, bf16 under "model.", "" { ... }`
struct WeightMap {
  std::string name;
  std::string object;                // the layer whose parameters these are
  std::vector<Type> types;           // converted from, where not the state's own
  std::vector<std::string> prefixes; // of all names in the file: the one that fits best; empty: none
  std::vector<Weight> weights;
  std::vector<std::string> ignored; // names that nothing reads; `*` stands for any text
  std::string location;             // "file:line:column" of its declaration, or empty
};

struct Program {
  std::vector<Kernel> kernels;
  std::vector<Entry> entries;
  std::vector<State> states;
  std::vector<DataSource> data;
  std::vector<WeightMap> weights;
  std::vector<uint8_t> constants;
  int64_t stateBytes = 0;
  int64_t scratchBytes = 0; // the largest entry's
  Mesh mesh;                // no axes: one rank
  std::vector<Collective> collectives;
  std::string plan;     // its name, or empty
  std::string planHash; // of its content, or empty
};

// What a program of several ranks is to its caller: no constants, and entries and states with their global
// shapes.
Program programOfWhole(const Program &program);
// What a rank has of each dim of a split whole; empty where it has all.
std::vector<Block> blocksOf(const Mesh &mesh, const Split &split, int64_t rank);
// The global shape of something that is `local` on a rank.
const Shape &wholeOf(const Shape &local, const Split &split);

} // namespace cleave::rt

#endif
