// The man page, from what --help says.
#include "tools/cleave/CommandLine.h"

namespace cleave::tool {

namespace {

// A line of roff: no escapes, no requests, hyphens as they are typed.
std::string roff(const std::string &text) {
  std::string out;
  bool lineStart = true;
  for (char c : text) {
    if (lineStart && (c == '.' || c == '\''))
      out += "\\&";
    out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    lineStart = c == '\n';
  }
  return out;
}

std::string option(const OptionFacts &facts) {
  std::string names;
  for (const std::string &name : facts.names)
    names += (names.empty() ? "" : ", ") + ("\\fB" + roff(name) + "\\fR");
  if (facts.value != OptionFacts::Value::None)
    names += (names.empty() ? "" : " ") + ("\\fI" + roff(facts.placeholder) + "\\fR");
  std::string text = facts.description + (facts.required && !facts.names.empty() ? "; required" : "");
  if (!facts.words.empty()) {
    text += ": one of";
    for (const std::string &word : facts.words)
      text += " " + word;
  }
  return ".TP\n" + names + "\n" + roff(text) + "\n";
}

std::string synopsis(const CommandFacts &command, const std::string &path) {
  std::string out = ".B " + roff(path) + "\n";
  bool optional = false;
  for (const OptionFacts &facts : command.options)
    optional |= !facts.required && !facts.names.empty();
  if (optional)
    out += "[\\fIoptions\\fR]\n";
  for (const OptionFacts &facts : command.options) {
    if (facts.required && !facts.names.empty())
      out += "\\fB" + roff(facts.names.back()) + "\\fR \\fI" + roff(facts.placeholder) + "\\fR\n";
    else if (facts.names.empty())
      out += (facts.required ? "\\fI" : "[\\fI") + roff(facts.placeholder) +
             (facts.required ? "\\fR\n" : "\\fR]\n");
  }
  return out;
}

// Commands that have commands below them stand as those.
void commands(const CommandFacts &command, const std::string &path, std::string &shapes, std::string &texts) {
  for (const CommandFacts &child : command.commands) {
    std::string name = path + " " + child.name;
    if (child.commands.empty())
      shapes += synopsis(child, name) + ".br\n";
    texts += ".SS " + roff(name) + "\n" + roff(child.description) + ".\n";
    for (const OptionFacts &facts : child.options)
      texts += option(facts);
    commands(child, name, shapes, texts);
  }
}

} // namespace

std::string manPage(const CommandFacts &app, const std::string &version) {
  std::string shapes, texts;
  commands(app, app.name, shapes, texts);
  std::string out =
      ".\\\" Made by `cleave man`.\n.TH CLEAVE 1 \"\" \"cleave " + roff(version) + "\" \"Cleave\"\n";
  out += ".SH NAME\ncleave \\- " + roff(app.description) + "\n.SH SYNOPSIS\n.nh\n.ad l\n" + shapes +
         ".ad b\n.hy\n";
  out += ".SH OPTIONS\n";
  for (const OptionFacts &facts : app.options)
    out += option(facts);
  out += ".SH COMMANDS\n" + texts;
  if (!app.footer.empty())
    out += ".SH NOTES\n" + roff(app.footer) + "\n";
  out += ".SH SEE ALSO\nThe language, the standard library and examples are described in the README of the "
         "sources.\n";
  return out;
}

} // namespace cleave::tool
