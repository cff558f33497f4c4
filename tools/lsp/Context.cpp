#include "tools/lsp/Context.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace cleave::lsp {

namespace {

struct Token {
  enum Kind { Name, Mark, String } kind;
  std::string_view text;
  bool beginsLine = false;
};

bool isWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The tokens before `offset`; `inside` says that it is in a comment or string.
std::vector<Token> tokensBefore(std::string_view text, size_t offset, bool &inside) {
  std::vector<Token> out;
  bool beginsLine = true;
  inside = false;
  for (size_t i = 0; i < offset;) {
    char c = text[i];
    size_t begin = i;
    Token::Kind kind = Token::Mark;
    if (c == '\n') {
      beginsLine = true;
      ++i;
      continue;
    }
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++i;
      continue;
    }
    if (text.substr(i, 2) == "//") {
      i = std::min(text.find('\n', i), text.size());
      inside = i >= offset;
      continue;
    }
    if (c == '"') {
      for (++i; i < offset && text[i] != '"' && text[i] != '\n'; ++i)
        i += text[i] == '\\' ? 1 : 0;
      inside = i >= offset;
      i = std::min(i + 1, offset);
      kind = Token::String;
    } else if (isWord(c)) {
      while (i < offset && isWord(text[i]))
        ++i;
      kind = Token::Name;
    } else {
      i += text.substr(i, 3) == "..." ? 3 : text.substr(i, 2) == "->" ? 2 : 1;
      i = std::min(i, offset);
    }
    out.push_back({kind, text.substr(begin, i - begin), beginsLine});
    beginsLine = false;
  }
  return out;
}

bool isAny(std::string_view text, std::initializer_list<const char *> words) {
  return std::any_of(words.begin(), words.end(), [&](const char *word) { return text == word; });
}

// Reads tokens from the end.
class Reader {
public:
  explicit Reader(const std::vector<Token> &tokens) : tokens(tokens) {}

  std::string_view at(size_t i) const { return i < tokens.size() ? tokens[i].text : std::string_view(); }
  bool isName(size_t i) const { return i < tokens.size() && tokens[i].kind == Token::Name; }

  // The names of the dotted path that ends with token `last`; `first` gets where it begins.
  std::vector<std::string_view> pathBack(size_t last, size_t &first) const {
    std::vector<std::string_view> out;
    for (size_t i = last; isName(i); i -= 2) {
      out.insert(out.begin(), at(i));
      first = i;
      if (i < 2 || at(i - 1) != ".")
        break;
    }
    return out;
  }

  // The bracket around token `end` that is still open; tokens.size() when there is none.
  size_t opener(size_t end) const {
    int depth = 0;
    for (size_t i = end; i-- > 0;) {
      if (isAny(at(i), {")", "]", "}"}) && tokens[i].kind == Token::Mark)
        ++depth;
      else if (isAny(at(i), {"(", "[", "{"}) && tokens[i].kind == Token::Mark && --depth < 0)
        return i;
      else if (depth == 0 && tokens[i].beginsLine && startsStatement(at(i)))
        return tokens.size(); // what is open before a statement was never closed
    }
    return tokens.size();
  }

  static bool startsStatement(std::string_view word) {
    return isAny(word,
                 {"let", "param", "return", "layer", "repeat", "update", "print", "assert", "next", "yield",
                  "residual", "function", "entry", "axis", "hyper", "import", "composite", "local"});
  }

  size_t size() const { return tokens.size(); }
  bool beginsLine(size_t i) const { return i < tokens.size() && tokens[i].beginsLine; }

private:
  const std::vector<Token> &tokens;
};

using Wants = Context::Wants;

// The call whose brackets are open at the end of the tokens.
void readCall(const Reader &read, size_t open, Context &out) {
  size_t last = open, first = 0;
  if (last == 0 || read.at(open) != "(")
    return;
  --last;
  if (read.at(last) == "]") { // nn.pool[Out](...
    size_t bracket = read.opener(last);
    if (bracket == read.size() || bracket == 0)
      return;
    last = bracket - 1;
  }
  std::vector<std::string_view> path = read.pathBack(last, first);
  bool declares = first > 0 && isAny(read.at(first - 1), {"function", "layer", "entry", "let", "carry"});
  if (path.empty() || declares || isAny(path.back(), {"carry", "backward", "with"}))
    return;
  out.callee = path;
  int depth = 0;
  for (size_t i = open + 1; i < read.size(); ++i) {
    if (isAny(read.at(i), {"(", "[", "{"}))
      ++depth;
    else if (isAny(read.at(i), {")", "]", "}"}))
      --depth;
    else if (depth == 0 && read.at(i) == ",")
      ++out.argument;
    else if (depth == 0 && read.isName(i) && read.at(i + 1) == ":")
      out.given.push_back(read.at(i));
  }
}

// Whether the brackets at `open` are those of a type: behind `: f32`, `-> T`, `type name[`.
bool opensType(const Reader &read, size_t open) {
  size_t first = open;
  if (open == 0 || read.at(open) != "[" || read.pathBack(open - 1, first).empty() || first == 0)
    return false;
  std::string_view before = read.at(first - 1);
  if (before == "->" || before == ":")
    return true;
  return isAny(before, {"axis", "repeat"}) ||
         (isAny(read.at(open - 1), {"f32", "f64", "bf16", "f16", "i8", "i32", "i64", "u8", "bool"}));
}

// Whether the brackets at `open` belong to a layer target: `layer up = nn.Linear[`.
bool opensTarget(const Reader &read, size_t open) {
  size_t first = open;
  if (open == 0 || read.at(open) != "[" || read.pathBack(open - 1, first).empty() || first < 2)
    return false;
  for (size_t i = first; i-- > 0;) {
    if (isAny(read.at(i), {"layer", "repeat"}))
      return read.at(first - 1) == "=";
    if (read.beginsLine(i) && i + 1 < first)
      break;
  }
  return false;
}

// Where the plan around the end of the tokens begins, and what stands behind its brace; nothing outside of
// plans.
std::optional<std::pair<size_t, size_t>> planAround(const Reader &read) {
  size_t open = read.size();
  while (open > 0 && read.at(open - 1) != "{" && read.at(open - 1) != "}")
    --open;
  size_t head = open;
  while (head > 0 && !read.beginsLine(--head))
    ;
  if (open == 0 || read.at(open - 1) == "}" || read.at(head) != "plan")
    return std::nullopt;
  return std::pair(head, open);
}

// What a plan is for: `plan p for gpt on ...`.
std::vector<std::string_view> targetOf(const Reader &read) {
  std::vector<std::string_view> target;
  std::optional<std::pair<size_t, size_t>> plan = planAround(read);
  for (size_t i = plan ? plan->first : 0; plan && i + 1 < plan->second; ++i)
    if (read.at(i) == "for")
      for (size_t name = i + 1; read.isName(name) && read.at(i + 1) != "any"; name += 2) {
        target.push_back(read.at(name));
        if (read.at(name + 1) != ".")
          return target;
      }
  return target;
}

// What stands at the end of a plan's tokens; nothing outside of plans. Brackets of tactics do not nest in
// braces.
std::optional<Wants> wantsInPlan(const Reader &read, bool ownLine) {
  std::optional<std::pair<size_t, size_t>> plan = planAround(read);
  if (!plan)
    return std::nullopt;
  size_t end = read.size(), open = plan->second;
  if (open == end || ownLine)
    return Wants::Tactic;
  std::string_view before = read.at(end - 1), keyword;
  for (size_t i = open; i < end; ++i)
    if (isAny(read.at(i),
              {"shard", "over", "layout", "replicate", "store", "accumulate", "of", "recompute", "save",
               "remainder", "for", "overlap", "allow", "no", "in", "manual", "assert", "to"}))
      keyword = read.at(i);
  if (before == "/" || keyword == "over")
    return Wants::MeshAxis;
  if (keyword == "to")
    return Wants::Plan;
  for (size_t i = end; i-- > open && keyword == "layout";)
    if (read.at(i) == "[" && read.at(i + 1) != "*")
      return Wants::Axis;
  bool isStore = false;
  for (size_t i = open; i < end; ++i)
    isStore = read.at(i) == "store" || (isStore && read.at(i) != "accumulate");
  if (isAny(keyword, {"shard", "for"}) || (keyword == "of" && !isStore))
    return Wants::Axis;
  return Wants::Selector;
}

Wants wantsOf(const Reader &read, size_t open) {
  size_t end = read.size();
  std::string_view before = end ? read.at(end - 1) : std::string_view();
  bool bracketed = open < read.size();
  if (end == 0 || before == "{" || (before == "}" && !bracketed))
    return Wants::Statement;
  if (isAny(before, {"over", "..."}))
    return Wants::Axis;
  if (before == "import")
    return Wants::Module;
  if (before == "from")
    return Wants::Data;
  if (before == "on")
    return Wants::Mesh;
  if (before == "extends")
    return Wants::Plan;
  if (before == "->")
    return Wants::Type;
  if (bracketed && read.at(open) == "[" && (opensType(read, open) || opensTarget(read, open)))
    return Wants::Axis;
  if (before == "=" && end >= 3)
    for (size_t i = end - 1; i-- > 0;) {
      if (isAny(read.at(i), {"layer", "repeat"}))
        return Wants::Layer;
      if (read.beginsLine(i))
        break;
    }
  if (before == "with")
    return Wants::Layer;
  if (before == ":") {
    if (bracketed && read.at(open) == "[")
      return Wants::Axis;
    size_t first = open;
    bool call = bracketed && read.at(open) == "(" && open > 0 && !read.pathBack(open - 1, first).empty();
    bool reduces =
        call && isAny(read.at(open - 1), {"sum", "max", "min", "mean", "prod", "argmax", "argmin"});
    bool declares = call && first > 0 && isAny(read.at(first - 1), {"function", "layer", "entry"});
    return reduces ? Wants::Axis : call && !declares ? Wants::Value : Wants::Type;
  }
  return Wants::Value;
}

} // namespace

Context contextAt(std::string_view text, uint32_t offset) {
  Context out;
  size_t begin = std::min<size_t>(offset, text.size());
  while (begin > 0 && isWord(text[begin - 1]))
    --begin;
  out.prefix = text.substr(begin, std::min<size_t>(offset, text.size()) - begin);
  bool inside = false;
  std::vector<Token> tokens = tokensBefore(text, begin, inside);
  Reader read(tokens);
  if (inside || (!out.prefix.empty() && std::isdigit(static_cast<unsigned char>(out.prefix[0])))) {
    out.wants = Wants::Nothing;
    return out;
  }
  size_t open = read.opener(read.size());
  readCall(read, open, out);
  // A name that begins a line outside of brackets may become a keyword.
  bool ownLine = text.substr(0, begin).find_last_not_of(" \t") == std::string_view::npos ||
                 text[text.substr(0, begin).find_last_not_of(" \t")] == '\n';
  std::optional<Wants> inPlan = wantsInPlan(read, ownLine);
  out.inPlan = inPlan.has_value();
  out.target = targetOf(read);
  if (!tokens.empty() && tokens.back().text == ".") {
    size_t first = 0;
    out.wants = Wants::Member;
    // The steps of a selector: gpt.blocks[*].
    std::vector<std::string_view> steps;
    for (size_t i = tokens.size() - 1; inPlan && i > 0; i -= 2) {
      if (read.at(i - 1) == "]" && i > 3)
        i -= 3;
      if (!read.isName(i - 1))
        break;
      steps.insert(steps.begin(), read.at(i - 1));
      if (i < 2 || read.at(i - 2) != ".")
        break;
    }
    if (tokens.size() > 1)
      out.path = inPlan ? steps : read.pathBack(tokens.size() - 2, first);
    return out;
  }
  if (inPlan) {
    out.wants = *inPlan;
    return out;
  }
  out.wants = wantsOf(read, open);
  bool inBody = open == read.size() || read.at(open) == "{";
  if (ownLine && inBody && out.wants == Wants::Value)
    out.wants = Wants::Statement;
  return out;
}

} // namespace cleave::lsp
