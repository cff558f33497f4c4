#include "tools/cleave/ProfileReport.h"

#include "lang/sema/StandardLibrary.h"

#include <algorithm>
#include <cstdio>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostRows = 20;
constexpr size_t kMostName = 40;

template <typename... Values> std::string format(const char *pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof(text), pattern, values...);
  return text;
}

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

std::string shortPath(const std::string &line, const std::string &folder) {
  for (const std::string &prefix : {cleave::standardLibrary() + "/", folder})
    if (!prefix.empty() && line.compare(0, prefix.size(), prefix) == 0)
      return line.substr(prefix.size());
  return line;
}

std::string rateText(double perSecond) {
  double giga = perSecond * 1e-9;
  return giga <= 0 ? "-" : format(giga < 9.95 ? "%.1f" : "%.0f", giga);
}

const char *kHeader = "    time  share    calls      each  GFLOP/s    GB/s  bound by  of roof  waited\n";

// "  12.3 ms  40.0 %      100   123.0 us     240     1.2  arithmetic   88 %     3 %"
std::string measures(const rt::ProfileRow &row, double total, int threads) {
  std::string text = format(
      "%8.2f ms %4.1f %% %8lld %8.1f us %7s %7s  %-10s", row.seconds * 1e3, 100 * ratio(row.seconds, total),
      static_cast<long long>(row.calls), 1e6 * ratio(row.seconds, static_cast<double>(row.calls)),
      rateText(ratio(row.flops, row.seconds)).c_str(), rateText(ratio(row.bytes, row.seconds)).c_str(),
      row.roof.empty() ? "-" : row.roof.c_str());
  return text + format(" %4.0f %%  %4.0f %%", 100 * ratio(row.roofSeconds, row.seconds),
                       100 * ratio(row.waiting, row.seconds * threads));
}

std::string opText(const rt::ProfileRow &row, const std::string &folder) {
  std::string name = row.name.size() > kMostName ? row.name.substr(0, kMostName - 3) + "..." : row.name;
  std::string text = name + (name.empty() ? "" : " ") + "(" + row.kernel + ")";
  if (!row.lines.empty())
    text += " " + shortPath(row.lines[0], folder);
  if (row.lines.size() > 1)
    text += format(" and %zu more", row.lines.size() - 1);
  return text;
}

std::string rooflineText(const rt::Roofline &roofline) {
  std::string text = format("roofline, %d thread%s: %.0f GFLOP/s", roofline.threads,
                            roofline.threads == 1 ? "" : "s", roofline.f32 * 1e-9);
  if (roofline.bf16 > roofline.f32)
    text += format(" (bf16 %.0f)", roofline.bf16 * 1e-9);
  for (const rt::Roofline::Level &level : roofline.levels)
    text += format("; %s read %.0f, copy %.0f GB/s", level.name.c_str(), level.readPerSecond * 1e-9,
                   level.copyPerSecond * 1e-9);
  return text + "\n";
}

std::string summaryText(const rt::ProfileSummary &summary, int threads) {
  double inOps = summary.seconds - summary.between;
  std::string text = format("%.2f ms in %lld runs, %.3f ms each:", summary.seconds * 1e3,
                            static_cast<long long>(summary.runs),
                            1e3 * ratio(summary.seconds, static_cast<double>(summary.runs)));
  for (const auto &[roof, seconds] : summary.bound)
    if (seconds > 0)
      text += format(" %.1f %% bound by %s,", 100 * ratio(seconds, summary.seconds),
                     roof.empty() ? "nothing measured" : roof.c_str());
  text += format(" %.1f %% between ops\n", 100 * ratio(summary.between, summary.seconds));
  return text +
         format(
             "at the roofline the ops would take %.2f ms, %.0f %% of theirs; threads waited %.1f %% of it\n",
             summary.roofSeconds * 1e3, 100 * ratio(summary.roofSeconds, inOps),
             100 * ratio(summary.waiting, inOps * threads));
}

Json rowJson(const rt::ProfileRow &row) {
  Json json;
  json["calls"] = row.calls;
  json["seconds"] = row.seconds;
  json["waiting_seconds"] = row.waiting;
  json["flops"] = row.flops;
  json["bytes"] = row.bytes;
  json["flops_per_second"] = ratio(row.flops, row.seconds);
  json["bytes_per_second"] = ratio(row.bytes, row.seconds);
  json["roof"] = row.roof;
  json["roof_seconds"] = row.roofSeconds;
  json["share_of_roof"] = ratio(row.roofSeconds, row.seconds);
  return json;
}

Json rooflineJson(const rt::Roofline &roofline) {
  Json json = {{"f32_flops_per_second", roofline.f32},
               {"f64_flops_per_second", roofline.f64},
               {"bf16_flops_per_second", roofline.bf16},
               {"levels", Json::array()}};
  for (const rt::Roofline::Level &level : roofline.levels)
    json["levels"].push_back({{"name", level.name},
                              {"bytes", level.bytes},
                              {"read_bytes_per_second", level.readPerSecond},
                              {"copy_bytes_per_second", level.copyPerSecond}});
  return json;
}

} // namespace

std::string profileText(const rt::Program &program, const rt::Entry &entry, const rt::Profile &profile,
                        const std::string &file) {
  std::vector<rt::ProfileRow> ops = rt::profileByOp(program, entry, profile);
  std::vector<rt::ProfileRow> lines = rt::profileByLine(program, entry, profile);
  rt::ProfileSummary summary = rt::summarise(program, entry, profile);
  int threads = profile.roofline.threads;
  double total = 0;
  for (const rt::ProfileRow &row : ops)
    total += row.seconds;
  std::string text = rooflineText(profile.roofline) + summaryText(summary, threads);
  text += std::string(kHeader).insert(std::string(kHeader).size() - 1, "  op");
  for (size_t i = 0; i < std::min(ops.size(), kMostRows); ++i)
    text += measures(ops[i], total, threads) + "  " + opText(ops[i], folderOf(file)) + "\n";
  text += std::string(kHeader).insert(std::string(kHeader).size() - 1, "  line");
  for (size_t i = 0; i < std::min(lines.size(), kMostRows); ++i)
    text += measures(lines[i], total, threads) + "  " + shortPath(lines[i].lines[0], folderOf(file)) + "\n";
  return text;
}

Json profileJson(const rt::Program &program, const rt::Entry &entry, const rt::Profile &profile) {
  rt::ProfileSummary summary = rt::summarise(program, entry, profile);
  Json bound;
  for (const auto &[roof, seconds] : summary.bound)
    bound[roof.empty() ? "nothing" : roof] = seconds;
  Json json = {{"threads", profile.roofline.threads},
               {"runs", summary.runs},
               {"seconds", summary.seconds},
               {"bound_seconds", bound},
               {"between_seconds", summary.between},
               {"waiting_seconds", summary.waiting},
               {"roof_seconds", summary.roofSeconds},
               {"roofline", rooflineJson(profile.roofline)},
               {"ops", Json::array()},
               {"lines", Json::array()}};
  for (const rt::ProfileRow &row : rt::profileByOp(program, entry, profile)) {
    Json op = {{"name", row.name}, {"kernel", row.kernel}, {"sources", row.lines}};
    op.update(rowJson(row));
    json["ops"].push_back(op);
  }
  for (const rt::ProfileRow &row : rt::profileByLine(program, entry, profile)) {
    Json line = {{"source", row.lines[0]}};
    line.update(rowJson(row));
    json["lines"].push_back(line);
  }
  return json;
}

} // namespace cleave::tool
