// `cleave run`: compile (or load an artefact), train, save, sample.
#include "compiler/driver/Session.h"
#include "lang/ast/Tree.h"
#include "runtime/core/Footprint.h"
#include "runtime/core/Npy.h"
#include "runtime/core/Paths.h"
#include "runtime/core/SavedState.h"
#include "runtime/core/Text.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Inputs.h"
#include "tools/cleave/Interrupt.h"
#include "tools/cleave/Launch.h"
#include "tools/cleave/ProfileReport.h"
#include "tools/cleave/Progress.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kDefaultSteps = 100;
constexpr size_t kLastEvents = 20'000; // of a rank, where other processes wait for this one's end
constexpr char kInit[] = "init";
constexpr char kSample[] = "sample";

SessionOptions sessionOptions(const RunOptions &options) {
  SessionOptions result;
  result.mostRanks = options.mostRanks;
  result.timeoutSeconds = options.timeout.value_or(result.timeoutSeconds);
  result.threads = options.threads;
  result.pinThreads = options.pin;
  result.allowNonFinite = options.allowNan;
  result.profile = options.profile;
  result.trace = !options.trace.empty();
  result.tracePart = options.trace;
  result.slowLinks = options.slowLinks;
  return result;
}

bool contains(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// gpt.blocks[3].w -> gpt.blocks[*].w
std::string stacked(const std::string &path) { return rt::withAllLayers(path); }

class Run {
public:
  Run(const RunOptions &options, SessionOptions given)
      : options(options), session(withPrint(std::move(given))) {}

  int run() {
    rt::Status status = everything();
    if (!status && !status.error().code.empty() && !textRejected)
      report(session.engine(), status.error());
    if (progress)
      progress->finish();
    showDiagnostics(session.engine(), options.json);
    int exit = status ? Fine : textRejected ? Rejected : exitStatusOf(status.error());
    if (status && stopped)
      exit = Interrupted;
    if (options.json)
      showJson(result(exit));
    return exit;
  }

private:
  bool shown() const { return !options.quiet && !options.json; }

  SessionOptions withPrint(SessionOptions given) {
    given.print = [this](const std::string &line) {
      if (options.json)
        std::fprintf(stderr, "%s\n", line.c_str());
      else if (progress)
        progress->line(line);
      else
        std::printf("%s\n", line.c_str());
    };
    return given;
  }

  rt::Status everything() {
    if (rt::Status status = compile(); !status)
      return status;
    if (rt::Status status = prepare(); !status)
      return status;
    if (rt::Status status = steps(); !status)
      return saveAfterFailure(status.error());
    if (rt::Status status = finish(); !status)
      return status;
    if (!progress->metricsFailure().empty())
      return unwritten("metrics", options.metrics, progress->metricsFailure());
    return {};
  }

  static rt::Error unwritten(const std::string &what, const std::string &path, const std::string &why) {
    return {"E707", what + " must be written whole, found that '" + path + "' cannot be: " + why, "", {}, ""};
  }

  //===-- Before the first step ---------------------------------------===//

  rt::Status compile() {
    auto start = std::chrono::steady_clock::now();
    rt::Status status = rt::isArtefact(options.file) ? compiledBefore() : compileText();
    compileSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (status && shown())
      showPlan(session.runnable().program());
    return status;
  }

  static void showPlan(const rt::Program &program) {
    if (!program.plan.empty())
      std::printf("plan %s %.12s on %s: %lld ranks\n", program.plan.c_str(), program.planHash.c_str(),
                  rt::toString(program.mesh).c_str(), static_cast<long long>(program.mesh.ranks()));
  }

  static Json planJson(const rt::Program &program) {
    Json mesh = Json::object();
    for (const rt::MeshAxis &axis : program.mesh.axes)
      mesh[axis.name] = axis.size;
    return {
        {"name", program.plan}, {"hash", program.planHash}, {"mesh", mesh}, {"ranks", program.mesh.ranks()}};
  }

  rt::Status compiledBefore() {
    if (rt::Status status = openArtefact(session, options); !status)
      return status;
    std::vector<std::string> names;
    for (const rt::Entry &entry : session.runnable().program().entries)
      if (entry.name != kInit)
        names.push_back(entry.name);
    for (const auto &[name, value] : session.facts().hypers)
      if (name == "steps")
        hyperSteps = std::atoll(value.c_str());
    return chooseEntry(std::move(names));
  }

  rt::Status compileText() {
    DriverOptions given = driverOptions(options);
    given.cacheFolder = options.noCache ? "" : standardCacheFolder();
    if (rt::Status status = session.load(std::move(given)); !status) {
      textRejected = true;
      return status;
    }
    const ast::Program &program = *session.driver().check();
    std::vector<std::string> names;
    for (const ast::Entry *entry : program.entries)
      names.push_back(entry->name);
    for (const ast::Hyper &hyper : program.hypers)
      if (hyper.name == "steps" && hyper.value)
        hyperSteps = hyper.value->integer;
    if (rt::Status status = chooseEntry(std::move(names)); !status)
      return status;
    std::vector<std::string> entries = {entryName};
    if (options.sample && entryName != kSample)
      entries.push_back(kSample);
    session.driver().select(entries, exposedValues(program));
    rt::Status status = session.compile();
    textRejected = session.engine().hasErrors();
    cacheUse = session.driver().cacheUse();
    return status;
  }

  // The entry asked for, `train`, or the only one.
  rt::Status chooseEntry(std::vector<std::string> names) {
    bool choice = options.entry.empty();
    entryName = !choice ? options.entry : contains(names, "train") || names.size() != 1 ? "train" : names[0];
    names.push_back(kInit);
    for (const std::string &wanted : {entryName, std::string(options.sample ? kSample : kInit)}) {
      if (contains(names, wanted))
        continue;
      std::string near = rt::nearest(wanted, names);
      rt::Error error = {"E701",
                         choice && wanted == entryName
                             ? "without --entry the entry train runs, or the only one, found neither"
                             : "an entry must be one of the program's, found '" + wanted + "'",
                         "",
                         {"there are " + rt::listText(names, 8)},
                         near.empty() ? "" : "did you mean '" + near + "'?"};
      if (choice && wanted == entryName)
        error.hint = "say which one with --entry";
      return error;
    }
    return {};
  }

  // What --dump names beyond states and the entry's own inputs and outputs. `blocks[3].h` is a part of the
  // value `blocks[*].h`.
  std::vector<std::string> exposedValues(const ast::Program &program) const {
    std::vector<std::string> values;
    for (const std::string &dump : options.dumps) {
      auto isState = [&](const ast::State *state) {
        return state->path == dump || state->path == stacked(dump);
      };
      auto isInput = [&](const ast::EntryInput &input) { return input.value->name == dump; };
      auto isPort = [&](const ast::Entry *entry) {
        return entry->name == entryName && (contains(entry->outputNames, dump) ||
                                            std::any_of(entry->inputs.begin(), entry->inputs.end(), isInput));
      };
      bool known = std::any_of(program.states.begin(), program.states.end(), isState) ||
                   std::any_of(program.entries.begin(), program.entries.end(), isPort);
      if (!known && !contains(values, stacked(dump)))
        values.push_back(stacked(dump));
    }
    return values;
  }

  // Not after hours of training.
  rt::Status checkFiles() const {
    auto check = [](const char *code, const std::string &rule, const std::string &path) -> rt::Status {
      std::string why;
      if (path.empty() || rt::canReplaceFile(path, why))
        return {};
      return rt::Error{code, rule + " where a file can be written, found '" + path + "': " + why, "", {}, ""};
    };
    rt::Status status = check("E613", "a state must be saved", options.save);
    if (status)
      status = check("E704", "a plot must be drawn", options.plot);
    if (status)
      status = check("E704", "a trace must be written", options.trace);
    for (size_t i = 0; status && i < options.dumps.size(); ++i)
      status = check("E704", "a value must be dumped", options.dumps[i] + ".npy");
    return status;
  }

  rt::Status prepare() {
    if (rt::Status status = checkFiles(); !status)
      return status;
    rt::Runnable &running = session.runnable();
    rt::Result<int> found = running.findEntry(entryName);
    if (!found)
      return found.error();
    entry = *found;
    int64_t seed = options.seed.value_or(0);
    if (!options.resume.empty()) {
      if (rt::Status status = session.resume(options.resume); !status)
        return status;
      if (options.seed)
        if (rt::Status status = running.setState("seed", &seed, sizeof(seed)); !status)
          return status;
    } else if (entryName != kInit) {
      if (rt::Status status = session.initialise(seed); !status)
        return status;
    } else if (rt::Status status = running.setInput(entry, "seed", &seed, sizeof(seed)); !status) {
      return status;
    }
    for (const std::string &weights : options.weights)
      if (rt::Status status = readWeights(running, weights); !status)
        return status;
    for (const std::string &input : options.inputs)
      if (rt::Status status = giveInput(running, entry, input); !status)
        return status;
    if (options.sample)
      if (rt::Status status = running.prepare(*running.findEntry(kSample)); !status)
        return status;
    if (rt::Status status = running.prepare(entry); !status)
      return status;
    for (const std::string &name : options.dumps) // a wrong index, say
      if (rt::Result<rt::TensorView> value = dumped(name); !value)
        return value.error();
    return {};
  }

  //===-- The steps ---------------------------------------------------===//

  const rt::Entry &facts() const { return session_().program().entries[entry]; }
  rt::Runnable &session_() const { return const_cast<Session &>(session).runnable(); }

  // The output called `loss`, else the first floating-point scalar.
  std::string lossName() const {
    std::string found;
    for (const rt::Port &port : facts().outputs) {
      if (!port.shape.sizes.empty() || !rt::isFloat(port.shape.type))
        continue;
      if (port.name == "loss")
        return port.name;
      if (found.empty())
        found = port.name;
    }
    return found;
  }

  // Elements of the first input that holds rows of integers.
  int64_t tokensPerStep() const {
    for (const rt::Port &port : facts().inputs)
      if (port.shape.sizes.size() >= 2 && !rt::isFloat(port.shape.type))
        return port.shape.elements();
    return 0;
  }

  rt::Status steps() {
    rt::Runnable &running = session.runnable();
    bool advances = entryName != kInit && contains(facts().writes, "step");
    int64_t first = advances ? running.step() : 0;
    int64_t last = options.steps ? *options.steps : !advances ? 1 : hyperSteps.value_or(kDefaultSteps);
    progress = std::make_unique<Progress>(first, last, shown() && advances);
    if (!options.metrics.empty())
      if (std::string why = progress->openMetrics(options.metrics, !options.resume.empty()); !why.empty())
        return rt::Error{"E704",
                         "the metrics file must be writable, found that '" + options.metrics +
                             "' is not: " + why,
                         "",
                         {},
                         ""};
    watchForInterrupts();
    std::string loss = lossName();
    StepFacts step;
    step.tokens = tokensPerStep();
    for (int64_t at = first; at < last && !stopped; ++at) {
      auto start = std::chrono::steady_clock::now();
      if (rt::Status status = running.run(entry); !status)
        return status;
      step.step = at;
      step.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (!loss.empty()) {
        rt::Result<rt::TensorView> value = running.output(entry, loss);
        step.loss = rt::elementAsDouble(value->shape.type, value->data, 0);
      }
      progress->step(step);
      stopped = interrupted();
      bool due = options.saveEvery > 0 && (at + 1) % options.saveEvery == 0;
      if (due && !options.save.empty() && at + 1 < last && !stopped)
        if (rt::Status status = session.save(options.save); !status)
          return status;
    }
    progress->finish();
    return {};
  }

  // A run that stops on NaN keeps what it had, beside the last good save and not over it.
  rt::Status saveAfterFailure(const rt::Error &failure) {
    rt::Error error = failure;
    bool whole = error.code == "E710" || error.code == "E711";
    if (whole && !options.save.empty()) {
      std::string path = options.save + ".stopped";
      rt::Status status = session.save(path);
      error.notes.push_back(status ? "the state before the step is saved to '" + path + "'"
                                   : status.error().message);
    }
    if (std::string note = traceAfterFailure(); !note.empty())
      error.notes.push_back(note);
    return error;
  }

  //===-- Afterwards --------------------------------------------------===//

  rt::Status finish() {
    if (!options.save.empty()) {
      if (rt::Status status = session.save(options.save); !status)
        return status;
      savedTo = options.save;
    }
    if (stopped && shown())
      std::printf("stopped after step %lld%s\n", static_cast<long long>(session.runnable().step()),
                  savedTo.empty() ? "" : (", saved to " + savedTo).c_str());
    if (rt::Status status = plot(); !status)
      return status;
    if (rt::Status status = trace(); !status)
      return status;
    if (rt::Status status = dump(); !status)
      return status;
    if (shown())
      showOutputs();
    if (const rt::Profile *profile = session.runnable().profile(entry); profile && shown())
      std::printf("%s", profileText(session.runnable().program(), facts(), *profile, options.file).c_str());
    if (!session.isSpread()) // a launcher may end all processes at any time
      stopWatching();
    return options.sample && !stopped ? sample() : rt::Status();
  }

  rt::Status trace() {
    std::vector<rt::RankTrace> ranks = session.runnable().traces(entry);
    return options.trace.empty() || ranks.empty() ? rt::Status() : writeTrace(ranks);
  }

  rt::Status writeTrace(const std::vector<rt::RankTrace> &ranks) const {
    std::string text = rt::traceText(ranks, entry), why;
    if (rt::replaceFile(options.trace, {{text.data(), static_cast<int64_t>(text.size())}}, why))
      return {};
    return unwritten("a trace", options.trace, why);
  }

  // Of a run that failed: what ranks did until then, of this process alone where others cannot be reached.
  std::string traceAfterFailure() {
    std::vector<rt::RankTrace> ranks = session.runnable().traces(entry);
    if (options.trace.empty() || ranks.empty())
      return "";
    auto most = ranks.size() < static_cast<size_t>(session.runnable().program().mesh.ranks())
                    ? kLastEvents
                    : rt::TraceLog::kMost;
    std::vector<rt::TraceLog> logs;
    logs.reserve(ranks.size());
    for (rt::RankTrace &one : ranks) {
      logs.push_back(rt::lastOf(*one.log, most));
      one.log = &logs.back();
    }
    if (rt::Status status = writeTrace(ranks); !status)
      return status.error().message;
    return most == kLastEvents ? "what this process's ranks did last is in '" + options.trace +
                                     "'; others' are in '" + options.trace + ".RANK'"
                               : "what ranks did until then is in '" + options.trace + "'";
  }

  rt::Status plot() {
    std::string label = lossName();
    if (shown())
      std::printf("%s", terminalPlot(progress->curve(), label).c_str());
    if (options.plot.empty())
      return {};
    std::string svg = svgPlot(progress->curve(), label), why;
    if (rt::replaceFile(options.plot, {{svg.data(), static_cast<int64_t>(svg.size())}}, why))
      return {};
    return unwritten("a plot", options.plot, why);
  }

  // An output, a part of a stacked one, an input, or a state.
  rt::Result<rt::TensorView> dumped(const std::string &name) {
    rt::Result<rt::TensorView> value = session.output(entryName, name);
    rt::Result<rt::TensorView> whole = session.output(entryName, stacked(name));
    if (whole && name != stacked(name)) { // also where a plan takes the stack apart
      rt::State all = {stacked(name), "", whole->shape, 0};
      for (const rt::NamedTensor &part : rt::unstack(all, whole->as<char>()))
        if (part.name == name)
          return rt::TensorView{part.shape, const_cast<void *>(part.data)};
    }
    if (!value)
      value = session.runnable().input(entry, name);
    return value ? value : session.runnable().state(name);
  }

  rt::Status dump() {
    for (const std::string &name : options.dumps) {
      if (progress->steps() == 0 && !session.runnable().state(name))
        return rt::Error{"E514",
                         "a dumped value is made by a step, found that none ran to make '" + name + "'",
                         "",
                         {},
                         ""};
      rt::Result<rt::TensorView> value = dumped(name);
      if (!value)
        return value.error();
      if (rt::Status status = rt::writeNpy(name + ".npy", value->shape, value->data); !status)
        return status;
      if (shown())
        std::printf("%s %s -> %s.npy\n", name.c_str(), rt::toString(value->shape).c_str(), name.c_str());
    }
    return {};
  }

  void showOutputs() const {
    if (progress->steps() == 0)
      return;
    for (const rt::Port &port : facts().outputs) {
      bool inCurve = port.name == lossName() && progress->curve().size() >= 2;
      bool isDumped = std::any_of(options.dumps.begin(), options.dumps.end(), [&](const std::string &dump) {
        return dump == port.name || stacked(dump) == rt::withAllLayers(port.name);
      });
      if (inCurve || isDumped || entryName == kInit)
        continue;
      if (rt::Result<rt::TensorView> value = session.output(entryName, port.name))
        std::printf("%s\n", outputLine(port, *value).c_str());
    }
  }

  rt::Status sample() {
    if (rt::Status status = session.run(kSample); !status)
      return status;
    const rt::Runnable &running = session.runnable();
    for (const rt::Port &port : running.program().entries[*running.findEntry(kSample)].outputs) {
      rt::Result<rt::TensorView> value = session.output(kSample, port.name);
      if (!value)
        continue;
      if (shown())
        std::printf("--- %s ---\n%s\n", port.name.c_str(), outputLine(port, *value).c_str());
      sampled[port.name] = outputJson(*value);
    }
    return {};
  }

  Json result(int exit) {
    Json json = {{"file", options.file}, {"entry", entryName}, {"status", exit}, {"interrupted", stopped}};
    json["diagnostics"] = Json::parse(session.engine().renderJson());
    if (!progress)
      return json;
    const rt::Runnable &running = session.runnable();
    const Curve &curve = progress->curve();
    if (!running.program().plan.empty())
      json["plan"] = planJson(running.program());
    json["seed"] = running.seed();
    json["step"] = running.step();
    json["steps_run"] = progress->steps();
    json["threads"] = running.threads();
    json["compile_seconds"] = compileSeconds;
    json["cache"] = nameOf(cacheUse);
    json["seconds"] = progress->seconds();
    if (progress->tokens() > 0 && progress->seconds() > 0)
      json["tokens_per_second"] = progress->tokens() / progress->seconds();
    json["peak_bytes"] = rt::footprintOf(running.program()).bytes;
    if (!curve.empty()) {
      json["first_loss"] = curve.front().second;
      json["loss"] = curve.back().second;
    }
    json["outputs"] = Json::object();
    if (progress->steps() > 0 && entryName != kInit)
      for (const rt::Port &port : facts().outputs)
        if (rt::Result<rt::TensorView> value = session.output(entryName, port.name))
          json["outputs"][port.name] = outputJson(*value);
    if (!sampled.empty())
      json["sample"] = sampled;
    if (!savedTo.empty())
      json["saved"] = savedTo;
    if (const rt::Profile *profile = running.profile(entry))
      json["profile"] = profileJson(running.program(), facts(), *profile);
    return json;
  }

  RunOptions options;
  Session session;
  bool textRejected = false; // the engine holds the diagnostics
  std::string entryName;
  int entry = 0;
  std::optional<int64_t> hyperSteps;
  double compileSeconds = 0;
  CacheUse cacheUse = CacheUse::Off;
  std::unique_ptr<Progress> progress;
  bool stopped = false;
  std::string savedTo;
  Json sampled;
};

} // namespace

int runCommand(const RunOptions &options) {
  return launched(options, options.launch, sessionOptions(options),
                  [&](SessionOptions given) { return Run(options, std::move(given)).run(); });
}

} // namespace cleave::tool
