// The language server: one loop over the messages of a client.
#ifndef CLEAVE_TOOLS_LSP_SERVER_H
#define CLEAVE_TOOLS_LSP_SERVER_H

#include "tools/lsp/Workspace.h"

#include <functional>

namespace cleave::lsp {

class Server {
public:
  Server(const std::string &stdlib, int input, int output);

  // Until the client says exit or closes the stream; the process's exit status.
  int run();

private:
  using Handler = std::function<Json(Workspace &, const Json &params)>;

  void handle(const Json &message);
  void request(const Json &id, const std::string &method, const Json &params);
  void notification(const std::string &method, const Json &params);
  Json initialize();
  void publish();
  void send(const Json &message);

  Inbox inbox;
  int output;
  Workspace workspace;
  std::map<std::string, Handler> handlers;
  std::map<std::string, Json> published; // by path; what the client has
  bool initialized = false, stopping = false, exited = false, changed = false;
};

} // namespace cleave::lsp

#endif
