#include "compiler/explain/Html.h"

#include "compiler/explain/Text.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

using namespace cleave::explain;
using Json = nlohmann::ordered_json;

// `@DATA@` stands where the facts go.
static constexpr const char kPage[] =
#include "compiler/explain/Page.inc"
    ;

namespace {

// Lines of files that the page shows.
class Sources {
public:
  explicit Sources(const HtmlOptions &options) : options(options) {}

  // The line that a place "file:line:column" names; with `whole` all of its file.
  void add(const std::string &place, bool whole) {
    size_t second = place.rfind(':');
    size_t first = second == std::string::npos || second == 0 ? second : place.rfind(':', second - 1);
    if (first == std::string::npos)
      return;
    std::string file = place.substr(0, first);
    size_t line = std::strtoull(place.c_str() + first + 1, nullptr, 10);
    auto [lines, isNew] = read.try_emplace(file);
    if (isNew && options.lines)
      lines->second = options.lines(file);
    for (size_t i = whole ? 1 : line; i <= (whole ? lines->second.size() : line); ++i)
      if (i >= 1 && i <= lines->second.size())
        shown[file].insert(i);
  }

  Json json() const {
    Json files = Json::object();
    for (const auto &[file, numbers] : shown)
      for (size_t number : numbers)
        files[file][std::to_string(number)] = read.at(file)[number - 1];
    return files;
  }

private:
  const HtmlOptions &options;
  std::map<std::string, std::vector<std::string>> read;
  std::map<std::string, std::set<size_t>> shown;
};

} // namespace

// As text of a script: no tag can begin in it.
static std::string escaped(const std::string &json) {
  std::string text;
  for (char c : json)
    text += c == '<' ? "\\u003c" : std::string(1, c);
  return text;
}

std::string cleave::explain::renderHtml(const Facts &facts, const HtmlOptions &options) {
  Sources sources(options);
  for (const TacticFacts &tactic : facts.mesh.tactics)
    sources.add(tactic.plan, /*whole=*/true);
  for (const CollectiveFacts &collective : facts.collectives) {
    sources.add(collective.source, /*whole=*/false);
    for (const ReasonFacts &other : collective.merged)
      sources.add(other.source, /*whole=*/false);
  }
  for (const ValueFacts &value : facts.values)
    sources.add(value.source, /*whole=*/false);
  for (const ActionFacts &action : facts.step)
    sources.add(action.source, /*whole=*/false);
  Json data = Json::parse(renderJson(facts));
  data["file"] = options.file;
  data["files"] = sources.json();
  std::string page = kPage;
  const std::string mark = "@DATA@";
  // Bytes of a source that are no UTF-8 are replaced: a browser would do the same.
  page.replace(page.find(mark), mark.size(),
               escaped(data.dump(-1, ' ', false, Json::error_handler_t::replace)));
  return page;
}
