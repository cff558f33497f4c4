#include "compiler/cost/Device.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace cleave::cost {

namespace {

constexpr std::pair<const char *, double Device::*> kFields[] = {{"f32", &Device::flops32},
                                                                 {"f64", &Device::flops64},
                                                                 {"bf16", &Device::flops16},
                                                                 {"bandwidth", &Device::bandwidth},
                                                                 {"launch", &Device::launch}};

double *fieldOf(Device &device, const std::string &name) {
  for (const auto &[known, field] : kFields)
    if (name == known)
      return &(device.*field);
  return nullptr;
}

} // namespace

std::string toString(const Device &device) {
  std::string text;
  for (const auto &[name, field] : kFields) {
    char number[32];
    char *end = std::to_chars(number, number + sizeof(number), device.*field).ptr;
    text += (text.empty() ? "" : ",") + std::string(name) + "=" + std::string(number, end);
  }
  return text;
}

std::optional<Device> parseDevice(const std::string &text, std::string &found) {
  Device device;
  for (size_t begin = 0, end; begin <= text.size(); begin = end + 1) {
    end = std::min(text.find(',', begin), text.size());
    found = text.substr(begin, end - begin);
    size_t equals = std::min(found.find('='), found.size());
    double *field = fieldOf(device, found.substr(0, equals)), value = 0;
    const char *number = found.data() + std::min(equals + 1, found.size()),
               *last = found.data() + found.size();
    auto [stop, error] = std::from_chars(number, last, value);
    if (!field || error != std::errc() || stop != last || !std::isfinite(value) || value <= 0)
      return std::nullopt;
    *field = value;
  }
  return device;
}

} // namespace cleave::cost
