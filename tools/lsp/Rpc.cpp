#include "tools/lsp/Rpc.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <poll.h>
#include <unistd.h>

namespace cleave::lsp {

static constexpr size_t kMostBytes = size_t(64) << 20; // of one message

// The value of the header field in `head`, or none.
static std::optional<size_t> contentLength(std::string_view head) {
  static constexpr std::string_view kName = "content-length:";
  for (size_t begin = 0; begin < head.size();) {
    size_t end = std::min(head.find('\n', begin), head.size());
    std::string_view line = head.substr(begin, end - begin);
    begin = end + 1;
    bool same = line.size() > kName.size() &&
                std::equal(kName.begin(), kName.end(), line.begin(),
                           [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
    if (!same)
      continue;
    size_t value = 0;
    bool digits = false;
    for (char c : line.substr(kName.size())) {
      if (c == ' ' || c == '\t' || c == '\r')
        continue;
      if (!std::isdigit(static_cast<unsigned char>(c)) || value > kMostBytes)
        return std::nullopt;
      value = value * 10 + static_cast<size_t>(c - '0');
      digits = true;
    }
    return digits ? std::optional<size_t>(value) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> Framing::next() {
  for (;;) {
    size_t end = buffer.find("\r\n\r\n"), skip = 4;
    if (size_t plain = buffer.find("\n\n"); plain < end) {
      end = plain;
      skip = 2;
    }
    if (end == std::string::npos) {
      if (buffer.size() > kMostBytes)
        buffer.clear();
      return std::nullopt;
    }
    std::optional<size_t> length = contentLength(std::string_view(buffer).substr(0, end));
    if (!length || *length > kMostBytes) {
      buffer.erase(0, end + skip);
      continue;
    }
    if (buffer.size() - end - skip < *length)
      return std::nullopt;
    std::string text = buffer.substr(end + skip, *length);
    buffer.erase(0, end + skip + *length);
    return text;
  }
}

bool Inbox::read(bool wait) {
  pollfd ready{file, POLLIN, 0};
  int found;
  do
    found = poll(&ready, 1, wait ? -1 : 0);
  while (found < 0 && errno == EINTR);
  if (found <= 0)
    return false;
  char bytes[1 << 16];
  ssize_t length;
  do
    length = ::read(file, bytes, sizeof bytes);
  while (length < 0 && errno == EINTR);
  ended |= length <= 0;
  if (length > 0)
    framing.add({bytes, static_cast<size_t>(length)});
  return length > 0;
}

// Whole messages of what was read go to `waiting`. A request that is cancelled while it waits is marked.
void Inbox::take() {
  while (std::optional<std::string> text = framing.next()) {
    Json message = Json::parse(*text, nullptr, false);
    bool cancel = message.is_object() && message.value("method", Json()) == "$/cancelRequest";
    if (!cancel) {
      waiting.push_back(std::move(message));
      continue;
    }
    Json params = message.value("params", Json());
    Json id = params.is_object() ? params.value("id", Json()) : Json();
    for (Json &other : waiting)
      if (other.is_object() && other.contains("method") && other.contains("id") && other["id"] == id)
        other["cancelled"] = true;
  }
}

bool Inbox::hasMore() {
  while (!ended && read(false))
    take();
  return !waiting.empty();
}

std::optional<Json> Inbox::next() {
  hasMore(); // what came meanwhile may cancel what waits
  while (waiting.empty()) {
    if (ended)
      return std::nullopt;
    read(true);
    take();
  }
  Json message = std::move(waiting.front());
  waiting.pop_front();
  return message;
}

std::string framed(const Json &message) {
  // Text of broken files may stand in messages.
  std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
  return "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

} // namespace cleave::lsp
