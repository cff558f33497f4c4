// `cleave run --profile`: where the time went, against the roofline; for people and as JSON.
#ifndef CLEAVE_TOOLS_CLEAVE_PROFILEREPORT_H
#define CLEAVE_TOOLS_CLEAVE_PROFILEREPORT_H

#include "runtime/core/Profile.h"

#include <nlohmann/json.hpp>

namespace cleave::tool {

// A summary, the ops and the source lines that took the most time. Paths are shown as seen from the folder of
// `file`; the standard library's as in `import`.
std::string profileText(const rt::Program &program, const rt::Entry &entry, const rt::Profile &profile,
                        const std::string &file);

// All ops and lines; see tools/cleave/README.md for the fields.
nlohmann::ordered_json profileJson(const rt::Program &program, const rt::Entry &entry,
                                   const rt::Profile &profile);

} // namespace cleave::tool

#endif
