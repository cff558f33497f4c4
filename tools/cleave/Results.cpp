#include "tools/cleave/Results.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace cleave::tool {

namespace {

constexpr char kReplacement[] = "\xef\xbf\xbd";

// Length of the UTF-8 sequence at `at`, 0 when it is not valid. (RFC 3629, table 3-7 of the Unicode
// standard.)
int64_t sequenceLength(const uint8_t *bytes, int64_t at, int64_t count) {
  uint8_t lead = bytes[at];
  int64_t length = lead < 0x80   ? 1
                   : lead < 0xc2 ? 0
                   : lead < 0xe0 ? 2
                   : lead < 0xf0 ? 3
                   : lead < 0xf5 ? 4
                                 : 0;
  if (length == 0 || at + length > count)
    return 0;
  for (int64_t i = 1; i < length; ++i)
    if ((bytes[at + i] & 0xc0) != 0x80)
      return 0;
  if (length >= 3) {
    uint8_t second = bytes[at + 1];
    bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    bool surrogate = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
    if (overlong || surrogate)
      return 0;
  }
  return length;
}

std::vector<size_t> slowestFirst(const std::vector<rt::KernelTime> &times) {
  std::vector<size_t> order;
  for (size_t i = 0; i < times.size(); ++i)
    if (times[i].launches > 0)
      order.push_back(i);
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return times[a].nanoseconds > times[b].nanoseconds; });
  return order;
}

} // namespace

std::string printable(const uint8_t *bytes, int64_t count) {
  std::string text;
  for (int64_t at = 0; at < count;) {
    uint8_t byte = bytes[at];
    int64_t length = sequenceLength(bytes, at, count);
    bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f ||
                   (byte == 0xc2 && length == 2 && bytes[at + 1] < 0xa0);
    if (length == 0 || control)
      text += kReplacement;
    else
      text.append(reinterpret_cast<const char *>(bytes + at), length);
    at += std::max<int64_t>(1, length);
  }
  return text;
}

std::string outputLine(const rt::Port &port, const rt::TensorView &value) {
  if (value.shape.sizes.empty())
    return port.name + " " + rt::elementText(value.shape.type, value.data, 0);
  if (value.shape.type == rt::Type::U8)
    return printable(value.as<uint8_t>(), value.shape.elements());
  return port.name + " " + rt::toString(value.shape) + "; --dump " + port.name + " writes it";
}

nlohmann::ordered_json outputJson(const rt::TensorView &value) {
  if (!value.shape.sizes.empty())
    return value.shape.type == rt::Type::U8 ? printable(value.as<uint8_t>(), value.shape.elements())
                                            : rt::toString(value.shape);
  if (value.shape.type == rt::Type::Bool)
    return *value.as<uint8_t>() != 0;
  if (value.shape.type == rt::Type::I64)
    return *value.as<int64_t>();
  double number = rt::elementAsDouble(value.shape.type, value.data, 0);
  return rt::isFloat(value.shape.type) ? nlohmann::ordered_json(number)
                                       : nlohmann::ordered_json(static_cast<int64_t>(number));
}

std::string profileTable(const rt::Program &program, const std::vector<rt::KernelTime> &times, size_t most) {
  std::vector<size_t> order = slowestFirst(times);
  double total = 0;
  for (size_t i : order)
    total += static_cast<double>(times[i].nanoseconds);
  char line[256];
  std::string text = "  time     share   launches  each       kernel\n";
  for (size_t n = 0; n < order.size() && n < most; ++n) {
    const rt::KernelTime &time = times[order[n]];
    auto spent = static_cast<double>(time.nanoseconds);
    std::snprintf(line, sizeof(line), "%7.1f ms %5.1f %% %9lld %8.1f us  %s\n", spent / 1e6,
                  100 * spent / total, static_cast<long long>(time.launches),
                  spent / 1e3 / static_cast<double>(time.launches), program.kernels[order[n]].name.c_str());
    text += line;
  }
  std::snprintf(line, sizeof(line), "%7.1f ms in %zu kernels\n", total / 1e6, order.size());
  return text + line;
}

nlohmann::ordered_json profileJson(const rt::Program &program, const std::vector<rt::KernelTime> &times) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (size_t i : slowestFirst(times))
    rows.push_back({{"kernel", program.kernels[i].name},
                    {"launches", times[i].launches},
                    {"seconds", static_cast<double>(times[i].nanoseconds) * 1e-9}});
  return rows;
}

} // namespace cleave::tool
