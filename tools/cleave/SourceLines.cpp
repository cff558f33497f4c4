#include "tools/cleave/SourceLines.h"

#include <fstream>
#include <sstream>

namespace cleave::tool {

const std::vector<std::string> &SourceLines::of(const std::string &file) {
  auto known = read.find(file);
  if (known != read.end())
    return known->second;
  std::vector<std::string> &lines = read[file];
  auto take = [&](std::istream &stream) {
    for (std::string text; std::getline(stream, text);)
      lines.push_back(text);
  };
  for (const auto &source : engine.getSources())
    if (source->getPath() == file) {
      std::istringstream text{std::string(source->getText())};
      take(text);
      return lines;
    }
  std::ifstream stream(file);
  take(stream);
  return lines;
}

std::string SourceLines::line(const std::string &file, int number) {
  const std::vector<std::string> &lines = of(file);
  size_t index = static_cast<size_t>(number) - 1;
  return index < lines.size() ? lines[index] : std::string();
}

} // namespace cleave::tool
