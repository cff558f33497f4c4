#include "tools/lsp/Server.h"
#include "tools/lsp/Features.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <unistd.h>

namespace cleave::lsp {

Server::Server(const std::string &stdlib, int input, int output)
    : inbox(input), output(output), workspace(std::filesystem::weakly_canonical(stdlib).string()) {
  handlers = {{"textDocument/hover", hover},
              {"textDocument/definition", definition},
              {"textDocument/references", references},
              {"textDocument/documentHighlight", documentHighlight},
              {"textDocument/documentSymbol", documentSymbol},
              {"textDocument/prepareRename", prepareRename},
              {"textDocument/rename", rename},
              {"textDocument/completion", completion},
              {"textDocument/signatureHelp", signatureHelp},
              {"textDocument/formatting", formatting},
              {"textDocument/codeAction", codeAction}};
}

void Server::send(const Json &message) {
  std::string bytes = framed(message);
  for (size_t at = 0; at < bytes.size();) {
    ssize_t written = write(output, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno != EINTR) {
      exited = true; // nobody listens
      return;
    }
    at += written > 0 ? static_cast<size_t>(written) : 0;
  }
}

Json Server::initialize() {
  initialized = true;
  Json sync = {{"openClose", true}, {"change", 2}, {"save", true}};
  Json capabilities = {{"positionEncoding", "utf-16"},
                       {"textDocumentSync", sync},
                       {"hoverProvider", true},
                       {"definitionProvider", true},
                       {"referencesProvider", true},
                       {"documentHighlightProvider", true},
                       {"documentSymbolProvider", true},
                       {"renameProvider", {{"prepareProvider", true}}},
                       {"completionProvider", {{"triggerCharacters", {".", ":", "["}}}},
                       {"signatureHelpProvider", {{"triggerCharacters", {"(", ","}}}},
                       {"documentFormattingProvider", true},
                       {"codeActionProvider", {{"codeActionKinds", Json::array({"quickfix"})}}}};
  return {{"capabilities", capabilities},
          {"serverInfo", {{"name", "cleave-lsp"}, {"version", CLEAVE_VERSION}}}};
}

void Server::request(const Json &id, const std::string &method, const Json &params) {
  Json reply = {{"jsonrpc", "2.0"}, {"id", id}};
  auto fail = [&](int code, const std::string &message) {
    reply["error"] = {{"code", code}, {"message", message}};
  };
  try {
    auto handler = handlers.find(method);
    if (method == "initialize" && !initialized)
      reply["result"] = initialize();
    else if (method == "initialize" || stopping)
      fail(InvalidRequest, "a session begins once and ends once, found " + method);
    else if (!initialized)
      fail(NotInitialized, "a session begins with initialize, found " + method);
    else if (method == "shutdown")
      stopping = true, reply["result"] = nullptr;
    else if (handler == handlers.end())
      fail(MethodNotFound, "no such method: " + method);
    else
      reply["result"] = handler->second(workspace, params);
  } catch (const RpcError &error) {
    fail(error.code, error.what());
  } catch (const Json::exception &error) {
    fail(InvalidParams, std::string("parameters follow the protocol, found ") + error.what());
  } catch (const std::exception &error) {
    fail(InternalError, error.what());
  }
  send(reply);
}

void Server::notification(const std::string &method, const Json &params) {
  auto uri = [&] { return params.at("textDocument").at("uri").get<std::string>(); };
  if (method == "exit") {
    exited = true;
  } else if (!initialized || stopping) {
    return;
  } else if (method == "textDocument/didOpen") {
    const Json &document = params.at("textDocument");
    workspace.open(uri(), document.at("text").get<std::string>(), document.value("version", Json()));
  } else if (method == "textDocument/didChange") {
    workspace.change(uri(), params.at("contentChanges"), params["textDocument"].value("version", Json()));
  } else if (method == "textDocument/didClose") {
    workspace.close(uri());
  } else if (method == "textDocument/didSave" || method == "workspace/didChangeWatchedFiles") {
    workspace.invalidate();
  } else {
    return;
  }
  changed = true;
}

void Server::handle(const Json &message) {
  Json id = message.is_object() ? message.value("id", Json()) : Json();
  bool hasId = id.is_string() || id.is_number_integer();
  auto refuse = [&](int code, const char *text) {
    send({{"jsonrpc", "2.0"}, {"id", hasId ? id : Json()}, {"error", {{"code", code}, {"message", text}}}});
  };
  if (message.is_discarded())
    return refuse(ParseError, "a message is JSON, found something else");
  if (!message.is_object() || !message.contains("method") || !message["method"].is_string()) {
    bool reply = message.is_object() && (message.contains("result") || message.contains("error"));
    if (!reply) // nothing was asked of the client
      refuse(InvalidRequest, "a message is an object with a method, found none");
    return;
  }
  std::string method = message["method"];
  Json params = message.value("params", Json::object());
  if (message.contains("cancelled") && hasId)
    return refuse(RequestCancelled, "the request was cancelled");
  if (message.contains("id")) {
    if (!hasId)
      return refuse(InvalidRequest, "a request's id is a number or a string, found another kind");
    return request(id, method, params);
  }
  try {
    notification(method, params);
  } catch (const std::exception &error) {
    // A notification has no answer.
    std::fprintf(stderr, "cleave-lsp: %s: %s\n", method.c_str(), error.what());
  }
}

// What the client does not have yet. A file in several programs gets the diagnostics of all.
void Server::publish() {
  std::map<std::string, Json> now;
  try {
    for (const Program *program : workspace.programs())
      for (auto &[path, list] : diagnosticsOf(workspace, *program)) {
        auto [it, fresh] = now.try_emplace(path, Json::array());
        for (Json &d : list)
          if (std::find(it->second.begin(), it->second.end(), d) == it->second.end())
            it->second.push_back(std::move(d));
      }
  } catch (const std::exception &error) {
    std::fprintf(stderr, "cleave-lsp: %s\n", error.what());
  }
  for (const auto &[path, list] : published)
    now.try_emplace(path, Json::array());
  for (auto &[path, list] : now) {
    const Document *open = workspace.find(path);
    auto known = published.find(path);
    bool wasEmpty = known == published.end() || known->second.empty();
    if (open ? false : (wasEmpty && list.empty()))
      continue;
    Json params = {{"uri", workspace.uriFor(path)}, {"diagnostics", list}};
    if (open && open->version.is_number_integer())
      params["version"] = open->version;
    published[path] = std::move(list);
    send({{"jsonrpc", "2.0"}, {"method", "textDocument/publishDiagnostics"}, {"params", std::move(params)}});
  }
}

int Server::run() {
  while (!exited) {
    std::optional<Json> message = inbox.next();
    if (!message)
      break;
    handle(*message);
    if (changed && !exited && !inbox.hasMore()) {
      changed = false;
      publish();
    }
  }
  return stopping ? 0 : 1;
}

} // namespace cleave::lsp
