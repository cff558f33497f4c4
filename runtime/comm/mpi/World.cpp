#include "runtime/comm/mpi/World.h"

#include "runtime/comm/Packet.h"

#include <algorithm>

namespace cleave::rt::mpi {

RankWorld::RankWorld(Engine &engine, std::vector<int64_t> firsts, double timeoutSeconds)
    : engine(engine), timeoutSeconds(timeoutSeconds), firsts(std::move(firsts)) {
  std::lock_guard<std::mutex> lock(engine.mutex);
  number = engine.addWorld(this);
}

RankWorld::~RankWorld() {
  std::lock_guard<std::mutex> lock(engine.mutex);
  engine.removeWorld(number);
  if (untold.exchange(false))
    engine.addBackground(-1);
}

int32_t RankWorld::processOf(int64_t rank) const {
  return static_cast<int32_t>(std::upper_bound(firsts.begin(), firsts.end(), rank) - firsts.begin() - 1);
}

Group &RankWorld::group(int64_t rank, uint64_t key) { return groups[{rank, key}]; }

std::string RankWorld::whereIs(int64_t rank) const {
  auto found = last.find(rank);
  std::string text = "rank " + std::to_string(rank);
  return found == last.end() ? text + " has started no collective that this rank is part of"
                             : text + " has last started " + found->second;
}

void RankWorld::fail(int64_t rank, Error why, bool own, bool spread) {
  if (!failure.set(rank, std::move(why), own) || !spread)
    return;
  untold.store(true);
  engine.addBackground(1);
}

void RankWorld::tell() {
  if (!untold.load(std::memory_order_relaxed) || !untold.exchange(false))
    return;
  engine.addBackground(-1);
  Failure::Facts facts = failure.facts();
  Error why = facts.why;
  why.message.resize(std::min<size_t>(why.message.size(), 1500));
  why.notes.resize(std::min<size_t>(why.notes.size(), 4));
  for (std::string &note : why.notes)
    note.resize(std::min<size_t>(note.size(), 300));
  PacketWriter writer;
  writer.number(facts.own);
  writer.error(why);
  std::string text = writer.take();
  Header header;
  header.kind = Header::Fail;
  header.world = number;
  header.from = static_cast<int32_t>(facts.rank);
  for (int32_t other = 0; other < engine.processes; ++other)
    if (other != engine.process)
      engine.announce(other, header, text, nullptr);
}

void RankWorld::arrived(const Header &header, const char *text, const char *data) {
  std::string_view words(text, header.textBytes);
  int32_t source = processOf(header.from);
  if (header.kind == Header::Fail) {
    PacketReader reader(words);
    bool own = reader.number() != 0;
    fail(header.from, reader.error(), own, /*spread=*/false);
    return;
  }
  setLast(header.from, words);
  if (draining)
    return engine.dropAnnounced(header, source);
  Group &to = group(header.to, header.group);
  if (header.number > to.started) {
    to.early.insert({header.number, {header, std::string(words), std::string(data, header.inlineBytes)}});
    return;
  }
  for (Running *running : to.running)
    if (running->number == header.number)
      return running->arrived(header, text, data);
  tooLate(to, header, std::string(words));
}

// Of a collective that this rank has ended without hearing of that one: a broadcast it has sent, say.
void RankWorld::tooLate(Group &group, const Header &header, const std::string &text) {
  engine.dropAnnounced(header, processOf(header.from));
  const Group::Recent &mine = group.recent[header.number % Group::kRecent];
  if (mine.number != header.number || mine.signature == header.signature)
    return;
  StartedBy me = {header.to, mine.text}, other = {header.from, text};
  bool first = me.rank < other.rank;
  fail(me.rank, differentCollectives(first ? me : other, first ? other : me), /*own=*/false, /*spread=*/true);
}

void RankWorld::remove(Running *running) {
  drained.erase(std::remove(drained.begin(), drained.end(), running), drained.end());
  for (auto &[key, group] : groups)
    group.running.erase(std::remove(group.running.begin(), group.running.end(), running),
                        group.running.end());
}

void RankWorld::drain() {
  draining = true;
  for (auto &[key, group] : groups) {
    for (Running *each : group.running) {
      each->drain();
      drained.push_back(each);
    }
    group.running.clear();
    for (auto &[at, early] : group.early)
      engine.dropAnnounced(early.header, processOf(early.header.from));
    group.early.clear();
  }
}

void RankWorld::reset() {
  for (Running *each : drained)
    each->forget();
  drained.clear();
  for (auto &[key, group] : groups)
    group = Group();
  last.clear();
  failure.clear();
  draining = false;
}

} // namespace cleave::rt::mpi
