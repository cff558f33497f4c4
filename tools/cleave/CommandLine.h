// The command line as data, read off the parser: what completion scripts and the man page are made from.
#ifndef CLEAVE_TOOLS_CLEAVE_COMMANDLINE_H
#define CLEAVE_TOOLS_CLEAVE_COMMANDLINE_H

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace cleave::tool {

struct OptionFacts {
  enum class Value { None, Words, File, Folder, Program, Other };
  std::vector<std::string> names; // with their dashes; empty for a positional argument
  std::string placeholder;        // of the value: FILE, N, ...; a positional argument's name
  std::string description;
  Value value = Value::None;
  std::vector<std::string> words; // that a value can be
  bool required = false;
};

struct CommandFacts {
  std::string name; // "run"; of the whole: "cleave"
  std::string description;
  std::string footer;
  std::vector<OptionFacts> options; // positional ones last
  std::vector<CommandFacts> commands;
};

CommandFacts commandLine(const CLI::App &app);

// The shells that completionScript takes.
const std::vector<std::string> &shells();
// A completion script for a shell: `source <(cleave completion bash)`.
std::string completionScript(const std::string &shell, const CommandFacts &app);

// The man page, in roff.
std::string manPage(const CommandFacts &app, const std::string &version);

} // namespace cleave::tool

#endif
