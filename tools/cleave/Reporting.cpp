#include "tools/cleave/Reporting.h"

#include "tools/cleave/Commands.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace cleave::tool {

namespace {

// The source of that path: the engine's own, or read now (a library file, say).
const diag::Source *sourceOf(diag::Engine &engine, const std::string &path) {
  for (const auto &source : engine.getSources())
    if (source->getPath() == path)
      return source.get();
  std::ifstream file(path);
  if (!file)
    return nullptr;
  std::stringstream text;
  text << file.rdbuf();
  return engine.addSource(path, text.str());
}

// "file:line:column" to the word that begins there.
diag::Location locate(diag::Engine &engine, const std::string &place) {
  size_t second = place.rfind(':');
  size_t first = second == std::string::npos || second == 0 ? second : place.rfind(':', second - 1);
  if (first == std::string::npos || first == second)
    return {};
  const diag::Source *source = sourceOf(engine, place.substr(0, first));
  int line = std::atoi(place.c_str() + first + 1);
  int column = std::atoi(place.c_str() + second + 1);
  if (!source || line < 1 || column < 1)
    return {};
  std::string_view text = source->getLine(line);
  if (text.data() == nullptr || static_cast<size_t>(column) > text.size())
    return {};
  uint32_t begin = text.data() - source->getText().data() + column - 1;
  uint32_t end = begin;
  const std::string &whole = source->getText();
  while (end < whole.size() && (std::isalnum(static_cast<unsigned char>(whole[end])) || whole[end] == '_'))
    ++end;
  return {source, begin, end == begin ? begin + 1 : end};
}

} // namespace

void report(diag::Engine &engine, const rt::Error &error) {
  diag::Location at = locate(engine, error.location);
  diag::Diagnostic &diagnostic = engine.error(error.code, at, error.message);
  for (const std::string &note : error.notes)
    diagnostic.note({}, note);
  if (!error.hint.empty())
    diagnostic.suggest(error.hint);
}

int exitStatusOf(const rt::Error &error) {
  // Written in vain, out of memory, not finite, assertion, ranks that fail, malformed: the program was fine,
  // the run was not.
  for (const char *code : {"E507", "E610", "E702", "E707", "E710", "E711", "E716", "E719", "E737", "E738",
                           "E739", "E752", "E753", "E754", "E799"})
    if (error.code == code)
      return Failed;
  return Rejected;
}

void showDiagnostics(const diag::Engine &engine, bool json) {
  if (json)
    return;
  std::string text = engine.render();
  std::fwrite(text.data(), 1, text.size(), stderr);
}

} // namespace cleave::tool
