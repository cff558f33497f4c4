// What one rank computes, in numbers: how long work takes at least.
//
// A kernel of f operations on b bytes takes max(f / flops, b / bandwidth): the roofline (Williams, Waterman
// and Patterson, "Roofline", CACM 52(4), 2009). The defaults are what one core of the reference machine
// sustains in compiled products and in element-wise kernels beyond its caches.
#ifndef CLEAVE_COMPILER_COST_DEVICE_H
#define CLEAVE_COMPILER_COST_DEVICE_H

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace cleave::cost {

struct Device {
  double flops32 = 200e9, flops64 = 100e9, flops16 = 400e9; // per second, by the width of factors
  double bandwidth = 8e9;                                   // bytes per second
  double launch = 1e-6;                                     // seconds that a kernel takes at least

  double seconds(double flops, double bytes, unsigned bits) const {
    double rate = bits >= 64 ? flops64 : bits >= 32 ? flops32 : flops16;
    return std::max({flops / rate, bytes / bandwidth, launch});
  }
};

// `f32=2e+11,f64=1e+11,bf16=4e+11,bandwidth=8e+09,launch=1e-06`, read again without loss. What a text leaves
// out is the default's; nothing where it is no such text, and `found` says what was found.
std::string toString(const Device &device);
std::optional<Device> parseDevice(const std::string &text, std::string &found);

} // namespace cleave::cost

#endif
