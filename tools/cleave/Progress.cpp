#include "tools/cleave/Progress.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace cleave::tool {

namespace {

// Plain lines: about this many over a run.
constexpr int64_t kPlainLines = 20;
constexpr auto kRedraw = std::chrono::milliseconds(100);

std::string timeText(double seconds) {
  char text[32];
  auto whole = static_cast<long long>(seconds + 0.5);
  if (whole >= 3600)
    std::snprintf(text, sizeof(text), "%lldh %02lldm", whole / 3600, whole / 60 % 60);
  else if (whole >= 60)
    std::snprintf(text, sizeof(text), "%lldm %02llds", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof(text), "%llds", whole);
  return text;
}

std::string rateText(double perSecond) {
  char text[32];
  if (perSecond >= 1e6)
    std::snprintf(text, sizeof(text), "%.2fM", perSecond / 1e6);
  else if (perSecond >= 1e4)
    std::snprintf(text, sizeof(text), "%.1fk", perSecond / 1e3);
  else
    std::snprintf(text, sizeof(text), "%.0f", perSecond);
  return text;
}

} // namespace

Progress::Progress(int64_t first, int64_t last, bool shown)
    : first(first), last(last), shown(shown), terminal(isatty(STDOUT_FILENO) != 0) {}

Progress::~Progress() {
  finish();
  if (metrics)
    std::fclose(metrics);
}

std::string Progress::openMetrics(const std::string &path, bool append) {
  metrics = std::fopen(path.c_str(), append ? "a" : "w");
  return metrics ? "" : std::strerror(errno);
}

std::string Progress::text(const StepFacts &facts) const {
  char part[64];
  std::string result = "step " + std::to_string(facts.step + 1) + "/" + std::to_string(last);
  if (facts.loss) {
    std::snprintf(part, sizeof(part), "  loss %.4f", *facts.loss);
    result += part;
  }
  if (facts.tokens > 0 && recent > 0)
    result += "  " + rateText(facts.tokens / recent) + " tokens/s";
  else if (recent > 0) {
    bool tiny = recent < 1e-4;
    std::snprintf(part, sizeof(part), tiny ? "  %.3g us/step" : "  %.3g ms/step",
                  recent * (tiny ? 1e6 : 1e3));
    result += part;
  }
  int64_t left = last - facts.step - 1;
  if (left > 0)
    result += "  " + timeText(left * recent) + " left";
  return result;
}

void Progress::step(const StepFacts &facts) {
  ++count;
  total += facts.seconds;
  // The first step warms caches up; later ones count for a tenth each.
  recent = count <= 2 ? facts.seconds : 0.9 * recent + 0.1 * facts.seconds;
  allTokens += facts.tokens;
  if (facts.loss)
    losses.push_back({facts.step, *facts.loss});
  if (metrics)
    writeMetrics(facts);
  if (!shown)
    return;
  bool ends = facts.step + 1 >= last;
  if (terminal) {
    auto now = std::chrono::steady_clock::now();
    if (drawn && !ends && now - lastDrawn < kRedraw)
      return;
    lastDrawn = now;
    std::printf("\r\x1b[K%s", text(facts).c_str());
    std::fflush(stdout);
    drawn = true;
    return;
  }
  int64_t every = std::max<int64_t>(1, (last - first) / kPlainLines);
  if (count == 1 || ends || (facts.step + 1) % every == 0) {
    std::printf("%s\n", text(facts).c_str());
    std::fflush(stdout);
  }
}

void Progress::writeMetrics(const StepFacts &facts) {
  nlohmann::ordered_json row = {{"step", facts.step}};
  if (facts.loss)
    row["loss"] = *facts.loss; // null when it is not finite: JSON has no NaN
  row["seconds"] = facts.seconds;
  if (facts.tokens > 0)
    row["tokens_per_second"] = facts.tokens / facts.seconds;
  std::fprintf(metrics, "%s\n", row.dump().c_str());
  if (std::fflush(metrics) == 0)
    return;
  failure = std::strerror(errno); // training goes on; the run says it at its end
  std::fclose(metrics);
  metrics = nullptr;
}

void Progress::erase() {
  if (drawn)
    std::printf("\r\x1b[K");
  drawn = false;
}

void Progress::line(const std::string &text) {
  erase();
  std::printf("%s\n", text.c_str());
}

void Progress::finish() {
  if (drawn)
    std::printf("\n");
  drawn = false;
  std::fflush(stdout);
}

} // namespace cleave::tool
