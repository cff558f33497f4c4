// `cleave fmt`: programs in the one style of the language.
#include "lang/format/Format.h"
#include "runtime/core/File.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Reporting.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <unistd.h>

namespace cleave::tool {

namespace {

constexpr const char *kStandardInput = "-";

std::optional<std::string> readAll(const std::string &path, diag::Engine &engine) {
  std::ostringstream text;
  if (path == kStandardInput) {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::error_code ignored;
  std::ifstream in(path, std::ios::binary);
  bool folder = std::filesystem::is_directory(path, ignored);
  if (in && !folder) {
    text << in.rdbuf();
    return text.str();
  }
  engine.error("E500", {},
               "a program is a file that can be read, found " +
                   std::string(folder ? "the folder " : "no readable file ") + "'" + path + "'");
  return std::nullopt;
}

bool writeAll(const std::string &path, const std::string &text, diag::Engine &engine) {
  if (path == kStandardInput)
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  namespace fs = std::filesystem;
  std::error_code ignored;
  fs::perms mode = fs::status(path, ignored).permissions();
  std::string why;
  if (access(path.c_str(), W_OK) != 0) {
    why = std::strerror(errno);
  } else if (rt::replaceFile(path, {{text.data(), static_cast<int64_t>(text.size())}}, why)) {
    fs::permissions(path, mode, ignored);
    return true;
  }
  engine.error("E706", {}, "a file to format must be writable, found that '" + path + "' is not: " + why);
  return false;
}

// Whether the file was, or with `check` is, in style.
bool formatOne(const std::string &path, bool check, diag::Engine &engine) {
  std::optional<std::string> text = readAll(path, engine);
  if (!text)
    return false;
  bool piped = path == kStandardInput;
  const diag::Source *source = engine.addSource(piped ? "<stdin>" : path, std::move(*text));
  std::optional<std::string> formatted = format::format(*source, engine);
  if (!formatted)
    return false;
  bool same = *formatted == source->getText();
  if (check) {
    if (!same)
      std::printf("%s\n", source->getPath().c_str());
    return same;
  }
  return (same && !piped) || writeAll(path, *formatted, engine);
}

} // namespace

int fmtCommand(const FmtOptions &options) {
  diag::Engine engine;
  bool fine = true;
  for (const std::string &path : options.files)
    fine &= formatOne(path, options.check, engine);
  if (options.standardInput)
    fine &= formatOne(kStandardInput, options.check, engine);
  showDiagnostics(engine, false);
  return fine ? Fine : Rejected;
}

} // namespace cleave::tool
