// comm-partition on programs with random layouts and factors on everything, or random plans: what the ranks
// compute is what one rank computes. Every layout is right, whatever it costs; in the first case propagation
// has no part in this.
#include "test/unit/comm/Ranks.h"

#include "dialects/comm/transforms/Passes.h"
#include "dialects/comm/transforms/StageChecks.h"
#include "dialects/dist/transforms/Passes.h"
#include "dialects/dist/transforms/StageChecks.h"
#include "dialects/model/transforms/Passes.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <random>
#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::test;

namespace {
const char *const kFolders[] = {"/test/unit/model/gradients", "/test/unit/comm/programs"};

std::vector<std::string> programs() {
  std::vector<std::string> files;
  for (const char *folder : kFolders) {
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(std::string(CLEAVE_SOURCE_DIR) + folder, error), end;
         it != end && !error; it.increment(error))
      if (llvm::sys::path::extension(it->path()) == ".mlir")
        files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Layouts and factors for everything in a module, from a seed.
class Annotator {
public:
  Annotator(ModuleOp module, dist::MeshOp mesh, bool uneven, uint64_t seed)
      : module(module), mesh(mesh), uneven(uneven), random(seed) {}

  void run() {
    module.walk([&](func::FuncOp function) {
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        function.setArgAttr(i, dist::kLayoutAttr, layout(function.getArgumentTypes()[i]));
    });
    module.walk([&](Operation *op) {
      if (isa<model::IndexOp, model::GatherOp, model::ScatterOp, model::ArgsortOp>(op))
        annotate(op);
      if (isa<model::ScanOp, model::IfOp, model::WhileOp>(op))
        layouts(op);
    });
  }

private:
  unsigned upTo(unsigned bound) { return std::uniform_int_distribution<unsigned>(0, bound)(random); }

  // Mesh axes dealt out over dims of these sizes.
  SmallVector<comm::AxisList> deal(ArrayRef<int64_t> sizes) {
    MLIRContext *context = module.getContext();
    SmallVector<dist::AxisRefAttr> axes;
    for (auto [name, size] : llvm::zip(mesh.getAxes().getAsRange<StringAttr>(), mesh.getSizes())) {
      if (size == 4 && upTo(1)) {
        axes.push_back(dist::AxisRefAttr::get(context, name, 1, 2));
        axes.push_back(dist::AxisRefAttr::get(context, name, 2, 2));
      } else {
        axes.push_back(dist::AxisRefAttr::get(context, name));
      }
    }
    std::shuffle(axes.begin(), axes.end(), random);
    SmallVector<comm::AxisList> dims(sizes.size());
    SmallVector<int64_t> parts(sizes.size(), 1);
    for (dist::AxisRefAttr axis : axes) {
      if (sizes.empty() || upTo(2) == 0)
        continue;
      unsigned dim = upTo(sizes.size() - 1);
      if (uneven && parts[dim] * mesh.sizeOf(axis) > sizes[dim])
        continue;
      parts[dim] *= mesh.sizeOf(axis);
      dims[dim].push_back(axis);
    }
    return dims;
  }

  dist::LayoutAttr layout(Type type) {
    return comm::makeLayout(FlatSymbolRefAttr::get(mesh.getSymNameAttr()),
                            deal(cast<RankedTensorType>(type).getShape()));
  }

  void layouts(Operation *op) {
    for (Value result : op->getResults())
      dist::setLayout(result, layout(result.getType()));
  }

  void annotate(Operation *op) {
    layouts(op);
    SmallVector<int64_t> sizes;
    auto selected = [&](AffineMap map, Value table) {
      for (auto [expr, size] :
           llvm::zip(map.getResults(), cast<RankedTensorType>(table.getType()).getShape()))
        if (isa<AffineSymbolExpr>(expr))
          sizes.push_back(size);
    };
    if (auto index = dyn_cast<model::IndexOp>(op)) {
      llvm::append_range(sizes, index.getSizes());
    } else if (auto gather = dyn_cast<model::GatherOp>(op)) {
      llvm::append_range(sizes, cast<RankedTensorType>(gather.getType()).getShape());
      selected(gather.getTableMap(), gather.getTable());
    } else if (auto scatter = dyn_cast<model::ScatterOp>(op)) {
      llvm::append_range(sizes, cast<RankedTensorType>(scatter.getUpdates().getType()).getShape());
      selected(scatter.getResultMap(), scatter.getResult());
    } else {
      llvm::append_range(sizes, cast<RankedTensorType>(op->getResult(0).getType()).getShape());
    }
    SmallVector<Attribute> factors;
    for (const comm::AxisList &axes : deal(sizes))
      factors.push_back(dist::DimAttr::get(op->getContext(), axes, false, 0));
    op->setAttr(dist::kFactorsAttr, ArrayAttr::get(op->getContext(), factors));
  }

  ModuleOp module;
  dist::MeshOp mesh;
  bool uneven;
  std::mt19937_64 random;
};

class Partition : public ::testing::TestWithParam<std::string> {
protected:
  Partition() {
    context.loadDialect<model::ModelDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect,
                        comm::CommDialect>();
  }

  OwningOpRef<ModuleOp> prepare() {
    auto text = llvm::MemoryBuffer::getFile(GetParam());
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text ? (*text)->getBuffer() : "", &context);
    PassManager passes(&context);
    passes.addPass(model::createModelGradients());
    passes.addPass(model::createModelInline());
    if (!module || failed(passes.run(*module)))
      return {};
    return module;
  }

  // `times` on every mesh, padded and uneven, each with a seed of its own; up to the first failure.
  void onMeshes(unsigned times,
                llvm::function_ref<void(ModuleOp, ArrayRef<int64_t>, bool uneven, uint64_t seed)> run) {
    OwningOpRef<ModuleOp> module = prepare();
    ASSERT_TRUE(module);
    const SmallVector<int64_t> meshes[] = {{2}, {3}, {2, 2}, {4, 2}};
    uint64_t seed = 1;
    for (ArrayRef<int64_t> sizes : meshes)
      for (bool uneven : {false, true})
        for (unsigned i = 0; i < times; ++i, ++seed) {
          SCOPED_TRACE("seed " + std::to_string(seed) + (uneven ? " uneven" : " padded"));
          run(*module, sizes, uneven, seed);
          if (HasFailure())
            return;
        }
  }

  void check(ModuleOp plain, ArrayRef<int64_t> sizes, bool uneven, uint64_t seed) {
    OwningOpRef<ModuleOp> module = cast<ModuleOp>(plain->clone());
    OpBuilder builder(&context);
    builder.setInsertionPointToStart(module->getBody());
    StringRef names[] = {"a", "b"};
    auto mesh = dist::MeshOp::create(builder, module->getLoc(), "m",
                                     builder.getStrArrayAttr(ArrayRef(names).take_front(sizes.size())), sizes,
                                     nullptr);
    auto plan = dist::PlanOp::create(builder, module->getLoc(), "p", "m", "");
    builder.setInsertionPointToStart(&plan.getBody().emplaceBlock());
    dist::RemainderOp::create(builder, module->getLoc(), builder.getStrArrayAttr({}),
                              uneven ? "uneven" : "pad");
    Annotator(*module, mesh, uneven, seed).run();
    run(plain, *module, mesh, seed % 2);
  }

  // The names of axes that a program's tensors have.
  std::vector<std::string> axesOf(ModuleOp module) {
    std::set<std::string> names;
    module.walk([&](Operation *op) {
      for (Value result : op->getResults())
        if (auto type = dyn_cast<RankedTensorType>(result.getType()))
          for (StringRef axis : model::axesOf(type))
            names.insert(axis.str());
    });
    return {names.begin(), names.end()};
  }

  // A plan of a few tactics that cut axes of the program, spread by propagation.
  void checkPlan(ModuleOp plain, ArrayRef<int64_t> sizes, bool uneven, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::string> axes = axesOf(plain);
    OwningOpRef<ModuleOp> module = cast<ModuleOp>(plain->clone());
    OpBuilder builder(&context);
    Location loc = module->getLoc();
    builder.setInsertionPointToStart(module->getBody());
    StringRef names[] = {"a", "b"};
    auto mesh = dist::MeshOp::create(
        builder, loc, "m", builder.getStrArrayAttr(ArrayRef(names).take_front(sizes.size())), sizes, nullptr);
    auto plan = dist::PlanOp::create(builder, loc, "p", "m", "");
    builder.setInsertionPointToStart(&plan.getBody().emplaceBlock());
    dist::RemainderOp::create(builder, loc, builder.getStrArrayAttr({}), uneven ? "uneven" : "pad");
    for (auto [name, size] : llvm::zip(names, sizes)) {
      auto axis = dist::AxisRefAttr::get(&context, builder.getStringAttr(name));
      if (size == 4 && random() % 2)
        axis = dist::AxisRefAttr::get(&context, axis.getName(), 2, 2);
      std::shuffle(axes.begin(), axes.end(), random);
      SmallVector<StringRef> cut(axes.begin(),
                                 axes.begin() + std::min<size_t>(axes.size(), 1 + random() % 2));
      dist::ShardOp::create(builder, loc, builder.getStrArrayAttr(cut), builder.getArrayAttr({axis}), false);
    }
    bool tooSmall = false; // an axis with fewer elements than parts: refused, and rightly
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      tooSmall |= StringRef(diagnostic.str()).starts_with("E921");
      return tooSmall ? success() : failure();
    });
    PassManager passes(&context);
    passes.addPass(dist::createDistPropagate());
    bool made = succeeded(passes.run(*module)) && succeeded(dist::verifyDistStage(*module));
    if (!made && !tooSmall)
      plan.dump();
    ASSERT_TRUE(made || tooSmall);
    if (made)
      run(plain, *module, mesh, seed % 2);
  }

  void run(ModuleOp plain, ModuleOp annotated, dist::MeshOp mesh, bool merge) {
    std::vector<comm::Shards> ranks;
    std::vector<OwningOpRef<ModuleOp>> owned;
    std::vector<ModuleOp> modules;
    auto classes = comm::rankClasses(annotated);
    ASSERT_TRUE(succeeded(classes));
    modules.resize(mesh.getRanks());
    for (ArrayRef<int64_t> members : *classes) {
      owned.push_back(cast<ModuleOp>(annotated->clone()));
      SmallVector<int64_t> at = comm::coordinatesOf(mesh, members.front());
      comm::CommPartitionOptions options;
      options.rank.assign(at.begin(), at.end());
      PassManager passes(&context);
      passes.addPass(comm::createCommPartition(options));
      if (merge) {
        passes.addPass(comm::createCommHoist());
        passes.addPass(comm::createCommMergeReductions());
        passes.addPass(comm::createCommSplitReductions());
        passes.addPass(comm::createCommSimplify());
        passes.addPass(comm::createCommMergeGathers());
      }
      bool made = succeeded(passes.run(*owned.back())) && succeeded(comm::verifyCommStage(*owned.back()));
      if (!made)
        annotated.dump();
      ASSERT_TRUE(made);
      for (int64_t member : members)
        modules[member] = *owned.back();
    }
    for (int64_t rank = 0; rank < mesh.getRanks(); ++rank)
      ranks.push_back(*comm::Shards::create(annotated, mesh, comm::coordinatesOf(mesh, rank)));
    auto function = plain.lookupSymbol<func::FuncOp>("loss");
    std::vector<Tensor> arguments;
    PerRank blocks(ranks.size());
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
      bool isFloat = isa<FloatType>(type.getElementType());
      arguments.push_back(fill(type, i + 1, isFloat ? 0.5 : 0, isFloat ? 2 : 3));
      auto layout = annotated.lookupSymbol<func::FuncOp>("loss").getArgAttrOfType<dist::LayoutAttr>(
          i, dist::kLayoutAttr);
      for (auto [rank, list] : llvm::zip(ranks, blocks))
        list.push_back(blockOf(arguments.back(), type, layout, rank));
    }
    std::vector<Tensor> expected = evaluate(plain, "loss", arguments);
    PerRank found = evaluateRanks(modules, mesh, "loss", blocks);
    for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
      auto ranked = cast<RankedTensorType>(type);
      std::vector<Tensor> results;
      for (auto &list : found)
        results.push_back(list[i]);
      auto layout = annotated.lookupSymbol<func::FuncOp>("loss").getResultAttrOfType<dist::LayoutAttr>(
          i, dist::kLayoutAttr);
      if (!layout)
        layout = dist::replicatedLayout(FlatSymbolRefAttr::get(mesh.getSymNameAttr()), ranked.getRank());
      EXPECT_LE(difference(expected[i], ranked, layout, ranks, results), 1e-8) << "result " << i;
    }
    if (HasFailure()) {
      annotated.dump();
      modules.front().dump();
    }
  }

  MLIRContext context;
};
} // namespace

TEST_P(Partition, AgreesWithOneRank) {
  onMeshes(2, [&](ModuleOp module, ArrayRef<int64_t> sizes, bool uneven, uint64_t seed) {
    check(module, sizes, uneven, seed);
  });
}

TEST_P(Partition, AgreesWithOneRankUnderPlans) {
  onMeshes(3, [&](ModuleOp module, ArrayRef<int64_t> sizes, bool uneven, uint64_t seed) {
    checkPlan(module, sizes, uneven, seed);
  });
}

INSTANTIATE_TEST_SUITE_P(Programs, Partition, ::testing::ValuesIn(programs()),
                         [](const ::testing::TestParamInfo<std::string> &info) {
                           std::string name = llvm::sys::path::stem(info.param).str();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
