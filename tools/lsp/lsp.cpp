// The language server: speaks the Language Server Protocol on standard input and output.
#include "lang/sema/StandardLibrary.h"
#include "tools/lsp/Server.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <unistd.h>

int main(int argc, char **argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Language server of Cleave: speaks the Language Server Protocol on standard input and output.",
               "cleave-lsp"};
  std::string stdlib;
  bool ignored = false;
  app.set_version_flag("--version", "cleave-lsp " CLEAVE_VERSION);
  app.add_option("--stdlib", stdlib, "Folder of the standard library; default: where `cleave` looks for it");
  app.add_flag("--stdio", ignored, "What editors pass to say what is always so");
  CLI11_PARSE(app, argc, argv);
  return cleave::lsp::Server(stdlib.empty() ? cleave::standardLibrary() : stdlib, STDIN_FILENO, STDOUT_FILENO)
      .run();
}
