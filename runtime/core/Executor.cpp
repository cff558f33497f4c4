#include "runtime/core/Executor.h"

#include "runtime/comm/Communicator.h"
#include "runtime/core/VerifyCollectives.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <ctime>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace cleave::rt {

namespace {
int64_t threadNanoseconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// How often this thread has waited for something, and not for a processor.
int64_t timesBlocked() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}
} // namespace

Executor::Executor(const Program &program, const Entry &entry, Bases bases) : program(program), entry(entry) {
  size_t count = 0;
  for (const Instruction &instruction : entry.instructions)
    count += instruction.operands.size();
  pointers.reserve(count); // steps point into it
  std::vector<uint32_t> openLoops;
  size_t deepest = 0;
  for (const Instruction &instruction : entry.instructions) {
    if (instruction.op == Opcode::LoopEnd)
      openLoops.pop_back();
    addStep(instruction, openLoops.size(), openLoops);
    if (instruction.op == Opcode::LoopBegin)
      openLoops.push_back(steps.size() - 1);
    deepest = std::max(deepest, openLoops.size());
    for (const Operand &operand : instruction.operands) {
      const Address &address = operand.address;
      char *base = address.region == Region::State      ? bases.state
                   : address.region == Region::Scratch  ? bases.scratch
                   : address.region == Region::Constant ? bases.constants
                                                        : nullptr;
      if (address.region == Region::Input || address.region == Region::Output)
        bindings.push_back(
            {address.region, address.slot, static_cast<uint32_t>(pointers.size()), address.offset});
      pointers.push_back(base ? base + address.offset : nullptr);
    }
  }
  iterations.resize(deepest);
  loopAt.resize(deepest);
  collectMoves();
}

Executor::~Executor() = default;

Status Executor::connect(Communicator &communicator) {
  for (size_t i = 0; i < steps.size(); ++i) {
    const Instruction &instruction = entry.instructions[i];
    Step &step = steps[i];
    if (step.op != Opcode::Collective && step.op != Opcode::Start && step.op != Opcode::Wait)
      continue;
    const Collective &collective = program.collectives[instruction.target];
    step.sends = operandsRead(collective.kind) > 0;
    step.receives = operandsOf(collective.kind) > operandsRead(collective.kind);
    if (step.op != Opcode::Collective)
      started.resize(std::max(started.size(), static_cast<size_t>(instruction.count) + 1));
    if (step.op == Opcode::Wait)
      continue;
    Result<std::unique_ptr<Operation>> made = communicator.prepare(
        program.mesh, collective, instruction.operands.front().shape, instruction.operands.back().shape);
    if (!made)
      return made.error();
    operations.push_back(std::move(*made));
    step.operation = operations.back().get();
  }
  begun.resize(started.size());
  placeBlocks(communicator.rank());
  return {};
}

// Blocks of what ranks share lie where this rank's does.
void Executor::placeBlocks(int64_t rank) {
  size_t number = 0;
  auto binding = bindings.begin();
  for (const Instruction &instruction : entry.instructions)
    for (const Operand &operand : instruction.operands) {
      const Address &address = operand.address;
      int64_t bytes = memberOf(program.mesh, address.over, rank) * address.memberBytes;
      bool isPort = binding != bindings.end() && binding->pointer == number;
      if (isPort)
        (binding++)->offset += bytes;
      else if (void *&pointer = pointers[number])
        pointer = static_cast<char *>(pointer) + bytes;
      ++number;
    }
}

Status Executor::endOpen(const Step &step) {
  Operation *open = started[step.count];
  if (!open)
    return {};
  Status status = open->wait();
  endedAt = open->doneAt();
  return status;
}

Status Executor::communicate(const Step &step) {
  const void *in = step.sends ? step.arguments[0] : nullptr;
  void *out = step.receives ? step.arguments[step.operands - 1] : nullptr;
  switch (step.op) {
  case Opcode::Start:
    if (step.ahead && inLastTurn(step))
      return {};
    if (Status status = endOpen(step); !status)
      return status;
    started[step.count] = step.operation;
    return traced ? startTraced(step, in, out) : step.operation->start(in, out);
  case Opcode::Wait: // of the last Start: before a loop, say, or at the end of its last iteration
    return endOpen(step);
  default:
    return step.operation->run(in, out);
  }
}

// That a rank was put off while it began is not the message's fault: then its processor's time counts. Had it
// to wait, all of it does.
Status Executor::startTraced(const Step &step, const void *in, void *out) {
  int64_t waits = timesBlocked(), worked = threadNanoseconds(), begin = steadyNanoseconds();
  Status status = step.operation->start(in, out);
  worked = threadNanoseconds() - worked;
  ended = std::exchange(begun[step.count],
                        {begin, timesBlocked() == waits ? worked : steadyNanoseconds() - begin});
  return status;
}

Status Executor::inject(const Fault &wanted, Communicator &communicator) {
  fault = wanted;
  auto isOne = [&](const Instruction &it) {
    if (wanted.kind != FaultKind::Mismatch)
      return true;
    if (it.op != Opcode::Collective && it.op != Opcode::Start)
      return false;
    CollectiveKind kind = program.collectives[it.target].kind;
    return communicates(kind) && kind != CollectiveKind::Send && kind != CollectiveKind::Recv;
  };
  while (fault->instruction < steps.size() && !isOne(entry.instructions[fault->instruction]))
    ++fault->instruction;
  if (fault->instruction >= steps.size()) {
    fault.reset();
    return Error{"E736",
                 std::string("a fault on demand must be at an instruction") +
                     (wanted.kind == FaultKind::Mismatch ? " with a collective behind it" : "") + ", found " +
                     std::to_string(wanted.instruction) + " where entry '" + entry.name + "' has " +
                     std::to_string(steps.size()),
                 "",
                 {},
                 "cleave ir --stage exec numbers them"};
  }
  if (wanted.kind != FaultKind::Mismatch)
    return {};
  // No program has this one: so small a tensor is not worth a collective of bytes.
  Collective other;
  other.over = program.collectives[entry.instructions[fault->instruction].target].over;
  other.reduction = Reduction::Min;
  other.name = "fault on demand";
  Shape shape = {Type::U8, {sizeof(otherThanData)}, {"N"}};
  Result<std::unique_ptr<Operation>> made = communicator.prepare(program.mesh, other, shape, shape);
  if (!made)
    return made.error();
  otherThan = std::move(*made);
  return {};
}

// What was asked for, happening. Whether the run goes on.
bool Executor::strike() {
  Fault it = *fault;
  fault.reset();
  switch (it.kind) {
  case FaultKind::Kill:
    raise(SIGKILL);
    break;
  case FaultKind::Stall:
    while (true)
      pause();
  case FaultKind::Fail:
    failed = Error{"E737", "a rank must go on, found a fault on demand", "", {}, "CLEAVE_FAULT asks for it"};
    return false;
  case FaultKind::Mismatch:
    if (Status status = otherThan->run(otherThanData, otherThanData); !status) {
      failed = status.error();
      return false;
    }
  }
  return true;
}

// A message is logged where it ends: by a wait, or by the next start of the same, and is under way since its
// start.
void Executor::traceCollective(uint32_t at, int64_t begin) {
  const Step &step = steps[at];
  TraceEvent event = {at, 0, begin, steadyNanoseconds()};
  bool starts = step.op == Opcode::Start && !(step.ahead && inLastTurn(step));
  Begun since = {begin, 0};
  int64_t there = 0;
  if (step.op == Opcode::Collective) {
    there = step.operation->doneAt();
  } else {
    since = starts ? ended : begun[step.count];
    there = endedAt;
    if (step.op == Opcode::Wait)
      begun[step.count] = {};
  }
  bool ends = step.op != Opcode::Start || starts;
  if (ends && since.at != 0 && communicates(program.collectives[entry.instructions[at].target].kind)) {
    event.sent = since.at;
    event.received = there > 0 ? std::clamp(there, since.at, event.end) : event.end;
    event.starting = since.work;
  }
  traced->add(event);
}

// Whether it went well.
template <Executor::Mode mode> bool Executor::collective(uint32_t at) {
  std::chrono::steady_clock::time_point start;
  if (mode == Mode::Profiled)
    start = std::chrono::steady_clock::now();
  int64_t begin = mode == Mode::Traced ? steadyNanoseconds() : 0;
  Status status = communicate(steps[at]);
  if (!status) {
    failed = status.error();
    if (mode == Mode::Traced)
      traced->add({at, 0, begin, steadyNanoseconds()}); // what a rank waited for in vain
    return false;
  }
  if (mode == Mode::Traced)
    traceCollective(at, begin);
  if (mode == Mode::Profiled) {
    int64_t spent = std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count();
    InstructionProfile &mine = measured->instructions[at];
    mine.times += 1;
    mine.nanoseconds += spent;
    mine.busy += spent;
    if (measured->runs < 2)
      recordTraffic(at);
  }
  return true;
}

void Executor::addStep(const Instruction &instruction, uint32_t depth,
                       const std::vector<uint32_t> &openLoops) {
  Step step = {};
  step.op = instruction.op;
  step.reverse = instruction.reverse;
  step.ahead = instruction.ahead;
  step.target = instruction.op == Opcode::LeaveUnless ? openLoops.back() : instruction.target;
  step.depth = depth;
  step.arguments = pointers.data() + pointers.size();
  step.operands = instruction.operands.size();
  step.count = instruction.count;
  if (instruction.op == Opcode::Launch) {
    const Kernel &kernel = program.kernels[instruction.target];
    step.kernel = instruction.target;
    step.function = kernel.function;
    step.rows = kernel.rows;
    step.grain = kernel.grain;
  }
  steps.push_back(step);
}

// For each loop, the operands inside it whose address its counter moves.
void Executor::collectMoves() {
  for (size_t begin = 0; begin < steps.size(); ++begin) {
    Step &loop = steps[begin];
    if (loop.op != Opcode::LoopBegin)
      continue;
    loop.movesBegin = moves.size();
    loop.turnsBegin = turns.size();
    for (size_t i = begin + 1; i < loop.target; ++i) {
      const std::vector<Operand> &operands = entry.instructions[i].operands;
      uint32_t first = steps[i].arguments - pointers.data();
      for (size_t k = 0; k < operands.size(); ++k)
        for (const Stride &stride : operands[k].address.strides) {
          if (stride.depth != loop.depth || stride.bytes == 0)
            continue;
          auto pointer = static_cast<uint32_t>(first + k);
          if (stride.turns > 0)
            turns.push_back({pointer, stride.bytes, stride.turns});
          else
            moves.push_back({pointer, stride.bytes});
        }
    }
    loop.movesEnd = moves.size();
    loop.turnsEnd = turns.size();
  }
}

void Executor::bind(Region region, uint32_t slot, void *data) {
  for (const Binding &binding : bindings)
    if (binding.region == region && binding.slot == slot)
      pointers[binding.pointer] = static_cast<char *>(data) + binding.offset;
}

void Executor::movePointers(const Step &loop, int64_t from, int64_t to) {
  auto move = [&](uint32_t number, int64_t bytes) {
    void *&pointer = pointers[number];
    pointer = static_cast<char *>(pointer) + bytes;
  };
  for (uint32_t i = loop.movesBegin; i < loop.movesEnd; ++i)
    move(moves[i].pointer, moves[i].bytes * (to - from));
  for (uint32_t i = loop.turnsBegin; i < loop.turnsEnd; ++i)
    move(turns[i].pointer, turns[i].bytes * (to % turns[i].turns - from % turns[i].turns));
}

int64_t Executor::counterOf(const Step &loop) const {
  int64_t iteration = iterations[loop.depth];
  return loop.reverse ? loop.count - 1 - iteration : iteration;
}

// Leaves a loop: its operands point to where counter 0 has them again.
void Executor::rewind(const Step &loop) { movePointers(loop, counterOf(loop), 0); }

bool Executor::inLastTurn(const Step &step) const {
  return iterations[step.depth - 1] + 1 == steps[loopAt[step.depth - 1]].count;
}

namespace {

bool isFinite(const Operand &operand, const void *scalar) {
  return std::isfinite(elementAsDouble(operand.shape.type, scalar, 0));
}

int64_t nanosecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count();
}

bool isTrue(const void *scalar) { return *static_cast<const uint8_t *>(scalar) != 0; }

} // namespace

void Executor::enableProfile(const Roofline &roofline) {
  measured = std::make_unique<Profile>();
  measured->roofline = roofline;
  measured->instructions.resize(steps.size());
  reuse = std::make_unique<ReuseDistance>(measured->roofline);
}

// Runs are alike: the second, whose operands lie where a run leaves them, tells about all.
void Executor::recordTraffic(uint32_t at) {
  const Instruction &instruction = entry.instructions[at];
  size_t outputs = instruction.op == Opcode::Launch ? instruction.outputs : 1;
  InstructionProfile &mine = measured->instructions[at];
  mine.read.resize(measured->roofline.levels.size());
  mine.written.resize(measured->roofline.levels.size());
  if (mine.read.empty())
    return;
  for (size_t i = 0; i < instruction.operands.size(); ++i) {
    int64_t bytes = instruction.operands[i].shape.bytes();
    size_t level = reuse->touch(steps[at].arguments[i], bytes);
    (i + outputs < instruction.operands.size() ? mine.read : mine.written)[level] += bytes;
  }
}

void Executor::copy(uint32_t at) const {
  void **operands = steps[at].arguments;
  __builtin_memmove(operands[1], operands[0], entry.instructions[at].operands[1].shape.bytes());
}

// A launch or a copy.
template <Executor::Mode mode> void Executor::launch(ThreadPool &pool, uint32_t at) {
  const Step &step = steps[at];
  bool launches = step.op == Opcode::Launch;
  if (mode == Mode::Traced) {
    TraceEvent event = {at, 0, steadyNanoseconds()};
    launches ? pool.run(step.function, step.arguments, step.rows, step.grain) : copy(at);
    event.end = steadyNanoseconds();
    traced->add(event);
    return;
  }
  if (mode != Mode::Profiled) {
    launches ? pool.run(step.function, step.arguments, step.rows, step.grain) : copy(at);
    return;
  }
  auto start = std::chrono::steady_clock::now();
  int64_t busy = 0;
  if (launches)
    busy = pool.runTimed(step.function, step.arguments, step.rows, step.grain);
  else
    copy(at);
  int64_t spent = nanosecondsSince(start);
  InstructionProfile &mine = measured->instructions[at];
  mine.times += 1;
  mine.nanoseconds += spent;
  mine.busy += launches ? busy : spent;
  if (measured->runs < 2) {
    recordTraffic(at);
    measured->nanoseconds -= nanosecondsSince(start) - spent; // no part of the run
  }
}

// Where to go on behind a jump, a loop's begin or end.
uint32_t Executor::follow(const Step &step, uint32_t at) {
  switch (step.op) {
  case Opcode::LoopBegin:
    if (step.count == 0)
      return step.target + 1;
    iterations[step.depth] = 0;
    loopAt[step.depth] = at;
    movePointers(step, 0, counterOf(step));
    return at + 1;
  case Opcode::LoopEnd: {
    const Step &loop = steps[step.target];
    if (iterations[loop.depth] + 1 == loop.count) {
      rewind(loop);
      return at + 1;
    }
    int64_t before = counterOf(loop);
    ++iterations[loop.depth];
    movePointers(loop, before, counterOf(loop));
    return step.target + 1;
  }
  case Opcode::Branch:
    return isTrue(step.arguments[0]) ? at + 1 : step.target;
  case Opcode::LeaveUnless:
    if (isTrue(step.arguments[0]))
      return at + 1;
    rewind(steps[step.target]);
    return steps[step.target].target + 1;
  default:
    return step.target; // Jump
  }
}

template <Executor::Mode mode>
Executor::End Executor::runSteps(ThreadPool &pool, const Hooks &hooks, CheckReport *report,
                                 const Instruction *until) {
  const Instruction *instructions = entry.instructions.data();
  for (uint32_t at = 0; at < steps.size();) {
    const Step &step = steps[at];
    uint32_t next = at + 1;
    now.store(at, std::memory_order_relaxed);
    if (mode == Mode::Faulty && fault && fault->instruction == at && !strike())
      return {Outcome::Failed, instructions + at};
    switch (step.op) {
    case Opcode::Launch:
      launch<mode>(pool, at);
      if (mode == Mode::Checked)
        check(step, instructions[at], *report);
      break;
    case Opcode::Copy:
      launch<mode>(pool, at);
      break;
    case Opcode::LoopBegin:
    case Opcode::LoopEnd:
    case Opcode::Branch:
    case Opcode::Jump:
    case Opcode::LeaveUnless:
      next = follow(step, at);
      break;
    case Opcode::Counter:
      *static_cast<int64_t *>(step.arguments[0]) = counterOf(steps[loopAt[step.depth - 1]]);
      break;
    case Opcode::Print:
      if (mode != Mode::Checked && hooks.print)
        hooks.print(instructions[at], step.arguments);
      break;
    case Opcode::Assert:
      if (mode != Mode::Checked && !isTrue(step.arguments[0]))
        return {Outcome::AssertFailed, instructions + at};
      break;
    case Opcode::Guard:
      if (!isFinite(instructions[at].operands[0], step.arguments[0]) && !hooks.allowNonFinite &&
          (mode != Mode::Checked || instructions + at == until))
        return {Outcome::NotFinite, instructions + at};
      break;
    case Opcode::Collective:
    case Opcode::Start:
    case Opcode::Wait:
      if (!collective<mode>(at))
        return {Outcome::Failed, instructions + at};
      break;
    }
    at = next;
  }
  return {};
}

Executor::End Executor::run(ThreadPool &pool, const Hooks &hooks) {
  if (measured && measured->runs == 1)
    for (InstructionProfile &instruction : measured->instructions)
      instruction.read = instruction.written = {};
  End end = fault      ? runSteps<Mode::Faulty>(pool, hooks, nullptr, nullptr)
            : measured ? runSteps<Mode::Profiled>(pool, hooks, nullptr, nullptr)
            : traced   ? runSteps<Mode::Traced>(pool, hooks, nullptr, nullptr)
                       : runSteps<Mode::Plain>(pool, hooks, nullptr, nullptr);
  fault.reset();
  if (traced)
    ++traced->run;
  if (measured)
    ++measured->runs;
  if (end.outcome == Outcome::NotFinite)
    endCollectives();
  restore(end);
  return end;
}

// A guard stops all ranks at one place, with what they have started there.
void Executor::endCollectives() {
  for (std::unique_ptr<Operation> &operation : operations)
    if (!operation->wait())
      return; // another rank has failed, and says so
}

// A run that stopped inside loops leaves pointers moved on.
void Executor::restore(const End &end) {
  if (!end.instruction)
    return;
  for (uint32_t depth = steps[end.instruction - entry.instructions.data()].depth; depth-- > 0;)
    rewind(steps[loopAt[depth]]);
}

CheckReport Executor::runChecked(ThreadPool &pool, const Instruction *until) {
  CheckReport report;
  restore(runSteps<Mode::Checked>(pool, Hooks(), &report, until));
  endCollectives();
  return report;
}

void Executor::check(const Step &step, const Instruction &instruction, CheckReport &report) const {
  auto describe = [&](size_t operand, int64_t element) {
    NonFinite found;
    found.instruction = &instruction;
    found.operand = &instruction.operands[operand];
    found.kernel = program.kernels[step.kernel].name;
    double value = elementAsDouble(found.operand->shape.type, step.arguments[operand], element);
    found.value = std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    found.element = element;
    for (uint32_t depth = 0; depth < step.depth; ++depth)
      found.counters.push_back(counterOf(steps[loopAt[depth]]));
    return found;
  };
  for (size_t i = step.operands - instruction.outputs; i < step.operands; ++i) {
    const Shape &shape = instruction.operands[i].shape;
    if (!isFloat(shape.type))
      continue;
    int64_t elements = shape.elements();
    if (!report.first) {
      int64_t at = findNonFinite(shape.type, step.arguments[i], elements, Wanted::NanOrPositive);
      if (at >= 0)
        report.first = describe(i, at);
    }
    if (!report.firstNegative) {
      int64_t at = findNonFinite(shape.type, step.arguments[i], elements, Wanted::Negative);
      if (at >= 0)
        report.firstNegative = describe(i, at);
    }
  }
}

} // namespace cleave::rt
