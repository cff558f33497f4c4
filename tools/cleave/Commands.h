// The subcommands of `cleave`. Each returns the exit status.
#ifndef CLEAVE_TOOLS_CLEAVE_COMMANDS_H
#define CLEAVE_TOOLS_CLEAVE_COMMANDS_H

#include "compiler/driver/Driver.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cleave::tool {

// Exit status: see README.md.
enum Exit { Fine = 0, Rejected = 1, Usage = 2, Failed = 3, Interrupted = 130 };

struct CommonOptions {
  std::string file;
  std::vector<std::string> sets;    // NAME=VALUE
  std::string plan;                 // a plan's name, or FILE.dsl:NAME; empty: none
  std::vector<std::string> mesh;    // AXIS=SIZE, several separated by commas
  std::vector<std::string> overlap; // WAY or no-WAY, several separated by commas
  std::string device;               // KEY=NUMBER,... or `measure`; empty: the reference core
  bool json = false;
  bool quiet = false;
};

struct IrOptions : CommonOptions {
  std::string target = "host";
  std::string stage;
  std::string folder;   // of the numbered dumps; empty: none
  int64_t tactics = -1; // of the plan, that the dist stage applies; negative: all
  std::vector<std::string> entries;
};

// Where ranks are: see Launch.h.
struct LaunchOptions {
  std::string communicator; // local, mpi, mpi:openmpi, mpi:mpich; empty: as the launcher says
  int64_t ranksPerProcess = 1;
  double joinTimeout = 120; // seconds; 0: none
};

struct RunOptions : CommonOptions {
  LaunchOptions launch;
  std::string entry;
  std::optional<int64_t> steps;
  std::optional<int64_t> seed;
  int threads = 0;
  int64_t mostRanks = 0;         // 0: the session's own limit
  std::optional<double> timeout; // seconds
  bool pin = false;
  std::string save;
  int64_t saveEvery = 0;
  std::string resume;
  std::vector<std::string> weights; // [NAME=]PATH
  bool sample = false;
  std::vector<std::string> dumps;
  std::vector<std::string> inputs; // NAME=NUMBER or NAME=FILE.npy
  std::string metrics;
  std::string plot;
  bool allowNan = false;
  bool profile = false;
  std::string trace;      // file for the timeline; empty: none
  bool slowLinks = false; // collectives take the time that the plan's links say
  bool noCache = false;
};

struct ExplainOptions : CommonOptions {
  std::string entry; // empty: train, or the only one
  std::string html;  // a page is written there; empty: none
  std::string trace; // of a run, to compare with; empty: none
};

struct VerifyCommandOptions : CommonOptions {
  std::string against; // a plan; empty: one rank
  std::string entry;   // empty: train, or the only one
};

struct PlanDiffOptions : CommonOptions {
  std::string before, after; // plans, each with sizes of its mesh: "fsdp@dp=4"
  std::string other;         // the program of `after`; empty: the same
  std::string entry;         // empty: train, or the only one
  bool exitCode = false;     // status 1 where they differ
};

struct CacheOptions {
  bool clear = false;
  bool json = false;
  bool quiet = false;
};

struct GenerateOptions : CommonOptions {
  LaunchOptions launch;
  std::string prefill = "prefill", decode = "decode"; // entries
  std::vector<std::string> prompts;                   // text
  std::vector<std::string> ids;                       // prompts of token ids, "1,2,3"
  std::string tokenizer;
  int64_t most = 128; // tokens for each prompt
  std::vector<std::string> stops;
  std::optional<int64_t> seed;
  int threads = 0;
  int64_t mostRanks = 0;
  std::string resume;
  std::vector<std::string> weights; // [NAME=]PATH
  std::vector<std::string> inputs;  // NAME=NUMBER or NAME=FILE.npy
  bool noCache = false;
};

struct BuildOptions : CommonOptions {
  std::vector<std::string> entries; // empty: all
  std::string target = "host";
  std::string output; // empty: FILE with the suffix .cleave
  bool inspect = false;
};

struct CheckOptions : CommonOptions {
  bool memory = false; // plan it too, and say the peak
};

struct FmtOptions {
  std::vector<std::string> files; // "-": standard input
  bool standardInput = false;
  bool check = false;
};

int buildCommand(const BuildOptions &options);
int cacheCommand(const CacheOptions &options);
int checkCommand(const CheckOptions &options);
int explainCommand(const ExplainOptions &options);
int fmtCommand(const FmtOptions &options);
int generateCommand(const GenerateOptions &options);
int planDiffCommand(const PlanDiffOptions &options);
int planListCommand(const CommonOptions &options);
int irCommand(const IrOptions &options);
int runCommand(const RunOptions &options);
int verifyCommand(const VerifyCommandOptions &options);

// E701 where an entry is asked for that the program does not have.
bool hasEntry(const ast::Program &program, const std::string &name, diag::Engine &engine);

// The entry asked for, `train`, or the only one; "" for all of them.
std::string mainEntry(const ast::Program &program, const std::string &wanted);

// Options of the driver: file, sizes, standard library.
DriverOptions driverOptions(const CommonOptions &options);

} // namespace cleave::tool

#endif
