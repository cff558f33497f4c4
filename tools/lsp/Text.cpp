#include "tools/lsp/Text.h"

#include "lang/diag/Utf8.h"

#include <algorithm>
#include <cctype>

namespace cleave::lsp {

Lines::Lines(std::string_view text) : text(text) {
  starts.push_back(0);
  for (uint32_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')))
      starts.push_back(i + 1);
}

static uint32_t unitsOf(size_t bytes) { return bytes == 4 ? 2 : 1; }

Json Lines::position(uint32_t offset) const {
  offset = std::min(offset, size());
  size_t line = std::upper_bound(starts.begin(), starts.end(), offset) - starts.begin() - 1;
  uint32_t character = 0;
  for (uint32_t at = starts[line]; at < offset;) {
    size_t length = std::max<size_t>(diag::sequenceLength(text.substr(at)), 1);
    character += unitsOf(length);
    at += static_cast<uint32_t>(length);
  }
  return {{"line", line}, {"character", character}};
}

Json Lines::range(uint32_t begin, uint32_t end) const {
  return {{"start", position(begin)}, {"end", position(std::max(begin, end))}};
}

static uint64_t numberOf(const Json &position, const char *name) {
  auto it = position.is_object() ? position.find(name) : position.end();
  if (!position.is_object() || it == position.end() || !it->is_number_integer() || it->get<int64_t>() < 0)
    throw RpcError(InvalidParams,
                   std::string("a position has a line and a character from 0, found no ") + name);
  return it->get<uint64_t>();
}

uint32_t Lines::offset(const Json &position) const {
  uint64_t line = numberOf(position, "line"), character = numberOf(position, "character");
  if (line >= starts.size())
    return size();
  uint32_t at = starts[line];
  for (uint64_t units = 0; at < size() && units < character && text[at] != '\n' && text[at] != '\r';) {
    size_t length = std::max<size_t>(diag::sequenceLength(text.substr(at)), 1);
    units += unitsOf(length);
    if (units <= character) // in the middle of a pair: its start
      at += static_cast<uint32_t>(length);
  }
  return at;
}

static int hexOf(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string pathOf(const std::string &uri) {
  static constexpr std::string_view kScheme = "file://";
  if (uri.compare(0, kScheme.size(), kScheme) != 0)
    return uri;
  size_t begin = std::min(uri.find('/', kScheme.size()), uri.size()); // behind the host
  std::string path;
  for (size_t i = begin; i < uri.size(); ++i) {
    bool escaped = uri[i] == '%' && i + 2 < uri.size() && hexOf(uri[i + 1]) >= 0 && hexOf(uri[i + 2]) >= 0;
    path += escaped ? static_cast<char>(hexOf(uri[i + 1]) * 16 + hexOf(uri[i + 2])) : uri[i];
    i += escaped ? 2 : 0;
  }
  return path;
}

std::string uriOf(const std::string &path) {
  if (path.empty() || path[0] != '/')
    return path;
  static const char digits[] = "0123456789ABCDEF";
  std::string uri = "file://";
  for (char c : path) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("/-._~").find(c) != std::string_view::npos) {
      uri += c;
    } else {
      uri += '%';
      uri += digits[byte >> 4];
      uri += digits[byte & 15];
    }
  }
  return uri;
}

} // namespace cleave::lsp
