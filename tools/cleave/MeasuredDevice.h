// `--device measure`: this machine, as the cost model takes it.
#ifndef CLEAVE_TOOLS_CLEAVE_MEASUREDDEVICE_H
#define CLEAVE_TOOLS_CLEAVE_MEASUREDDEVICE_H

#include <string>

namespace cleave::tool {

// A device (compiler/cost/Device.h) of one thread of this machine, to three digits. Takes 0.2 s. What
// compiled programs reach of the roofline is taken to be what they reach on the reference core.
std::string measuredDevice();

} // namespace cleave::tool

#endif
