#include "runtime/core/Fault.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <unistd.h>

namespace cleave::rt {

namespace {

Error malformed(const std::string &found) {
  return {"E736",
          "a fault on demand must be kind=kill|stall|fail|mismatch with rank=, step=, entry=, instruction= "
          "and moment= where they matter, separated by commas, found " +
              found,
          "",
          {},
          "CLEAVE_FAULT asks for it"};
}

bool parseNumber(const std::string &text, int64_t most, int64_t &number) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos)
    return false;
  errno = 0;
  number = std::strtoll(text.c_str(), nullptr, 10);
  return errno == 0 && number <= most;
}

bool parseKind(const std::string &text, FaultKind &kind) {
  const std::pair<const char *, FaultKind> all[] = {{"kill", FaultKind::Kill},
                                                    {"stall", FaultKind::Stall},
                                                    {"fail", FaultKind::Fail},
                                                    {"mismatch", FaultKind::Mismatch}};
  for (const auto &[name, known] : all)
    if (text == name) {
      kind = known;
      return true;
    }
  return false;
}

bool parseField(const std::string &name, const std::string &value, Fault &fault) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  int64_t number = 0;
  if (name == "kind")
    return parseKind(value, fault.kind);
  if (name == "rank")
    return parseNumber(value, kMost, fault.rank);
  if (name == "step" && parseNumber(value, kMost, number)) {
    fault.step = number;
    return true;
  }
  if (name == "entry" && !value.empty()) {
    fault.entry = value;
    return true;
  }
  if (name == "moment") {
    const char *const all[] = {"launch", "roll", "join", "listen", "greet", "compare", "make"};
    fault.moment = value;
    return std::find(std::begin(all), std::end(all), value) != std::end(all);
  }
  if (name == "instruction" && parseNumber(value, std::numeric_limits<uint32_t>::max(), number)) {
    fault.instruction = static_cast<uint32_t>(number);
    return true;
  }
  return false;
}

} // namespace

Result<Fault> parseFault(const std::string &text) {
  Fault fault;
  bool hasKind = false;
  for (size_t begin = 0, end; begin <= text.size(); begin = end + 1) {
    end = std::min(text.find(',', begin), text.size());
    std::string field = text.substr(begin, end - begin);
    size_t equals = std::min(field.find('='), field.size());
    std::string name = field.substr(0, equals);
    if (equals == field.size() || !parseField(name, field.substr(equals + 1), fault))
      return malformed("'" + field + "'");
    hasKind |= name == "kind";
  }
  if (!hasKind)
    return malformed("no kind in '" + text + "'");
  if (!fault.moment.empty() && fault.kind != FaultKind::Kill && fault.kind != FaultKind::Stall)
    return malformed("a moment for another kind than kill and stall");
  return fault;
}

Result<std::optional<Fault>> faultFromEnvironment() {
  const char *text = std::getenv("CLEAVE_FAULT");
  if (!text || !*text)
    return std::optional<Fault>();
  Result<Fault> fault = parseFault(text);
  if (!fault)
    return fault.error();
  return std::optional<Fault>(*fault);
}

void faultAt(const char *moment, int64_t process) {
  Result<std::optional<Fault>> asked = faultFromEnvironment(); // what is wrong with it is told when ranks run
  if (!asked || !*asked || (*asked)->moment != moment || (*asked)->rank != process)
    return;
  if ((*asked)->kind == FaultKind::Kill)
    raise(SIGKILL);
  while (true)
    pause();
}

} // namespace cleave::rt
