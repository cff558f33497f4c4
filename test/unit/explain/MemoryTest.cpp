#include "compiler/explain/Memory.h"

#include "compiler/explain/Collect.h"
#include "test/unit/explain/Module.h"

namespace cleave::explain {
namespace {

// A step of two ranks with a parameter of 8 elements in parts of a whole of 16. Names say what values are.
const char kStep[] = R"(
!p = tensor<8xf32, #model.axes<A>>
!x = tensor<16xf32, #model.axes<A>>
!s = tensor<f32>
dist.mesh @m ["dp"] = [2]
model.state @w path "w" kind "param" : !p {comm.global = !x, pipe.offset = 0 : i64}
model.state @v path "optimizer.w.v" kind "optimizer" : !p {comm.global = !x, pipe.offset = 64 : i64}
func.func private @forward(tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
func.func private @square(tensor<16xf32>) -> tensor<16xf32>
func.func private @total(tensor<16xf32>) -> tensor<f32>
func.func private @other(tensor<16xf32>) -> tensor<16xf32>
func.func private @backward(tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
func.func private @update(tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
func.func @train(%w: !p {model.state = @w, pipe.place = #pipe.place<state, 0>},
                 %v: !p {model.state = @v, pipe.place = #pipe.place<state, 64>},
                 %x: !x {model.input = "x", pipe.place = #pipe.place<input 0, 0>})
    -> (!s {model.output = "loss", pipe.place = #pipe.place<output 0, 0>}, !p {model.state = @w, pipe.place = #pipe.place<state, 0>},
        !p {model.state = @v, pipe.place = #pipe.place<state, 64>}) attributes {model.entry, pipe.scratch_bytes = 448 : i64} {
  %0 = comm.all_gather %w dim 0 over @m [#dist.axis<"dp">] {names = ["buffer"], places = [#pipe.place<scratch, 0>]} : !p -> !x
  %1 = pipe.launch @forward(%x, %0) {names = ["activation"], places = [#pipe.place<scratch, 64>]} : (!x, !x) -> !x
  %2 = pipe.launch @square(%1) {names = ["temporary"], places = [#pipe.place<scratch, 128>]} : (!x) -> !x
  %3 = pipe.launch @total(%2) {names = ["loss"], places = [#pipe.place<output 0, 0>]} : (!x) -> !s
  %4 = pipe.launch @other(%1) {names = ["temporary"], places = [#pipe.place<scratch, 192>]} : (!x) -> !x
  %5 = pipe.launch @backward(%1, %4) {names = ["gradient"], places = [#pipe.place<scratch, 256>]} : (!x, !x) -> !x
  %6 = comm.reduce_scatter sum %5 dim 0 over @m [#dist.axis<"dp">] {names = ["gradient"], places = [#pipe.place<scratch, 320>]} : !x -> !p
  %7:2 = pipe.launch @update(%w, %v, %6) {places = [#pipe.place<state, 0>, #pipe.place<state, 64>]} : (!p, !p, !p) -> (!p, !p)
  return %3, %7#0, %7#1 : !s, !p, !p
}
)";

const char *nameOf(Use use) {
  switch (use) {
  case Use::Gradient:
    return "gradient";
  case Use::Activation:
    return "activation";
  case Use::Buffer:
    return "buffer";
  default:
    return "temporary";
  }
}

TEST(MemoryTest, ValuesAreWhatTheyAreMadeAndReadFor) {
  test::Parsed parsed(kStep);
  auto entry = parsed.module->lookupSymbol<mlir::func::FuncOp>("train");
  Uses uses(entry);
  unsigned checked = 0;
  entry.walk([&](mlir::Operation *op) {
    for (mlir::Value value : op->getResults())
      if (llvm::StringRef name = pipe::nameOf(value); !name.empty() && name != "loss") {
        EXPECT_EQ(nameOf(uses.of(value)), name) << op->getName().getStringRef().str();
        ++checked;
      }
  });
  EXPECT_EQ(checked, 6u);
}

TEST(MemoryTest, KindsAddUpToThePeakAtTheFullestMoment) {
  test::Parsed parsed(kStep);
  auto entry = parsed.module->lookupSymbol<mlir::func::FuncOp>("train");
  int64_t most = 0;
  for (const Moment &moment : momentsOf(entry, analysis::ActionTimes(entry)))
    most = std::max(most, moment.total());
  EXPECT_EQ(most, 192) << "what is read, what came of it and the gradient";
  MemoryFacts memory = collectMemory(*parsed.module);
  EXPECT_EQ(memory.params, 32);
  EXPECT_EQ(memory.optimizer, 32);
  EXPECT_EQ(memory.activations, 64);
  EXPECT_EQ(memory.gaps, 448 - 192);
  EXPECT_EQ(memory.scratch, 448);
  EXPECT_EQ(memory.params + memory.optimizer + memory.activations + memory.gradients + memory.buffers +
                memory.temporaries,
            memory.peakBytes);
}

} // namespace
} // namespace cleave::explain
