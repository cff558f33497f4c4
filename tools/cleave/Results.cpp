#include "tools/cleave/Results.h"

#include "lang/diag/Utf8.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace cleave::tool {

namespace {

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

void showJson(const nlohmann::ordered_json &json) {
  using Json = nlohmann::ordered_json;
  std::printf("%s\n", json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

// Bytes as text for a terminal.
static std::string bytesAsText(const rt::TensorView &value) {
  return diag::printable({value.as<char>(), static_cast<size_t>(value.shape.elements())});
}

std::string outputLine(const rt::Port &port, const rt::TensorView &value) {
  if (value.shape.sizes.empty())
    return port.name + " " + rt::elementText(value.shape.type, value.data, 0);
  if (value.shape.type == rt::Type::U8)
    return bytesAsText(value);
  return port.name + " " + rt::toString(value.shape) + "; --dump " + port.name + " writes it";
}

nlohmann::ordered_json outputJson(const rt::TensorView &value) {
  if (!value.shape.sizes.empty())
    return value.shape.type == rt::Type::U8 ? bytesAsText(value) : rt::toString(value.shape);
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
