// `cleave cache`: what compiled programs are kept on disk, and away with them.
#include "compiler/driver/Cache.h"
#include "lang/diag/Engine.h"
#include "runtime/core/Text.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string ageText(int64_t seconds) {
  constexpr std::pair<int64_t, const char *> kUnits[] = {{86400, "d"}, {3600, "h"}, {60, "min"}};
  for (auto [unit, name] : kUnits)
    if (seconds >= 2 * unit)
      return std::to_string(seconds / unit) + " " + name;
  return std::to_string(seconds) + " s";
}

Json entryJson(const CacheEntry &entry) {
  Json json = {{"key", entry.key}, {"bytes", entry.bytes}, {"unused_seconds", entry.unusedSeconds}};
  json["damaged"] = entry.damaged;
  if (entry.damaged)
    return json;
  json["program"] = entry.facts.name;
  json["entries"] = entry.entries;
  json["target"] = entry.facts.target;
  json["compiler"] = entry.facts.compiler;
  json["axes"] = Json::object();
  for (const auto &[name, size] : entry.facts.axes)
    json["axes"][name] = size;
  return json;
}

std::string describe(const CacheEntry &entry) {
  if (entry.damaged)
    return "(damaged)";
  std::string text = entry.facts.name + ": " + rt::listText(entry.entries, 4) + "; ";
  std::vector<std::string> sizes;
  for (const auto &[name, size] : entry.facts.axes)
    sizes.push_back(name + " = " + std::to_string(size));
  return text + rt::listText(sizes, 6);
}

void show(const Cache &cache, const std::vector<CacheEntry> &entries, int64_t bytes) {
  std::printf("%s: %zu programs, %s of %s\n", cache.path().c_str(), entries.size(),
              rt::bytesText(bytes).c_str(), rt::bytesText(cache.limit()).c_str());
  for (const CacheEntry &entry : entries)
    std::printf("  %.12s  %10s  used %7s ago  %s\n", entry.key.c_str(), rt::bytesText(entry.bytes).c_str(),
                ageText(entry.unusedSeconds).c_str(), describe(entry).c_str());
}

int list(const Cache &cache, const CacheOptions &options) {
  std::vector<CacheEntry> entries = cache.path().empty() ? std::vector<CacheEntry>() : cache.list();
  int64_t bytes = 0;
  for (const CacheEntry &entry : entries)
    bytes += entry.bytes;
  if (options.json) {
    Json json = {{"folder", cache.path()}, {"limit_bytes", cache.limit()}, {"bytes", bytes}};
    json["entries"] = Json::array();
    for (const CacheEntry &entry : entries)
      json["entries"].push_back(entryJson(entry));
    showJson(json);
  } else if (cache.path().empty() && !options.quiet) {
    std::printf("no programs are kept: CLEAVE_CACHE is empty, or there is no home folder\n");
  } else if (!options.quiet) {
    show(cache, entries, bytes);
  }
  return Fine;
}

int clear(const Cache &cache, const CacheOptions &options) {
  rt::Result<Cache::Cleared> cleared = cache.path().empty() ? Cache::Cleared() : cache.clear();
  diag::Engine engine;
  if (!cleared)
    report(engine, cleared.error());
  showDiagnostics(engine, options.json);
  if (options.json)
    showJson(Json{{"folder", cache.path()},
                  {"removed", cleared ? cleared->entries : 0},
                  {"bytes", cleared ? cleared->bytes : 0},
                  {"diagnostics", Json::parse(engine.renderJson())}});
  else if (cleared && !options.quiet)
    std::printf("%s: %" PRId64 " programs removed, %s\n", cache.path().c_str(), cleared->entries,
                rt::bytesText(cleared->bytes).c_str());
  return cleared ? Fine : exitStatusOf(cleared.error());
}

} // namespace

int cacheCommand(const CacheOptions &options) {
  Cache cache(standardCacheFolder());
  return options.clear ? clear(cache, options) : list(cache, options);
}

} // namespace cleave::tool
