// `explain --html`: one page with everything in it, for a browser that has no network.
#ifndef CLEAVE_COMPILER_EXPLAIN_HTML_H
#define CLEAVE_COMPILER_EXPLAIN_HTML_H

#include "compiler/explain/Facts.h"

#include <functional>
#include <string>

namespace cleave::explain {

struct HtmlOptions {
  std::string file; // of the program
  // The lines of a file; empty where it cannot be read.
  std::function<std::vector<std::string>(const std::string &file)> lines;
};

// The page: page.html and page.js with what renderJson gives, the files of the plan, and the lines of the
// model that facts name.
std::string renderHtml(const Facts &facts, const HtmlOptions &options);

} // namespace cleave::explain

#endif
