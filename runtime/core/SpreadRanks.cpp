#include "runtime/core/SpreadRanks.h"

#include "runtime/core/Blocks.h"
#include "runtime/core/Ports.h"
#include "runtime/core/Spread.h"
#include "runtime/core/Text.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>

namespace cleave::rt {

using namespace spread;

namespace {

constexpr double kGraceSeconds = 2; // for the others' answers after a wait here was too long
constexpr size_t kMostNotes = 8;
constexpr char kCollective[] = "E716"; // what others' failures are for a rank

} // namespace

Result<std::unique_ptr<SpreadRanks>> SpreadRanks::create(std::shared_ptr<Processes> processes,
                                                         Artefact artefact, const std::string &bytes,
                                                         const SpreadOptions &options) {
  std::unique_ptr<SpreadRanks> made(new SpreadRanks());
  made->processes = std::move(processes);
  made->watch = options.watch;
  made->timeoutSeconds = options.timeoutSeconds;
  Status status = made->onAll(
      Make, [&](PacketWriter &to, int64_t) { to.text(bytes); },
      [&]() -> Status {
        Result<PartOfRanks> part = makePart(*made->processes, std::move(artefact), options);
        if (!part)
          return part.error();
        made->part = std::move(*part);
        return {};
      });
  if (status && options.trace)
    status = made->readClocks(&ClockRelation::first);
  if (!status)
    return status.error();
  return made;
}

//===-- All processes at once ---------------------------------------------===//

Status SpreadRanks::onAll(int64_t command, const Packet &arguments,
                          const std::function<Status()> &here) const {
  if (over)
    return *over;
  for (int64_t other = 1; other < processes->processes(); ++other) {
    PacketWriter writer;
    writer.number(command);
    if (arguments)
      arguments(writer, other);
    if (Status status = processes->send(other, writer.take(), timeoutSeconds); !status)
      return end(status.error());
  }
  auto start = std::chrono::steady_clock::now();
  std::vector<Status> ended = {here()};
  bool isOver = part.ranks && part.ranks->isStuck();
  // Who has not come to an end here has not for others either: what is left of the time-out is theirs.
  std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  double timeout = ended[0].ok() || timeoutSeconds <= 0
                       ? timeoutSeconds
                       : std::max(kGraceSeconds, timeoutSeconds - taken.count());
  for (int64_t other = 1; other < processes->processes(); ++other) {
    Result<std::string> answer = processes->receive(other, timeout);
    if (!answer) {
      isOver = true;
      Error error = answer.error();
      if (!ended[0] && error.code != "E754")
        break; // what the ranks here have met with says it better
      if (!processes->isAbandoned() || error.code == "E754")
        error.notes.push_back("no answer of rank " +
                              std::to_string(part.firsts.empty() ? other : part.firsts[other]));
      if (watch && !watch->isOver())
        for (const std::string &place : watch->ask(other))
          error.notes.push_back(place);
      ended.push_back(error);
      break; // nothing can be received any more
    }
    PacketReader reader(*answer);
    ended.push_back(reader.status());
    isOver |= reader.number() != 0;
  }
  if (std::all_of(ended.begin(), ended.end(), [](const Status &status) { return status.ok(); }))
    return {};
  Error error = failureOf(ended);
  if (!isOver)
    isOver = !letGo();
  if (isOver)
    return end(error);
  return error;
}

// Nothing can be run any more, and all processes know it.
Error SpreadRanks::end(Error why) const {
  if (part.ranks && why.code == "E738") // no collective has met with it, which would tell
    for (const std::string &place : part.ranks->whereabouts())
      why.notes.push_back(place);
  over = why;
  if (watch) {
    watch->fail(why);
    watch->speakOrEnd(); // whoever has called says it
  }
  return why;
}

SpreadRanks::~SpreadRanks() {
  if (watch)
    watch->show(nullptr);
}

// After a failure: what was started is let go of everywhere.
bool SpreadRanks::letGo() const {
  PacketWriter writer;
  writer.number(Settle);
  std::string packet = writer.take();
  for (int64_t other = 1; other < processes->processes(); ++other)
    if (!processes->send(other, packet))
      return false;
  return processes->settle().ok();
}

// One error for all: of the first process whose ranks failed by themselves, with what others say of theirs.
Error SpreadRanks::failureOf(const std::vector<Status> &ended) const {
  // What a rank does by itself, what collectives meet with for it, and that there is no answer for all that.
  auto weight = [](const Error &of) {
    return of.code == kCollective ? 1 : of.code == "E738" || of.code == "E754" ? 0 : 2;
  };
  const Error *told = nullptr;
  bool isAll = true;
  for (const Status &status : ended) {
    isAll &= !status.ok();
    if (!status && (!told || weight(status.error()) > weight(*told)))
      told = &status.error();
  }
  Error error = *told;
  // What all ranks say alike is no matter of ranks.
  isAll &= error.code != kCollective && ended.size() == static_cast<size_t>(processes->processes());
  for (const Status &status : ended)
    isAll = isAll && status.error().code == error.code && status.error().message == error.message;
  if (isAll) {
    auto ofRank = [](const std::string &note) { return note.rfind("on rank ", 0) == 0; };
    error.notes.erase(std::find_if(error.notes.begin(), error.notes.end(), ofRank), error.notes.end());
    return error;
  }
  for (const Status &status : ended) {
    if (status || &status.error() == told)
      continue;
    const Error &other = status.error();
    if (weight(other) == 2 && other.message != error.message)
      error.notes.push_back(other.code + ": " + other.message);
    for (const std::string &note : other.notes)
      if (note.rfind("rank ", 0) == 0 && error.notes.size() < kMostNotes &&
          std::find(error.notes.begin(), error.notes.end(), note) == error.notes.end())
        error.notes.push_back(note);
  }
  return error;
}

Status SpreadRanks::initialise(int64_t seed) {
  return onAll(
      Initialise, [&](PacketWriter &to, int64_t) { to.number(seed); },
      [&] { return part.ranks->initialise(seed); });
}

Status SpreadRanks::prepare(int entry) {
  return onAll(
      Prepare, [&](PacketWriter &to, int64_t) { to.number(entry); },
      [&] { return part.ranks->prepare(entry); });
}

Status SpreadRanks::run(int entry) {
  const Entry &ports = program().entries[entry];
  for (const auto &[port, data] : boundInputs) {
    if (port.first != entry)
      continue;
    if (Status status = giveInput(entry, ports.inputs[port.second].name, data); !status)
      return status;
  }
  Status status = onAll(
      Run, [&](PacketWriter &to, int64_t) { to.number(entry); }, [&] { return part.ranks->run(entry); });
  for (const auto &[port, data] : boundOutputs) {
    if (!status || port.first != entry)
      continue;
    Result<TensorView> value = output(entry, ports.outputs[port.second].name);
    if (!value)
      return value.error();
    std::memcpy(data, value->data, value->shape.bytes());
  }
  return status;
}

Status SpreadRanks::load(const std::string &path) {
  return onAll(
      Load, [&](PacketWriter &to, int64_t) { to.text(path); }, [&] { return part.ranks->load(path); });
}

Status SpreadRanks::loadWeights(const std::string &path, const std::string &name) {
  return onAll(
      LoadWeights,
      [&](PacketWriter &to, int64_t) {
        to.text(path);
        to.text(name);
      },
      [&] { return part.ranks->loadWeights(path, name); });
}

//===-- Values that are cut, and put together -----------------------------===//

// Gives every rank its block of a value of the whole; `what` says which value.
Status SpreadRanks::cutAndSend(int64_t command, const Packet &what, const Value &value,
                               const void *data) const {
  const Mesh &mesh = program().mesh;
  auto blockOf = [&](int64_t rank) {
    LocalShape local = value(*part.programOf(rank));
    std::string block(local.shape.bytes(), '\0');
    copyToBlock(local.split.global, blocksOf(mesh, local.shape, local.split, rank), data, block.data());
    return block;
  };
  LocalShape first = value(*part.programOf(0));
  bool isCut = !first.split.dims.empty();
  return onAll(
      command,
      [&](PacketWriter &to, int64_t process) {
        what(to, process);
        int64_t begin = part.firsts[process], end = isCut ? part.firsts[process + 1] : begin + 1;
        to.number(end - begin);
        for (int64_t rank = begin; rank < end; ++rank)
          isCut ? to.text(blockOf(rank)) : to.data(data, first.shape.bytes());
      },
      [&]() -> Status {
        PacketWriter mine;
        what(mine, 0);
        std::string packet = mine.take();
        for (int64_t here = 0; here < part.ranks->ranks(); ++here) {
          std::string block = isCut ? blockOf(part.firsts[0] + here)
                                    : std::string(static_cast<const char *>(data), first.shape.bytes());
          PacketReader reader(packet);
          int entry = command == SetInput ? static_cast<int>(reader.number()) : 0;
          std::string name = reader.text();
          auto bytes = static_cast<int64_t>(block.size());
          Instance &instance = part.ranks->rank(here);
          Status status = command == SetInput ? instance.setInput(entry, name, block.data(), bytes)
                                              : instance.setState(name, block.data(), bytes);
          if (!status)
            return status;
        }
        return {};
      });
}

Status SpreadRanks::giveInput(int entry, const std::string &input, const void *data) {
  return cutAndSend(
      SetInput,
      [&](PacketWriter &to, int64_t) {
        to.number(entry);
        to.text(input);
      },
      [&](const Program &of) {
        const Port &port = of.entries[entry].inputs[*findInput(entry, input)];
        return LocalShape{port.shape, port.split};
      },
      data);
}

Status SpreadRanks::setInput(int entry, const std::string &input, const void *data, int64_t bytes) {
  Result<int> at = findInput(entry, input);
  if (!at)
    return at.error();
  const Shape &shape = program().entries[entry].inputs[*at].shape;
  if (shape.bytes() != bytes)
    return wrongSize("input", input, shape, bytes);
  boundInputs.erase({entry, *at});
  return giveInput(entry, input, data);
}

Status SpreadRanks::bindInput(int entry, const std::string &input, void *data, int64_t bytes) {
  Status status = setInput(entry, input, data, bytes); // it has a value from now on
  if (status)
    boundInputs[{entry, *findInput(entry, input)}] = data;
  return status;
}

Status SpreadRanks::bindOutput(int entry, const std::string &output, void *data, int64_t bytes) {
  Result<int> at = findOutput(entry, output);
  if (!at)
    return at.error();
  const Shape &shape = program().entries[entry].outputs[*at].shape;
  if (shape.bytes() != bytes)
    return wrongSize("output", output, shape, bytes);
  boundOutputs[{entry, *at}] = data;
  return {};
}

Status SpreadRanks::unbindInput(int entry, int input) {
  boundInputs.erase({entry, input});
  return onAll(
      Unbind,
      [&](PacketWriter &to, int64_t) {
        to.number(entry);
        to.number(input);
      },
      [&] { return part.ranks->unbindInput(entry, input); });
}

Status SpreadRanks::unbindOutput(int entry, int output) {
  boundOutputs.erase({entry, output});
  return {};
}

Status SpreadRanks::setState(const std::string &path, const void *data, int64_t bytes) {
  Result<TensorView> one = std::as_const(*part.ranks).rank(0).state(path);
  if (!one)
    return one.error();
  Value value = [&](const Program &of) { return *localShapeOf(of, path); };
  LocalShape first = value(*part.programOf(0));
  const Shape &shape = wholeOf(first.shape, first.split);
  if (shape.bytes() != bytes)
    return wrongSize("state", path, shape, bytes);
  return cutAndSend(SetState, [&](PacketWriter &to, int64_t) { to.text(path); }, value, data);
}

// The first rank of each distinct block, by process.
std::vector<std::vector<int64_t>> SpreadRanks::holdersOfBlocks(const Value &value) const {
  std::vector<std::vector<int64_t>> holders(processes->processes());
  std::set<std::vector<int64_t>> seen;
  for (int64_t rank = 0; rank < part.firsts.back(); ++rank) {
    LocalShape local = value(*part.programOf(rank));
    std::vector<int64_t> begins;
    for (const Block &block : blocksOf(program().mesh, local.shape, local.split, rank))
      begins.push_back(block.begin);
    if (seen.insert(begins).second)
      holders[part.processOf(rank)].push_back(rank);
  }
  return holders;
}

Result<TensorView> SpreadRanks::gather(int64_t command, const std::string &key, const Packet &what,
                                       const Value &value, const Local &valueOf) const {
  if (over)
    return *over;
  LocalShape first = value(*part.programOf(0));
  Result<TensorView> own = valueOf(std::as_const(*part.ranks).rank(0));
  if (!own || first.split.dims.empty())
    return own;
  Memory &memory = gathered[key];
  const Shape &shape = first.split.global;
  if (!memory.data())
    memory = Memory(shape.bytes());
  if (!memory.data())
    return Error{"E702",
                 "memory must be had for '" + key + "', found none left for " + bytesText(shape.bytes()),
                 "",
                 {},
                 ""};
  auto put = [&](int64_t rank, const void *data) {
    LocalShape local = value(*part.programOf(rank));
    copyFromBlock(shape, blocksOf(program().mesh, local.shape, local.split, rank), data, memory.data());
  };
  std::vector<std::vector<int64_t>> holders = holdersOfBlocks(value);
  for (int64_t rank : holders[0]) {
    Result<TensorView> mine = valueOf(std::as_const(*part.ranks).rank(rank - part.firsts[0]));
    if (!mine)
      return mine.error();
    put(rank, mine->data);
  }
  for (int64_t other = 1; other < processes->processes(); ++other) {
    if (holders[other].empty())
      continue;
    PacketWriter writer;
    writer.number(command);
    what(writer, other);
    writer.number(static_cast<int64_t>(holders[other].size()));
    for (int64_t rank : holders[other])
      writer.number(rank);
    Status status = processes->send(other, writer.take());
    Result<std::string> answer = status ? processes->receive(other) : status.error();
    if (!answer)
      return end(answer.error());
    PacketReader reader(*answer);
    if (Status theirs = reader.status(); !theirs)
      return theirs.error();
    reader.number();
    std::string_view body = reader.view();
    PacketReader blocks(body);
    for (int64_t rank : holders[other])
      put(rank, blocks.view().data());
  }
  return TensorView{shape, memory.data()};
}

Result<TensorView> SpreadRanks::port(bool isInput, int entry, const std::string &name) const {
  Result<int> at = isInput ? findInput(entry, name) : findOutput(entry, name);
  if (!at)
    return at.error();
  return gather(
      isInput ? FetchInput : FetchOutput,
      (isInput ? "input " : "output ") + std::to_string(entry) + " " + name,
      [&](PacketWriter &to, int64_t) {
        to.number(entry);
        to.text(name);
      },
      [&](const Program &of) {
        const Port &port = (isInput ? of.entries[entry].inputs : of.entries[entry].outputs)[*at];
        return LocalShape{port.shape, port.split};
      },
      [&](const Instance &of) { return isInput ? of.input(entry, name) : of.output(entry, name); });
}

Result<TensorView> SpreadRanks::output(int entry, const std::string &name) const {
  return port(/*isInput=*/false, entry, name);
}

Result<TensorView> SpreadRanks::input(int entry, const std::string &name) const {
  return port(/*isInput=*/true, entry, name);
}

Result<TensorView> SpreadRanks::state(const std::string &path) const {
  Result<TensorView> one = std::as_const(*part.ranks).rank(0).state(path);
  if (!one)
    return one;
  return gather(
      FetchState, "state " + path, [&](PacketWriter &to, int64_t) { to.text(path); },
      [&](const Program &of) { return *localShapeOf(of, path); },
      [&](const Instance &of) { return of.state(path); });
}

//===-- Saved state -------------------------------------------------------===//

namespace {

// What another process sends of its ranks' states, piece by piece.
struct Stream {
  std::string piece;
  size_t at = 0;
};

} // namespace

Status SpreadRanks::save(const std::string &path) const {
  std::vector<Stream> streams(processes->processes());
  Status failed;
  auto pull = [&](int64_t rank, int64_t bytes, PieceWriter &writer) {
    int64_t from = part.processOf(rank);
    Stream &stream = streams[from];
    while (bytes > 0) {
      if (stream.at == stream.piece.size()) {
        failed = processes->send(from, kMore);
        Result<std::string> piece = failed ? processes->receive(from) : failed.error();
        if (!piece)
          failed = piece.error();
        if (!failed)
          return false;
        stream = {std::move(*piece), 0};
      }
      auto size = std::min<int64_t>(bytes, static_cast<int64_t>(stream.piece.size() - stream.at));
      if (size == 0 || !writer.write(stream.piece.data() + stream.at, size))
        return false;
      stream.at += size;
      bytes -= size;
    }
    return true;
  };
  return onAll(Save, {}, [&]() -> Status {
    Status status = saveState(path, holdersOf(part), pull);
    for (int64_t other = 1; other < processes->processes() && failed; ++other)
      failed = processes->send(other, kStop);
    return failed ? status : failed;
  });
}

} // namespace cleave::rt
