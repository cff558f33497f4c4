#include "tools/cleave/CommandLine.h"

#include <CLI/CLI.hpp>

namespace cleave::tool {

// "TEXT:{a,b}" -> "TEXT", {a, b}: what CLI11 makes of a type and the checks of its value.
static void readType(const std::string &type, OptionFacts &out) {
  out.placeholder = type.substr(0, type.find(':'));
  size_t open = type.find('{'), close = type.find('}');
  if (open != std::string::npos && close != std::string::npos) {
    out.value = OptionFacts::Value::Words;
    out.words = CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
    return;
  }
  auto has = [&](const char *word) { return type.find(word) != std::string::npos; };
  out.value = has("PROGRAM")                ? OptionFacts::Value::Program
              : has("DIR") || has("FOLDER") ? OptionFacts::Value::Folder
              : has("FILE") || has("PATH")  ? OptionFacts::Value::File
                                            : OptionFacts::Value::Other;
}

static OptionFacts factsOf(const CLI::Option &option) {
  OptionFacts out;
  for (const std::string &name : option.get_snames())
    out.names.push_back("-" + name);
  for (const std::string &name : option.get_lnames())
    out.names.push_back("--" + name);
  out.description = option.get_description();
  out.required = option.get_required();
  if (option.get_items_expected_max() > 0)
    readType(option.get_type_name(), out);
  if (out.names.empty())
    out.placeholder = option.get_name();
  return out;
}

CommandFacts commandLine(const CLI::App &app) {
  CommandFacts out;
  out.name = app.get_name();
  out.description = app.get_description();
  out.footer = app.get_footer();
  for (bool positional : {false, true})
    for (const CLI::Option *option : app.get_options())
      if (option->get_positional() == positional)
        out.options.push_back(factsOf(*option));
  for (const CLI::App *command : app.get_subcommands(nullptr))
    out.commands.push_back(commandLine(*command));
  return out;
}

} // namespace cleave::tool
