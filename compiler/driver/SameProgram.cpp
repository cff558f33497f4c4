#include "compiler/driver/SameProgram.h"

#include "compiler/driver/BuildFacts.h"
#include "compiler/driver/BuildId.h"
#include "runtime/comm/Packet.h"
#include "runtime/core/Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

#include <filesystem>

namespace cleave {

namespace {

constexpr size_t kMostNotes = 6;

struct Stated : SameProgram {
  std::string version, build;
};

std::string encode(const SameProgram &it) {
  rt::PacketWriter writer;
  writer.text(buildFacts().version); // first, whatever comes behind in other versions
  writer.text(buildId());
  writer.text(it.failure);
  writer.text(it.plan);
  writer.text(it.options);
  writer.number(static_cast<int64_t>(it.files.size()));
  for (const auto &[path, hash] : it.files) {
    writer.text(path);
    writer.text(hash);
  }
  return writer.take();
}

Stated decode(const std::string &bytes) {
  rt::PacketReader reader(bytes);
  Stated it;
  it.version = reader.text();
  it.build = reader.text();
  it.failure = reader.text();
  it.plan = reader.text();
  it.options = reader.text();
  for (int64_t count = reader.number(); count > 0; --count) {
    std::string path = reader.text();
    it.files.emplace_back(std::move(path), reader.text());
  }
  return it;
}

// What `it` has otherwise than process 0, in few words; empty: nothing.
std::string differenceOf(const Stated &it, const Stated &first) {
  if (it.version != first.version)
    return "version " + it.version + " of Cleave, where process 0 has " + first.version;
  if (it.build != first.build)
    return "another build of Cleave " + it.version;
  if (!it.failure.empty())
    return "no such program: " + it.failure;
  auto nameOf = [](const std::string &path) { return std::filesystem::path(path).filename().string(); };
  for (size_t i = 0; i < std::min(it.files.size(), first.files.size()); ++i)
    if (it.files[i].second != first.files[i].second)
      return "another '" + nameOf(it.files[i].first) + "'";
  if (it.files.size() != first.files.size())
    return std::to_string(it.files.size()) + " files of the program, where process 0 has " +
           std::to_string(first.files.size());
  if (it.options != first.options)
    return "the options '" + it.options + "', where process 0 has '" + first.options + "'";
  return it.plan == first.plan ? "" : "another plan";
}

} // namespace

void SameProgram::addFile(const std::string &path, const std::string &content) {
  llvm::SHA256 hash;
  hash.update(content);
  std::array<uint8_t, 32> digest = hash.final();
  files.emplace_back(path, llvm::toHex(digest, /*LowerCase=*/true));
}

rt::Status requireSameProgram(rt::Processes &processes, const SameProgram &mine) {
  rt::Result<std::vector<std::string>> all = processes.allGather(encode(mine));
  if (!all)
    return all.error();
  Stated first = decode((*all)[0]);
  std::vector<std::string> notes;
  size_t others = 0;
  for (int64_t process = 1; process < processes.processes(); ++process) {
    std::string difference = differenceOf(decode((*all)[process]), first);
    if (difference.empty() || (++others > kMostNotes))
      continue;
    notes.push_back("process " + std::to_string(process) + ", on " + processes.machines()[process].host +
                    ", has " + difference);
  }
  if (!first.failure.empty())
    return rt::Error{"", first.failure, "", {}, ""};
  if (notes.empty())
    return {};
  std::string found = notes[0];
  notes.erase(notes.begin());
  if (others > kMostNotes)
    notes.push_back("and " + std::to_string(others - kMostNotes) + " processes more");
  return rt::Error{"E717",
                   "processes that share ranks are started with the same files, plan, options and version of "
                   "Cleave, found that " +
                       found,
                   "", notes, "start them all with one command line, from files that all of them see"};
}

} // namespace cleave
