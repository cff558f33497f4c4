// A process other than 0: its ranks do what process 0 says.
#include "runtime/core/Fault.h"
#include "runtime/core/File.h"
#include "runtime/core/Spread.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace cleave::rt {

namespace spread {

namespace {

constexpr double kGraceSeconds = 4;    // for process 0 after a failure
constexpr size_t kLeftEvents = 20'000; // of a rank: written within the grace of those who wait for the end

Error wrongProcesses(const Processes &processes, const Mesh &mesh, int64_t perProcess) {
  int64_t count = processes.processes(), ranks = mesh.ranks();
  Error error = {"E718",
                 "processes have the ranks of the mesh between them, " + std::to_string(perProcess) +
                     " each, found " + std::to_string(count) + " processes for " + std::to_string(ranks) +
                     (ranks == 1 ? " rank" : " ranks, ") + (ranks == 1 ? "" : toString(mesh)),
                 "",
                 {},
                 ""};
  if (ranks == 1)
    error.hint = "say how the program is spread with --plan, or start each process for itself with "
                 "--communicator local";
  else if (ranks % count == 0)
    error.hint = "start " + std::to_string(ranks / perProcess) + " processes, or say --ranks-per-process " +
                 std::to_string(ranks / count);
  else
    error.hint = "start " + std::to_string(ranks) + " processes, or change the mesh with --mesh";
  return error;
}

class Server {
public:
  Server(std::shared_ptr<Processes> processes, const SpreadOptions &options)
      : processes(std::move(processes)), options(options) {}

  ~Server() {
    if (options.watch)
      options.watch->show(nullptr);
  }

  Status serve() {
    while (true) {
      Result<std::string> packet = processes->receive(0, patience());
      if (!packet)
        return end(packet.error());
      PacketReader reader(*packet);
      int64_t command = reader.number();
      if (command == Leave) {
        if (reader.number() != 0)
          return {};
        processes->abandon({"E754", "processes end together, found that some do not", "", {}, ""});
        return failed ? end(*failed) : Status();
      }
      if (command == Settle) {
        if (Status status = processes->settle(); !status)
          return end(status.error());
        failed.reset();
        continue;
      }
      PacketWriter answer;
      auto start = std::chrono::steady_clock::now();
      Status status = obey(command, reader, answer);
      if (!status) {
        failed = status.error();
        failedAfter = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      }
      PacketWriter whole;
      whole.status(status);
      whole.number(part.ranks && part.ranks->isStuck());
      whole.text(answer.take());
      if (Status sent = processes->send(0, whole.take(), patience()); !sent)
        return end(sent.error());
    }
  }

private:
  // For the next word of process 0: after a failure it settles, or all end. It may be the one that is
  // missing.
  double patience() const {
    if (!failed || options.timeoutSeconds <= 0)
      return 0;
    return std::max(kGraceSeconds, options.timeoutSeconds - failedAfter);
  }

  // What this process says where all must end: what its ranks have met with, if anything.
  Error end(const Error &why) const {
    leaveTrace();
    if (failed)
      return *failed;
    Error error = why;
    if (part.ranks)
      for (const std::string &place : part.ranks->whereabouts())
        error.notes.push_back(place);
    return error;
  }

  Status obey(int64_t command, PacketReader &given, PacketWriter &answer) {
    if (command == Make)
      return make(given.view());
    if (!part.ranks)
      return Error{"E799", "ranks are made before they run, found none", "", {}, ""};
    switch (command) {
    case Initialise:
      return part.ranks->initialise(given.number());
    case Prepare:
      return part.ranks->prepare(static_cast<int>(given.number()));
    case Run:
      ran = static_cast<int>(given.number());
      return part.ranks->run(ran);
    case SetInput:
    case SetState:
      return set(command, given);
    case Unbind: {
      auto entry = static_cast<int>(given.number());
      return part.ranks->unbindInput(entry, static_cast<int>(given.number()));
    }
    case FetchInput:
    case FetchOutput:
    case FetchState:
      return fetch(command, given, answer);
    case Save:
      return save();
    case Load:
      return part.ranks->load(given.text());
    case TellTime:
      return tellTime(given, answer);
    case FetchTrace:
      for (const RankTrace &one : part.ranks->traces(static_cast<int>(given.number())))
        packLog(answer, *one.log);
      return {};
    case LoadWeights: {
      std::string path = given.text();
      return part.ranks->loadWeights(path, given.text());
    }
    default:
      return Error{
          "E799", "a process is told what it knows, found command " + std::to_string(command), "", {}, ""};
    }
  }

  Status tellTime(PacketReader &given, PacketWriter &answer) {
    answer.number(steadyNanoseconds());
    answer.text(steadyClockName());
    int64_t at = given.number(), ahead = given.number();
    clock.first = clock.last = {at, ahead, given.number()};
    return {};
  }

  // What its ranks did last, as far as is known, for whoever looks for why.
  void leaveTrace() const {
    std::vector<RankTrace> ranks = part.ranks ? part.ranks->traces(ran) : std::vector<RankTrace>();
    if (ranks.empty() || options.tracePart.empty())
      return;
    std::vector<TraceLog> logs;
    logs.reserve(ranks.size());
    for (RankTrace &one : ranks) {
      logs.push_back(lastOf(*one.log, kLeftEvents));
      one.log = &logs.back();
      one.clock = clock;
    }
    std::string text = traceText(ranks, ran), why;
    replaceFile(tracePath(), {{text.data(), static_cast<int64_t>(text.size())}}, why); // else without
  }
  std::string tracePath() const {
    return options.tracePart + "." + std::to_string(part.firsts[processes->process()]);
  }

  Status make(std::string_view bytes) {
    part = {};
    Result<Artefact> artefact =
        loadArtefact(bytes.data(), static_cast<int64_t>(bytes.size()), "the program of process 0");
    if (!artefact)
      return artefact.error();
    Result<PartOfRanks> made = makePart(*processes, std::move(*artefact), options);
    if (!made)
      return made.error();
    part = std::move(*made);
    if (!options.tracePart.empty()) // that of an earlier run would mislead
      std::remove(tracePath().c_str());
    return {};
  }

  // One block for all ranks where they share it, else one each.
  Status set(int64_t command, PacketReader &given) {
    int entry = command == SetInput ? static_cast<int>(given.number()) : 0;
    std::string name = given.text();
    int64_t blocks = given.number();
    std::string_view block;
    for (int64_t rank = 0; rank < part.ranks->ranks(); ++rank) {
      if (rank < blocks)
        block = given.view();
      Instance &instance = part.ranks->rank(rank);
      auto bytes = static_cast<int64_t>(block.size());
      Status status = command == SetInput ? instance.setInput(entry, name, block.data(), bytes)
                                          : instance.setState(name, block.data(), bytes);
      if (!status)
        return status;
    }
    return {};
  }

  Status fetch(int64_t command, PacketReader &given, PacketWriter &answer) {
    int entry = command == FetchState ? 0 : static_cast<int>(given.number());
    std::string name = given.text();
    for (int64_t count = given.number(); count > 0; --count) {
      const Instance &instance =
          std::as_const(*part.ranks).rank(given.number() - part.firsts[processes->process()]);
      Result<TensorView> value = command == FetchInput    ? instance.input(entry, name)
                                 : command == FetchOutput ? instance.output(entry, name)
                                                          : instance.state(name);
      if (!value)
        return value.error();
      answer.data(value->data, value->shape.bytes());
    }
    return {};
  }

  // Piece by piece, as process 0 asks for them.
  Status save() {
    Status failed;
    std::string waiting;
    auto isAsked = [&] {
      Result<std::string> word = processes->receive(0);
      if (!word)
        failed = word.error();
      return word && *word == kMore;
    };
    auto flush = [&] {
      if (!isAsked())
        return false;
      failed = processes->send(0, waiting);
      waiting.clear();
      return failed.ok();
    };
    bool goesOn = true;
    streamState(holdersOf(part), [&](const char *data, int64_t bytes) {
      for (int64_t at = 0; at < bytes && goesOn;) {
        int64_t size = std::min(bytes - at, kPieceBytes - static_cast<int64_t>(waiting.size()));
        waiting.append(data + at, size);
        at += size;
        if (static_cast<int64_t>(waiting.size()) == kPieceBytes)
          goesOn = flush();
      }
      return goesOn;
    });
    while (goesOn && failed)
      goesOn = flush(); // what is left, then nothing, until it says stop
    return failed;
  }

  std::shared_ptr<Processes> processes;
  SpreadOptions options;
  PartOfRanks part;
  std::optional<Error> failed; // what the last command came to, where it failed
  double failedAfter = 0;      // seconds
  int ran = 0;                 // the entry that ran last
  ClockRelation clock;         // as process 0 knows it
};

} // namespace

Result<PartOfRanks> makePart(Processes &processes, Artefact artefact, const SpreadOptions &options) {
  PartOfRanks part;
  part.artefact = std::move(artefact);
  const Mesh &mesh = part.artefact.program->mesh;
  int64_t count = processes.processes(), each = options.ranksPerProcess;
  if (mesh.ranks() != count * each || mesh.ranks() == 1)
    return wrongProcesses(processes, mesh, each);
  for (int64_t process = 0; process <= count; ++process)
    part.firsts.push_back(process * each);
  RanksOptions own = options;
  const Processes::Machine &mine = processes.machines()[processes.process()];
  int64_t sharing = 0, onMachine = 0; // ranks that have the same processors, and the same memory
  for (const Processes::Machine &other : processes.machines()) {
    bool same = other.host == mine.host;
    onMachine += same ? each : 0;
    sharing += same && other.processors == mine.processors ? each : 0;
  }
  if (own.threadsPerRank <= 0)
    own.threadsPerRank = std::max<int>(1, static_cast<int>(processorCount() / sharing));
  if (options.watch)
    options.watch->is("makes its ranks");
  faultAt("make", processes.process());
  RanksPart here;
  here.first = part.firsts[processes.process()];
  here.ends = processes.connect(part.firsts, options.timeoutSeconds);
  here.onMachine = onMachine;
  std::vector<std::shared_ptr<const Program>> classes = {part.artefact.program};
  classes.insert(classes.end(), part.artefact.others.begin(), part.artefact.others.end());
  auto made =
      Ranks::create(std::move(classes), part.artefact.classOf, part.artefact.code, own, std::move(here));
  if (!made)
    return made.error();
  part.ranks = std::move(*made);
  if (options.watch)
    options.watch->show(part.ranks.get());
  return part;
}

std::vector<StateHolder> holdersOf(const PartOfRanks &part) {
  std::vector<StateHolder> holders;
  int64_t first = part.ranks->first();
  for (int64_t rank = 0; rank < part.firsts.back(); ++rank) {
    bool here = rank >= first && rank < first + part.ranks->ranks();
    holders.push_back({part.programOf(rank).get(),
                       here ? std::as_const(*part.ranks).rank(rank - first).stateData() : nullptr, rank});
  }
  return holders;
}

} // namespace spread

int64_t PartOfRanks::processOf(int64_t rank) const {
  return std::upper_bound(firsts.begin(), firsts.end(), rank) - firsts.begin() - 1;
}

Status serveRanks(const std::shared_ptr<Processes> &processes, const SpreadOptions &options) {
  return spread::Server(processes, options).serve();
}

void releaseProcesses(Processes &processes, bool whole) {
  PacketWriter writer;
  writer.number(spread::Leave);
  writer.number(whole);
  std::string packet = writer.take();
  for (int64_t other = 1; other < processes.processes(); ++other)
    if (!processes.send(other, packet))
      return;
  if (!whole)
    processes.abandon({"E754", "processes end together, found that some do not", "", {}, ""});
}

} // namespace cleave::rt
