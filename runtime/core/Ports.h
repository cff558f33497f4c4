// Finding what a caller named, with errors that help.
#ifndef CLEAVE_RUNTIME_CORE_PORTS_H
#define CLEAVE_RUNTIME_CORE_PORTS_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"

#include <string>
#include <vector>

namespace cleave::rt {

// `rule`, found `name`: with the nearest candidate, or all of them.
Error unknown(const char *code, const std::string &rule, const std::string &name,
              const std::vector<std::string> &candidates);

// E511: a value of `bytes` for an input, output or state of another size. `kind`: which of them.
Error wrongSize(const char *kind, const std::string &name, const Shape &shape, int64_t bytes,
                const std::string &location = "");

// One of an entry's ports by its name, or E510. `kind`: "input" or "output".
Result<int> findPort(const std::vector<Port> &ports, const std::string &name, const char *kind);

} // namespace cleave::rt

#endif
