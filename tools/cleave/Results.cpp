#include "tools/cleave/Results.h"

#include "lang/diag/Utf8.h"

#include <cstdio>

namespace cleave::tool {

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

} // namespace cleave::tool
