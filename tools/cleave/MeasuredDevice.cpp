#include "tools/cleave/MeasuredDevice.h"

#include "compiler/cost/Device.h"
#include "runtime/device/cpu/Roofline.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <cstdio>
#include <cstdlib>

namespace cleave::tool {

// The roofline of the core that the default device is of: operations and copied bytes per second.
constexpr double kReference32 = 271e9, kReference64 = 135e9, kReference16 = 509e9, kReferenceCopy = 51e9;

static double scaled(double rate, double measured, double reference) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", measured > 0 ? rate * measured / reference : rate);
  return std::strtod(text, nullptr);
}

std::string measuredDevice() {
  rt::ThreadPool one(1);
  rt::Roofline roofline = rt::measureRoofline(one);
  cost::Device device;
  device.flops32 = scaled(device.flops32, roofline.f32, kReference32);
  device.flops64 = scaled(device.flops64, roofline.f64, kReference64);
  device.flops16 = scaled(device.flops16, roofline.bf16, kReference16);
  device.bandwidth = scaled(device.bandwidth, roofline.levels.back().copyPerSecond, kReferenceCopy);
  return cost::toString(device);
}

} // namespace cleave::tool
