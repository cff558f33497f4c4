// Edits that the server proposes: the style of the language, and what hints say.
#include "lang/format/Format.h"
#include "tools/lsp/Features.h"

namespace cleave::lsp {

Json formatting(Workspace &workspace, const Json &params) {
  const Document &document =
      workspace.document(params.at("textDocument").at("uri").get_ref<const std::string &>());
  diag::Engine engine;
  std::optional<std::string> formatted = format::format(*engine.addSource("document", document.text), engine);
  Json edits = Json::array();
  if (!formatted || *formatted == document.text)
    return edits; // what does not parse is left alone; its diagnostics say why
  // One edit, of what differs.
  const std::string &old = document.text, &now = *formatted;
  size_t same = 0, behind = 0, most = std::min(old.size(), now.size());
  while (same < most && old[same] == now[same])
    ++same;
  while (same > 0 && (static_cast<unsigned char>(old[same - 1]) & 0x80))
    --same; // between two characters
  while (behind < most - same && old[old.size() - behind - 1] == now[now.size() - behind - 1])
    ++behind;
  while (behind > 0 && (static_cast<unsigned char>(old[old.size() - behind]) & 0xc0) == 0x80)
    --behind;
  edits.push_back(
      {{"range", Lines(old).range(static_cast<uint32_t>(same), static_cast<uint32_t>(old.size() - behind))},
       {"newText", now.substr(same, now.size() - behind - same)}});
  return edits;
}

// "did you mean 'x'?" as an edit of what the diagnostic is about.
Json codeAction(Workspace &workspace, const Json &params) {
  const std::string &uri = params.at("textDocument").at("uri").get_ref<const std::string &>();
  workspace.document(uri);
  Json out = Json::array();
  static const std::string kAsks = "did you mean '";
  for (const Json &diagnostic : params.at("context").at("diagnostics")) {
    std::string hint = diagnostic.value("data", Json::object()).value("hint", "");
    size_t begin = hint.find(kAsks), end = hint.rfind('\'');
    if (begin == std::string::npos || end <= begin + kAsks.size())
      continue;
    std::string better = hint.substr(begin + kAsks.size(), end - begin - kAsks.size());
    Json edit = {{"range", diagnostic.at("range")}, {"newText", better}};
    out.push_back({{"title", "Replace with '" + better + "'"},
                   {"kind", "quickfix"},
                   {"isPreferred", true},
                   {"diagnostics", Json::array({diagnostic})},
                   {"edit", {{"changes", {{uri, Json::array({edit})}}}}}});
  }
  return out;
}

} // namespace cleave::lsp
