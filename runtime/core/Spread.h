// What the processes of SpreadRanks.h say to each other. Internal to it.
#ifndef CLEAVE_RUNTIME_CORE_SPREAD_H
#define CLEAVE_RUNTIME_CORE_SPREAD_H

#include "runtime/core/SavedState.h"
#include "runtime/core/SpreadRanks.h"

namespace cleave::rt::spread {

// Of process 0; each but Leave and Settle is answered with a status.
enum Command : int64_t {
  Make, // artefact
  Initialise,
  Prepare,
  Run,
  SetInput,   // entry, name, blocks
  SetState,   // path, blocks
  Unbind,     // entry, number of an input
  FetchInput, // entry, name, ranks: answered with blocks too
  FetchOutput,
  FetchState,
  Save, // then More or Stop
  Load,
  LoadWeights,
  TellTime,   // what is known of this process's clock; answered with its time
  FetchTrace, // entry: answered with what its ranks did when
  Settle,     // after a failure
  Leave,
};

// What a process that streams its state is told.
constexpr char kMore[] = "more", kStop[] = "stop";
constexpr int64_t kPieceBytes = int64_t{4} << 20;

// By all processes at once. An error of one: not all have a part.
Result<PartOfRanks> makePart(Processes &processes, Artefact artefact, const SpreadOptions &options);

// Every rank's states; those of other processes without an address.
std::vector<StateHolder> holdersOf(const PartOfRanks &part);

// Both ends are of one version.
void packLog(PacketWriter &to, const TraceLog &log);
TraceLog unpackLog(PacketReader &from);

} // namespace cleave::rt::spread

#endif
