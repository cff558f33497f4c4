// JSON-RPC 2.0 over a stream, framed as the Language Server Protocol frames it:
//
//   Content-Length: 43\r\n
//   \r\n
//   {"jsonrpc":"2.0","method":"exit","params":{}}
#ifndef CLEAVE_TOOLS_LSP_RPC_H
#define CLEAVE_TOOLS_LSP_RPC_H

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

namespace cleave::lsp {

using Json = nlohmann::json;

enum ErrorCode {
  ParseError = -32700,
  InvalidRequest = -32600,
  MethodNotFound = -32601,
  InvalidParams = -32602,
  InternalError = -32603,
  NotInitialized = -32002,
  RequestFailed = -32803,
  RequestCancelled = -32800
};

// A request's answer that is an error.
struct RpcError : std::runtime_error {
  RpcError(int code, const std::string &message) : std::runtime_error(message), code(code) {}
  int code;
};

// Cuts a stream of bytes into messages. What is between two messages and begins no header is skipped, so that
// one broken message does not lose those behind it.
class Framing {
public:
  void add(std::string_view bytes) { buffer.append(bytes); }
  // The text of the next whole message.
  std::optional<std::string> next();

private:
  std::string buffer;
};

// Messages from a file descriptor, in order, but for cancellations, which take effect on what waits.
class Inbox {
public:
  explicit Inbox(int file) : file(file) {}

  // The next message, waiting for it; none at the end of the input. A message that is no JSON is `discarded`.
  std::optional<Json> next();
  // Whether something waits, here or in the pipe.
  bool hasMore();

private:
  bool read(bool wait);
  void take();

  int file;
  bool ended = false;
  Framing framing;
  std::deque<Json> waiting;
};

// One message, framed.
std::string framed(const Json &message);

} // namespace cleave::lsp

#endif
