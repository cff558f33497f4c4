// The library every tool uses: a program's file in, IR at any stage or an executable program out.
//
// One Driver serves one file. Each call takes the program as far as it must go and reports what it rejects to
// the diagnostics engine. No MLIR type shows here, so a tool that includes this needs no MLIR headers.
#ifndef CLEAVE_COMPILER_DRIVER_DRIVER_H
#define CLEAVE_COMPILER_DRIVER_DRIVER_H

#include "compiler/driver/Cache.h"
#include "compiler/explain/Facts.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cleave::diag {
class Engine;
}
namespace cleave::ast {
struct Program;
}

namespace cleave {

// The stages of `cleave ir --stage`, in order.
enum class Stage { Ast, Model, Grad, Dist, Comm, Sched, Memory, Loops, Kernels, Exec, Asm };

// "ast" -> Stage::Ast; none for an unknown name.
std::optional<Stage> parseStage(const std::string &name);
// The names parseStage takes, in order.
const std::vector<std::string> &stageNames();

// Stage checks find the compiler's own faults: on in debug builds, and in the tests by CLEAVE_VERIFY_STAGES.
#ifdef NDEBUG
inline constexpr bool kVerifyByDefault = false;
#else
inline constexpr bool kVerifyByDefault = true;
#endif

struct DriverOptions {
  std::string file;                        // path of the .dsl file
  std::map<std::string, std::string> sets; // --set NAME=VALUE: axis sizes and hyper-parameters
  std::string plan;                        // --plan: how the program is spread over ranks; empty: not at all
  std::map<std::string, std::string> mesh; // --mesh NAME=SIZE: sizes of the plan's mesh axes
  std::vector<std::string> overlap; // --overlap: ways to hide communication, or no-WAY; behind the plan's own
  std::string device; // --device: what a rank computes with, see cost/Device.h; empty: a reference core
  bool libraryPlans = false;            // check(): list the plans of the standard library too
  std::string stdlib;                   // folder of the standard library
  std::vector<std::string> entries;     // entries to compile; empty: all. `init` is always compiled
  std::vector<std::string> expose;      // paths of values to add to the entries' outputs (--dump)
  bool verifyStages = kVerifyByDefault; // run the legality check of every stage boundary
  std::string target = "host";          // processor to make code for: targetNames()
  std::string cacheFolder;              // compile(): keep compiled programs there; empty: nowhere
  bool promote = false; // every floating-point type is f64: what `verify` runs. Exposed values, gradients of
                        // states among them as "grad(net.up.w)", are then outputs in the program's order
  bool jitter = false;  // with `promote`: every computed term is off by one part in 2^36
  bool assertions = true;       // what the plan asserts must hold
  bool prove = true;            // what ranks run must be proved to be the program, before it is compiled
  int64_t stopAfterTactic = -1; // ir(Stage::Dist): apply so many of the plan's tactics; negative: all
  std::string dumpFolder;       // ir(): write the IR of every stage up to the one asked for there
};

// The ways to hide communication that DriverOptions::overlap may name.
const std::vector<std::string> &overlapWays();

// What DriverOptions::target may be: "host", and the baselines an artefact may be made for.
std::vector<std::string> targetNames();

class Driver {
public:
  Driver(DriverOptions options, diag::Engine &engine);
  ~Driver();

  // The checked program, or null when it was rejected. Owned by the driver.
  const ast::Program *check();

  // What the options say of sizes and of the plan, as a text: "Hidden=8 grid dp=2".
  std::string settings() const;

  // Replaces the options `entries` and `expose`, which a caller may know only after check().
  void select(std::vector<std::string> entries, std::vector<std::string> expose);

  // The text of a stage, or none when the program was rejected on the way.
  std::optional<std::string> ir(Stage stage);

  // Native code for the target, as a file holds it; none when the program was rejected.
  std::optional<rt::ArtefactContents> build();

  // The same, ready to run in this process; from the cache where there is one and it has it. `bytes` receives
  // the artefact's, for other processes.
  std::optional<rt::Artefact> compile(std::string *bytes = nullptr);
  // How the last compile() got its code.
  CacheUse cacheUse() const;

  // What lies where and the peak, without generating code: every kernel's function is null. Under a plan, a
  // program for each class of ranks.
  struct Planned {
    rt::Program program;
    rt::RankClasses classes;
    explain::ProofFacts proof;
  };
  std::optional<Planned> plan();

  // What there is to see of the program under the plan, of one entry ("" of all); no code is generated. With
  // `hints` edits that do without a collective are tried, one compilation to the `comm` stage each.
  // Assertions of the plan that do not hold are in the engine, and the facts there all the same. None when
  // the program was rejected before.
  std::optional<explain::Facts> explain(const std::string &entry = "", bool hints = true);

  // Whether the program can be cut as the plan says: it goes to the `comm` stage, and no further.
  bool accepts();

  // How many terms the program's largest sum has. None when it was rejected.
  std::optional<int64_t> largestSum();

private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation;
};

} // namespace cleave

#endif
