// The command line.
#include "compiler/driver/BuildFacts.h"
#include "runtime/core/Text.h"
#include "tools/cleave/CommandLine.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/MeasuredDevice.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

using namespace cleave;
using namespace cleave::tool;

namespace {

std::string pairChecker(const std::string &text) {
  size_t equals = text.find('=');
  return equals == std::string::npos || equals == 0 ? "must be NAME=VALUE, found '" + text + "'" : "";
}

std::string notNegative(const std::string &text) {
  return text[0] == '-' ? "must not be negative, found " + text : "";
}

void addMesh(CLI::App &command, CommonOptions &options) {
  command
      .add_option("--mesh", options.mesh, "Sizes of the plan's mesh axes, AXIS=SIZE[,AXIS=SIZE]; repeatable")
      ->check(pairChecker)
      ->type_name("AXIS=SIZE")
      ->allow_extra_args(false);
}

// How the program is spread over ranks.
void addPlan(CLI::App &command, CommonOptions &options) {
  command
      .add_option("--plan", options.plan,
                  "A plan of the program, of what it imports or of the library; or FILE.dsl:NAME")
      ->type_name("PLAN");
  addMesh(command, options);
  std::vector<std::string> ways;
  for (const std::string &way : overlapWays())
    for (const char *never : {"", "no-"})
      ways.push_back(never + way);
  command
      .add_option("--overlap", options.overlap,
                  "Ways to hide communication that the plan takes whatever the cost model says, or never "
                  "(no-WAY): early, reductions, prefetch, chunks, buckets, hierarchy, norms, all; several "
                  "separated by commas")
      ->delimiter(',')
      ->check(CLI::IsMember(ways))
      ->type_name("WAY")
      ->allow_extra_args(false);
  command
      .add_option("--device", options.device,
                  "What a rank computes with, for the cost model: f32=, f64=, bf16= (operations a second), "
                  "bandwidth= (bytes a second), launch= (seconds), separated by commas; or measure")
      ->type_name("DEVICE");
}

void addCommon(CLI::App &command, CommonOptions &options) {
  command.add_option("file", options.file, "The program, a .dsl file")->required()->type_name("PROGRAM");
  command
      .add_option("--set", options.sets,
                  "Size of an axis or value of a hyper-parameter, NAME=VALUE; repeatable")
      ->check(pairChecker)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->trigger_on_parse(false);
  command.add_flag("--json", options.json, "Facts for programs: one JSON object on standard output");
  command.add_flag("--quiet", options.quiet, "Nothing but diagnostics (and --json)");
}

void addTarget(CLI::App &command, std::string &target) {
  command
      .add_option("--target", target,
                  "Processor to make code for: host, x86-64-v3, x86-64-v4, x86-64-v4-bf16; default host")
      ->check(CLI::IsMember(targetNames()))
      ->type_name("TARGET");
}

// What the states and inputs of a program are at first.
void addStart(CLI::App &command, std::string &from, std::vector<std::string> &weights,
              std::vector<std::string> &inputs) {
  CLI::Option *resume =
      command.add_option("--resume", from, "Go on from a saved state instead of initial values")
          ->type_name("FILE");
  command
      .add_option(
          "--weights", weights,
          "Read published weights (safetensors file, index or folder) by the program's `weights`: PATH, or "
          "NAME=PATH where there are several; repeatable")
      ->type_name("PATH")
      ->allow_extra_args(false)
      ->excludes(resume);
  command
      .add_option("--input", inputs,
                  "Value of an input, NAME=FILE.npy, or NAME=NUMBER for a scalar; repeatable")
      ->check(pairChecker)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

void addMostRanks(CLI::App &command, int64_t &mostRanks) {
  command
      .add_option("--most-ranks", mostRanks,
                  "Start at most so many ranks in this process; default: eight for each processor")
      ->check(CLI::PositiveNumber);
}

void addLaunch(CLI::App &command, LaunchOptions &options) {
  command
      .add_option(
          "--communicator", options.communicator,
          "How ranks talk: local (threads of this process), mpi, mpi:openmpi or mpi:mpich (processes that "
          "mpirun or srun has started); default: as they were started")
      ->check(CLI::IsMember({"local", "mpi", "mpi:openmpi", "mpi:mpich"}));
  command
      .add_option("--ranks-per-process", options.ranksPerProcess,
                  "Ranks in each process that mpirun or srun has started; default 1")
      ->check(CLI::PositiveNumber);
  command
      .add_option(
          "--join-timeout", options.joinTimeout,
          "Seconds within which all processes that were started must have joined; default 120, 0: for "
          "ever")
      ->check(CLI::NonNegativeNumber)
      ->type_name("SECONDS");
}

void addRun(CLI::App &app, RunOptions &options) {
  CLI::App *run = app.add_subcommand("run", "Run an entry of a program, or of what cleave build made of one");
  addCommon(*run, options);
  addPlan(*run, options);
  addMostRanks(*run, options.mostRanks);
  addLaunch(*run, options.launch);
  run->add_option("--entry", options.entry, "Entry to run; default: train, or the only one")
      ->type_name("NAME");
  run->add_option("--steps", options.steps,
                  "Run until the step counter is at N; default: the hyper-parameter `steps`, else 100 "
                  "(entries that do not train: N runs, default 1)")
      ->check(notNegative);
  run->add_option("--seed", options.seed, "Seed of initial values, data order and random numbers; default 0");
  run->add_option("--threads", options.threads,
                  "Threads, of each rank; default: one per processor, shared out")
      ->check(CLI::Range(1, 1024));
  run->add_option("--timeout", options.timeout,
                  "Seconds for which ranks wait for one of them before they end and say which; default 600, "
                  "0: for ever")
      ->check(CLI::NonNegativeNumber)
      ->type_name("SECONDS");
  run->add_flag("--pin", options.pin, "Tie each thread to a processor");
  CLI::Option *save =
      run->add_option("--save", options.save, "Save the state to this safetensors file at the end")
          ->type_name("FILE");
  run->add_option("--save-every", options.saveEvery, "Save also after every N steps")
      ->check(CLI::PositiveNumber)
      ->needs(save);
  addStart(*run, options.resume, options.weights, options.inputs);
  run->add_flag("--sample", options.sample, "Run the entry `sample` at the end and print its text");
  run->add_option("--dump", options.dumps, "Write a named value of the last step to VALUE.npy; repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false);
  run->add_option("--metrics", options.metrics, "Write one JSON line per step to this file")
      ->type_name("FILE");
  run->add_option("--plot", options.plot, "Draw the loss curve to this SVG file")->type_name("FILE");
  run->add_flag("--allow-nan", options.allowNan, "Go on when a scalar output is NaN or infinite");
  run->add_flag("--profile", options.profile,
                "Show where the time went, by op and by source line, against what the machine can do");
  run->add_option(
         "--trace", options.trace,
         "Write what every rank does when to this file, for https://ui.perfetto.dev and cleave explain "
         "--trace")
      ->type_name("FILE");
  run->add_flag("--slow-links", options.slowLinks,
                "Let collectives take the time at least that the plan's links say, to see what overlaps");
  run->add_flag("--no-cache", options.noCache,
                "Compile, whether or not the program is kept on disk (cleave cache), and keep nothing");
}

void addCheck(CLI::App &app, CheckOptions &options) {
  CLI::App *check = app.add_subcommand("check", "Check a program and say what is in it");
  addCommon(*check, options);
  addPlan(*check, options);
  check->add_flag("--memory", options.memory,
                  "Plan the memory of all entries too, and say the peak and what takes it");
}

void addCache(CLI::App &app, CacheOptions &options) {
  CLI::App *cache =
      app.add_subcommand("cache", "Show the compiled programs that are kept on disk, or remove them");
  auto clear = [&options](const std::string &) { options.clear = true; };
  cache->add_option_function<std::string>("action", clear, "clear: remove them all")
      ->check(CLI::IsMember({"clear"}))
      ->type_name("ACTION");
  cache->add_flag("--json", options.json, "Facts for programs: one JSON object on standard output");
  cache->add_flag("--quiet", options.quiet, "Nothing but diagnostics (and --json)");
}

void addBuild(CLI::App &app, BuildOptions &options) {
  CLI::App *build =
      app.add_subcommand("build", "Compile a program to an artefact that runs without the compiler");
  addCommon(*build, options);
  addPlan(*build, options);
  build->add_option("--entry", options.entries, "Entry to compile; repeatable; default: all")
      ->type_name("NAME")
      ->allow_extra_args(false);
  addTarget(*build, options.target);
  CLI::Option *output =
      build->add_option("-o,--output", options.output, "The artefact; default: FILE with the suffix .cleave")
          ->type_name("FILE");
  build->add_flag("--inspect", options.inspect, "Show what FILE, an artefact, says about itself")
      ->excludes(output);
}

void addGenerate(CLI::App &app, GenerateOptions &options) {
  CLI::App *generate =
      app.add_subcommand("generate", "Continue prompts with a program that reads and makes tokens");
  addCommon(*generate, options);
  addPlan(*generate, options);
  addMostRanks(*generate, options.mostRanks);
  addLaunch(*generate, options.launch);
  CLI::Option *prompts = generate->add_option("--prompt", options.prompts, "Text to continue; repeatable")
                             ->type_name("TEXT")
                             ->allow_extra_args(false);
  CLI::Option *ids = generate->add_option("--ids", options.ids, "Tokens to continue, 1,2,3; repeatable")
                         ->type_name("IDS")
                         ->allow_extra_args(false);
  generate
      ->add_option("--tokenizer", options.tokenizer,
                   "Text to tokens and back, a tokenizer.json; default: the one beside the weights")
      ->type_name("FILE");
  generate->add_flag("--no-cache", options.noCache, "Compile anew, and do not keep the compiled program");
  addStart(*generate, options.resume, options.weights, options.inputs);
  generate->add_option("--tokens", options.most, "At most so many tokens for each prompt; default 128")
      ->check(notNegative);
  generate
      ->add_option("--stop", options.stops,
                   "A sequence ends with this token, an id or its text; beside those of the published "
                   "configuration; repeatable")
      ->type_name("TOKEN")
      ->allow_extra_args(false);
  generate->add_option("--seed", options.seed, "Seed of initial values and random numbers; default 0");
  generate
      ->add_option("--threads", options.threads,
                   "Threads, of each rank; default: one per processor, shared out")
      ->check(CLI::Range(1, 1024));
  generate->add_option("--prefill", options.prefill, "Entry that reads prompts; default prefill")
      ->type_name("NAME");
  generate->add_option("--decode", options.decode, "Entry that goes on from a token; default decode")
      ->type_name("NAME");
  generate->callback([=] {
    if (prompts->count() + ids->count() == 0)
      throw CLI::RequiredError("--prompt or --ids");
  });
}

void addIr(CLI::App &app, IrOptions &ir) {
  CLI::App *command = app.add_subcommand("ir", "Show a program at a stage of the compiler");
  addCommon(*command, ir);
  addPlan(*command, ir);
  command->add_option("--stage", ir.stage, "Stage to show")
      ->required()
      ->check(CLI::IsMember(stageNames()))
      ->type_name("STAGE");
  command
      ->add_option("--all", ir.folder,
                   "Write the IR of each stage on the way to this folder: 02-model.mlir, ...")
      ->check(CLI::ExistingDirectory)
      ->type_name("FOLDER");
  command
      ->add_option(
          "--dump-after-tactic", ir.tactics,
          "With --stage dist: apply the first N tactics of the plan only, and show what they came to")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N")
      ->needs("--plan");
  addTarget(*command, ir.target);
  command->add_option("--entry", ir.entries, "Show this entry only; repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

void addPlanCommand(CLI::App &app, CommonOptions &options, PlanDiffOptions &compared) {
  CLI::App *plan =
      app.add_subcommand("plan", "Show the plans that a program can be run under, and compare them");
  plan->require_subcommand(1);
  CLI::App *list = plan->add_subcommand("list", "List plans with their mesh, tactics, hash and place");
  addCommon(*list, options);
  CLI::App *diff = plan->add_subcommand(
      "diff", "Show what changes from one plan to another: layouts, collectives, bytes, memory");
  addCommon(*diff, compared);
  diff->add_option("BEFORE", compared.before, "A plan, as for --plan; with sizes of its mesh: fsdp@dp=4")
      ->required()
      ->type_name("PLAN");
  diff->add_option("AFTER", compared.after, "The plan to compare it with")->required()->type_name("PLAN");
  addMesh(*diff, compared);
  diff->add_option("--other", compared.other, "AFTER is a plan of this program")->type_name("PROGRAM");
  diff->add_option("--entry", compared.entry, "Entry to compare; default: train, or the only one")
      ->type_name("NAME");
  diff->add_flag("--exit-code", compared.exitCode, "End with status 1 where anything differs");
}

void addExplain(CLI::App &app, ExplainOptions &options) {
  CLI::App *explain = app.add_subcommand(
      "explain", "Show layouts, collectives with their causes, and memory of a program under a plan");
  addCommon(*explain, options);
  addPlan(*explain, options);
  explain->add_option("--entry", options.entry, "Entry to explain; default: train, or the only one")
      ->type_name("NAME");
  explain->add_option("--html", options.html, "Write a page for a browser to this file, in place of text")
      ->type_name("FILE");
  explain
      ->add_option("--trace", options.trace,
                   "Show what the run took of which cleave run --trace wrote this, beside the estimates")
      ->type_name("FILE");
}

void addVerify(CLI::App &app, VerifyCommandOptions &options) {
  CLI::App *verify = app.add_subcommand(
      "verify", "Run a program under a plan and on one rank, at small sizes in f64, and name what differs");
  addCommon(*verify, options);
  addPlan(*verify, options);
  verify->get_option("--plan")->required();
  verify
      ->add_option("--against", options.against,
                   "Compare with the program under this plan; default: one rank")
      ->type_name("PLAN");
  verify->add_option("--entry", options.entry, "Entry to run; default: train, or the only one")
      ->type_name("NAME");
}

void addFmt(CLI::App &app, FmtOptions &options) {
  CLI::App *fmt = app.add_subcommand("fmt", "Put programs into the one style of the language, in place");
  CLI::Option *files =
      fmt->add_option("files", options.files, "Programs; - is standard input")->type_name("PROGRAM");
  CLI::Option *standardInput =
      fmt->add_flag("--stdin", options.standardInput, "Format standard input to standard output");
  fmt->add_flag("--check", options.check,
                "Change nothing; name the files that would change, status 1 if any");
  fmt->callback([=] {
    if (files->count() + standardInput->count() == 0)
      throw CLI::RequiredError("files");
  });
}

// What is made from the command line itself.
void addOwn(CLI::App &app, std::string &shell) {
  app.set_version_flag("--version", [] { return toString(buildFacts()); }, "What this cleave was built from");
  CLI::App *completion =
      app.add_subcommand("completion", "Write a completion script: source <(cleave completion bash)");
  completion->add_option("shell", shell, "The shell it is for")
      ->required()
      ->check(CLI::IsMember(shells()))
      ->type_name("SHELL");
  app.add_subcommand("man", "Write the man page: cleave man | man -l -");
}

// CLI11 says of a misspelt command only that one is missing.
bool refuseUnknownCommand(const CLI::App &app, int argc, char **argv) {
  if (argc < 2 || argv[1][0] == '-')
    return false;
  std::vector<std::string> names;
  for (const CLI::App *command : app.get_subcommands(nullptr)) {
    if (command->get_name() == argv[1])
      return false;
    names.push_back(command->get_name());
  }
  std::string near = rt::nearest(argv[1], names);
  std::fprintf(stderr, "cleave: no such command, found '%s'%s\nRun with --help for the commands.\n", argv[1],
               near.empty() ? "" : ("; did you mean '" + near + "'?").c_str());
  return true;
}

int parse(CLI::App &app, int argc, char **argv) {
  if (refuseUnknownCommand(app, argc, argv))
    return Usage;
  try {
    app.parse(argc, argv);
    return Fine;
  } catch (const CLI::ParseError &error) {
    // Asking for help is fine; anything else is a usage error, whatever CLI11 numbers it.
    return app.exit(error) == 0 ? -1 : Usage;
  }
}

int planCommand(const CLI::App &app, const CommonOptions &list, const PlanDiffOptions &diff) {
  return app.get_subcommand("plan")->got_subcommand("diff") ? planDiffCommand(diff) : planListCommand(list);
}

// Results that did not reach a full disk are not fine.
int wholeOutput() {
  errno = 0;
  if (std::fflush(stdout) == 0 && !std::ferror(stdout))
    return Fine;
  std::fprintf(
      stderr,
      "cleave: error[E707]: results must be written whole, found that standard output cannot be%s%s\n",
      errno ? ": " : "", errno ? std::strerror(errno) : "");
  return Failed;
}

} // namespace

namespace cleave::tool {

DriverOptions driverOptions(const CommonOptions &options) {
  DriverOptions result;
  result.file = options.file;
  for (const std::string &set : options.sets) {
    size_t equals = set.find('=');
    result.sets[set.substr(0, equals)] = set.substr(equals + 1);
  }
  result.plan = options.plan;
  result.overlap = options.overlap;
  result.device = options.device;
  if (options.device == "measure") {
    static const std::string kMeasured = measuredDevice(); // once, for programs that are compiled twice
    result.device = kMeasured;
    if (!options.quiet && !options.json)
      std::fprintf(stderr, "cleave: note: this machine is --device %s\n", kMeasured.c_str());
  }
  for (const std::string &sizes : options.mesh)
    for (size_t begin = 0, end; begin <= sizes.size(); begin = end + 1) {
      end = std::min(sizes.find(',', begin), sizes.size());
      std::string size = sizes.substr(begin, end - begin);
      size_t equals = std::min(size.find('='), size.size());
      result.mesh[size.substr(0, equals)] = equals < size.size() ? size.substr(equals + 1) : "";
    }
  result.verifyStages |= std::getenv("CLEAVE_VERIFY_STAGES") != nullptr;
  return result;
}

} // namespace cleave::tool

int main(int argc, char **argv) {
  // A write beyond a file-size limit is reported like a full disk, and does not kill.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app{"A language and compiler for machine-learning programs.", "cleave"};
  app.require_subcommand(1);
  app.footer("Exit status: 0 fine, 1 program or input rejected, 2 usage, 3 failure while running,\n"
             "130 stopped by Ctrl-C with the state saved where --save asks for it.");
  RunOptions run;
  CheckOptions check;
  IrOptions ir;
  addRun(app, run);
  addCheck(app, check);
  ExplainOptions explain;
  addExplain(app, explain);
  VerifyCommandOptions verify;
  addVerify(app, verify);
  CommonOptions plan;
  PlanDiffOptions planDiff;
  addPlanCommand(app, plan, planDiff);
  GenerateOptions generate;
  addGenerate(app, generate);
  addIr(app, ir);
  BuildOptions build;
  addBuild(app, build);
  CacheOptions cache;
  addCache(app, cache);
  FmtOptions fmt;
  addFmt(app, fmt);
  std::string shell;
  addOwn(app, shell);
  if (int status = parse(app, argc, argv); status != Fine)
    return status < 0 ? Fine : status;
  if (app.got_subcommand("completion"))
    std::fputs(completionScript(shell, commandLine(app)).c_str(), stdout);
  if (app.got_subcommand("man"))
    std::fputs(manPage(commandLine(app), buildFacts().version).c_str(), stdout);
  if (app.got_subcommand("completion") || app.got_subcommand("man"))
    return wholeOutput();
  int status = app.got_subcommand("run")        ? runCommand(run)
               : app.got_subcommand("generate") ? generateCommand(generate)
               : app.got_subcommand("build")    ? buildCommand(build)
               : app.got_subcommand("cache")    ? cacheCommand(cache)
               : app.got_subcommand("fmt")      ? fmtCommand(fmt)
               : app.got_subcommand("check")    ? checkCommand(check)
               : app.got_subcommand("explain")  ? explainCommand(explain)
               : app.got_subcommand("verify")   ? verifyCommand(verify)
               : app.got_subcommand("plan")     ? planCommand(app, plan, planDiff)
                                                : irCommand(ir);
  return status == Fine ? wholeOutput() : status;
}
