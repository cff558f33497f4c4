// Places and names of files as the protocol writes them.
#ifndef CLEAVE_TOOLS_LSP_TEXT_H
#define CLEAVE_TOOLS_LSP_TEXT_H

#include "tools/lsp/Rpc.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cleave::lsp {

// The lines of a text. A position is a line and a character, both from 0; characters count units of UTF-16,
// so one outside the basic plane counts two.
class Lines {
public:
  explicit Lines(std::string_view text);

  Json position(uint32_t offset) const;
  Json range(uint32_t begin, uint32_t end) const;
  // The byte offset of {line, character}; a character behind the line's end is the end of the line. Throws
  // RpcError when `position` is none.
  uint32_t offset(const Json &position) const;
  uint32_t size() const { return static_cast<uint32_t>(text.size()); }

private:
  std::string_view text;
  std::vector<uint32_t> starts;
};

// "file:///a%20b.dsl" <-> "/a b.dsl". Other schemes name no file: their path is the URI itself.
std::string pathOf(const std::string &uri);
std::string uriOf(const std::string &path);

} // namespace cleave::lsp

#endif
