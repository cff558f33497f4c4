// What ranks of all processes did when, on the timeline of process 0.
#include "runtime/core/Spread.h"

namespace cleave::rt {

using namespace spread;

namespace {

constexpr int kQuestions = 32; // of which the quickest answer counts

} // namespace

Result<std::string> SpreadRanks::ask(int64_t other, const std::string &packet) const {
  Status status = processes->send(other, packet, timeoutSeconds);
  Result<std::string> answer = status ? processes->receive(other, timeoutSeconds) : status.error();
  if (!answer)
    return end(answer.error());
  PacketReader reader(*answer);
  if (Status theirs = reader.status(); !theirs)
    return theirs.error();
  reader.number();
  return reader.text();
}

// The last question tells the other process what is known.
Result<ClockReading> SpreadRanks::readClock(int64_t other) const {
  ClockReading best = {0, 0, INT64_MAX};
  std::string own = steadyClockName();
  for (int question = 0; question <= kQuestions; ++question) {
    PacketWriter writer;
    for (int64_t number : {int64_t{TellTime}, best.at, best.ahead, question > 0 ? best.within : 0})
      writer.number(number);
    std::string packet = writer.take();
    int64_t asked = steadyNanoseconds();
    Result<std::string> answer = ask(other, packet);
    int64_t heard = steadyNanoseconds();
    if (!answer)
      return answer.error();
    PacketReader reader(*answer);
    int64_t answered = reader.number();
    if (!own.empty() && reader.text() == own)
      return ClockReading{answered, 0, 0};
    ClockReading reading = ClockReading::of(asked, answered, heard);
    if (question < kQuestions && reading.within < best.within)
      best = reading;
  }
  return best;
}

Status SpreadRanks::readClocks(ClockReading ClockRelation::*when) const {
  clocks.resize(processes->processes());
  for (int64_t other = 1; other < processes->processes(); ++other) {
    Result<ClockReading> reading = readClock(other);
    if (!reading)
      return reading.error();
    clocks[other].*when = *reading;
    if (when == &ClockRelation::first)
      clocks[other].last = *reading;
  }
  return {};
}

std::vector<RankTrace> SpreadRanks::traces(int entry) const {
  std::vector<RankTrace> all = part.ranks->traces(entry);
  if (all.empty() || over || clocks.empty() || !readClocks(&ClockRelation::last))
    return all;
  std::vector<RankTrace> own = all;
  logs.clear();
  logs.resize(part.firsts.back());
  for (int64_t other = 1; other < processes->processes(); ++other) {
    PacketWriter writer;
    writer.number(FetchTrace);
    writer.number(entry);
    Result<std::string> answer = ask(other, writer.take());
    if (!answer)
      return own;
    PacketReader reader(*answer);
    for (int64_t rank = part.firsts[other]; rank < part.firsts[other + 1]; ++rank) {
      logs[rank] = unpackLog(reader);
      all.push_back({part.programOf(rank).get(), &logs[rank], rank, clocks[other]});
    }
  }
  return all;
}

namespace spread {

void packLog(PacketWriter &to, const TraceLog &log) {
  to.number(log.left);
  to.data(log.events.data(), static_cast<int64_t>(log.events.size() * sizeof(TraceEvent)));
}

TraceLog unpackLog(PacketReader &from) {
  TraceLog log;
  log.left = from.number();
  std::string_view bytes = from.view();
  log.events.resize(bytes.size() / sizeof(TraceEvent));
  std::memcpy(log.events.data(), bytes.data(), log.events.size() * sizeof(TraceEvent));
  return log;
}

} // namespace spread

} // namespace cleave::rt
