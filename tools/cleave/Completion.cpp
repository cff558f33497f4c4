// Completion scripts for bash, zsh and fish.
#include "tools/cleave/CommandLine.h"

#include <functional>

namespace cleave::tool {

namespace {

using Value = OptionFacts::Value;
// A command and the words that lead to it: "" for the whole, "run", "cache clear".
using Visitor = std::function<void(const std::string &path, const CommandFacts &command)>;

void visit(const CommandFacts &command, const std::string &path, const Visitor &visitor) {
  visitor(path, command);
  for (const CommandFacts &child : command.commands)
    visit(child, path.empty() ? child.name : path + " " + child.name, visitor);
}

std::string join(const std::vector<std::string> &parts, const char *separator) {
  std::string out;
  for (const std::string &part : parts)
    out += (out.empty() ? "" : separator) + part;
  return out;
}

// In single quotes of a shell; `quote` is how the shell writes one inside them.
std::string quoted(const std::string &text, const char *quote) {
  std::string out = "'";
  for (char c : text)
    out += c == '\'' ? quote : c == '\n' ? " " : std::string(1, c);
  return out + "'";
}

std::vector<std::string> optionNames(const CommandFacts &command) {
  std::vector<std::string> out;
  for (const OptionFacts &option : command.options)
    out.insert(out.end(), option.names.begin(), option.names.end());
  return out;
}

//===-- bash ------------------------------------------------------------===//

std::string bashAction(const OptionFacts &option) {
  switch (option.value) {
  case Value::Words:
    return "_cleave_words " + quoted(join(option.words, " "), "'\\''");
  case Value::File:
    return "_cleave_files";
  case Value::Folder:
    return "_cleave_folders";
  case Value::Program:
    return "_cleave_programs";
  default:
    return ":"; // nothing to offer
  }
}

std::string bash(const CommandFacts &app) {
  std::string commands, values, options, rest;
  visit(app, "", [&](const std::string &path, const CommandFacts &command) {
    std::vector<std::string> names;
    for (const CommandFacts &child : command.commands) {
      names.push_back(child.name);
      commands += "      '" + path + "|" + child.name + "') path='" + (path.empty() ? "" : path + " ") +
                  child.name + "' ;;\n";
    }
    for (const OptionFacts &option : command.options) {
      if (option.value == Value::None)
        continue;
      for (const std::string &name : option.names)
        values += "    '" + path + "|" + name + "') " + bashAction(option) + "; return ;;\n";
      if (option.names.empty())
        rest += "    '" + path + "') " + bashAction(option) + " ;;\n";
    }
    options += "    '" + path + "') _cleave_words '" + join(optionNames(command), " ") + "'; return ;;\n";
    if (!names.empty())
      rest += "    '" + path + "') _cleave_words '" + join(names, " ") + "' ;;\n";
  });
  return R"(# Completion of cleave for bash, made by `cleave completion bash`.
_cleave_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }
_cleave_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
_cleave_folders() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$current")
}
_cleave_programs() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -X '!*.dsl' -- "$current"
    compgen -f -X '!*.cleave' -- "$current"; compgen -d -- "$current")
}
_cleave() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "$path|${COMP_WORDS[i]}" in
)" + commands +
         R"(    esac
  done
  # --stage=a is three words here.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD-2]}
  fi
  case "$path|$previous" in
)" + values +
         R"(  esac
  if [[ $current == -* ]]; then
    case "$path" in
)" + options +
         R"(    esac
  fi
  case "$path" in
)" + rest +
         R"(  esac
}
complete -F _cleave cleave
)";
}

//===-- zsh -------------------------------------------------------------===//

// Brackets and colons mean something in _arguments.
std::string zshText(const std::string &text) {
  std::string out;
  for (char c : text)
    out += c == '[' || c == ']' || c == ':' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out;
}

std::string zshAction(const OptionFacts &option) {
  switch (option.value) {
  case Value::Words:
    return "(" + join(option.words, " ") + ")";
  case Value::File:
    return "_files";
  case Value::Folder:
    return "_files -/";
  case Value::Program:
    return "_files -g \"*.(dsl|cleave)\"";
  default:
    return " ";
  }
}

std::string zshArguments(const CommandFacts &command, const std::string &indent) {
  std::string out = "_arguments -S";
  for (const OptionFacts &option : command.options) {
    std::string value =
        option.value == Value::None ? "" : ":" + zshText(option.placeholder) + ":" + zshAction(option);
    for (const std::string &name : option.names)
      out += " \\\n" + indent + "  " +
             quoted("*" + name + "[" + zshText(option.description) + "]" + value, "'\\''");
    if (option.names.empty())
      out += " \\\n" + indent + "  " + quoted("*" + value, "'\\''");
  }
  return out;
}

std::string zsh(const CommandFacts &app) {
  std::string functions;
  visit(app, "", [&](const std::string &path, const CommandFacts &command) {
    std::string name = "_cleave" + (path.empty() ? "" : "_" + path);
    for (char &c : name)
      c = c == ' ' || c == '-' ? '_' : c;
    functions += name + "() {\n";
    if (command.commands.empty()) {
      functions += "  " + zshArguments(command, "  ") + "\n}\n";
      return;
    }
    std::string list, cases;
    for (const CommandFacts &child : command.commands) {
      std::string below = child.name;
      for (char &c : below)
        c = c == '-' ? '_' : c;
      list += "    " + quoted(zshText(child.name) + ":" + child.description, "'\\''") + "\n";
      cases += "        " + child.name + ") " + name + "_" + below + " ;;\n";
    }
    functions += "  local -a commands=(\n" + list + "  )\n  local curcontext=$curcontext state line\n  " +
                 zshArguments(command, "  ") +
                 " \\\n    '1:command:->command' \\\n    '*::argument:->argument'\n  case $state in\n    "
                 "command) _describe "
                 "command commands ;;\n    argument)\n      case $words[1] in\n" +
                 cases + "      esac ;;\n  esac\n}\n";
  });
  return "#compdef cleave\n# Completion of cleave for zsh, made by `cleave completion zsh`.\n" + functions +
         "if [[ $funcstack[1] == _cleave ]]; then _cleave \"$@\"; else compdef _cleave cleave; fi\n";
}

//===-- fish ------------------------------------------------------------===//

std::string fishValue(const OptionFacts &option) {
  switch (option.value) {
  case Value::Words:
    return " -x -a '" + join(option.words, " ") + "'";
  case Value::File:
    return " -r -F";
  case Value::Folder:
    return " -x -a '(__fish_complete_directories)'";
  case Value::Program:
    return " -k -x -a '(__fish_complete_suffix .dsl) (__fish_complete_suffix .cleave)'";
  default:
    return option.value == Value::None ? "" : " -x";
  }
}

std::string fish(const CommandFacts &app) {
  std::string out =
      "# Completion of cleave for fish, made by `cleave completion fish`.\ncomplete -c cleave -f\n";
  visit(app, "", [&](const std::string &path, const CommandFacts &command) {
    // Behind every word of the path, and before any command below it.
    std::string when;
    for (size_t begin = 0; begin < path.size();) {
      size_t end = std::min(path.find(' ', begin), path.size());
      when +=
          (when.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + path.substr(begin, end - begin));
      begin = end + 1;
    }
    std::vector<std::string> below;
    for (const CommandFacts &child : command.commands)
      below.push_back(child.name);
    if (!below.empty())
      when += (when.empty() ? "" : "; and ") + ("not __fish_seen_subcommand_from " + join(below, " "));
    std::string head = "complete -c cleave" + (when.empty() ? "" : " -n " + quoted(when, "\\'"));
    for (const CommandFacts &child : command.commands)
      out += head + " -a " + child.name + " -d " + quoted(child.description, "\\'") + "\n";
    for (const OptionFacts &option : command.options) {
      std::string names;
      for (const std::string &name : option.names)
        names += name[1] == '-' ? " -l " + name.substr(2) : " -s " + name.substr(1);
      out += head + names + fishValue(option) + " -d " + quoted(option.description, "\\'") + "\n";
    }
  });
  return out;
}

} // namespace

const std::vector<std::string> &shells() {
  static const std::vector<std::string> names = {"bash", "zsh", "fish"};
  return names;
}

std::string completionScript(const std::string &shell, const CommandFacts &app) {
  return shell == "bash" ? bash(app) : shell == "zsh" ? zsh(app) : fish(app);
}

} // namespace cleave::tool
