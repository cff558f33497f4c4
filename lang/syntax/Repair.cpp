#include "lang/syntax/Repair.h"
#include "lang/diag/Utf8.h"
#include "lang/syntax/Parser.h"
#include "lang/syntax/TokenTree.h"

#include <algorithm>

namespace cleave::syntax {

using grammar::CleaveLexer;

namespace {

// Each round parses once and blanks at least one statement; a text in which more is wrong is nearly all
// wrong.
constexpr unsigned kRounds = 12;

struct Range {
  size_t begin = 0, end = 0;
};

// Where statements and items begin.
class Starts {
public:
  explicit Starts(const diag::Source &source) : text(source.getText()), tree(source) {
    for (antlr4::Token *token : tree.getTokens())
      if (token->getChannel() == antlr4::Token::DEFAULT_CHANNEL)
        tokens.push_back(token);
  }

  // The statement that is wrong when the parser stopped at `offset`: the one before a keyword that came too
  // soon.
  Range statementAt(size_t offset) const {
    size_t at = 0;
    while (at + 1 < tokens.size() && tokens[at]->getStopIndex() < offset)
      ++at;
    bool tooSoon = begins(at) || closes(at) || tokens[at]->getType() == antlr4::Token::EOF;
    size_t first = tooSoon && at > 0 ? at - 1 : at;
    bool ownLine = !tooSoon && (at == 0 || tokens[at - 1]->getLine() != tokens[at]->getLine());
    while (first > 0 && !begins(first) && !ownLine)
      --first;
    size_t last = std::max(at, first + 1);
    for (; last + 1 < tokens.size() && !begins(last); ++last)
      if (closes(last) && !opensBetween(first, last))
        break;
    return {offsetOf(first), offsetOf(last)};
  }

  // From the line that begins the item around `offset` to the next such line.
  Range itemAt(size_t offset) const {
    Range range{0, text.size()};
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      size_t begin = offsetOf(i);
      if (!isItem(tokens[i]->getType()) || (begin > 0 && text[begin - 1] != '\n'))
        continue;
      if (begin <= offset) {
        range.begin = begin;
      } else {
        range.end = begin;
        break;
      }
    }
    return range;
  }

private:
  static bool isItem(size_t type) {
    return (type >= CleaveLexer::IMPORT && type <= CleaveLexer::ENTRY && type != CleaveLexer::AS) ||
           type == CleaveLexer::STATE || (type >= CleaveLexer::LINK && type <= CleaveLexer::PLAN);
  }
  size_t offsetOf(size_t i) const {
    return i < tokens.size() ? std::min(tokens[i]->getStartIndex(), text.size()) : text.size();
  }
  bool begins(size_t i) const {
    size_t type = tokens[i]->getType();
    if (beginsStatement(type))
      return true;
    // Words that are names elsewhere begin a statement when they begin a line.
    bool isTactic = type >= CleaveLexer::LINK && type <= CleaveLexer::PARTIAL;
    return (type == CleaveLexer::STATE || type == CleaveLexer::SET || type == CleaveLexer::DATA ||
            isTactic) &&
           (i == 0 || tokens[i - 1]->getLine() != tokens[i]->getLine());
  }
  bool closes(size_t i) const { return offsetOf(i) < text.size() && text[offsetOf(i)] == '}'; }
  bool opensBetween(size_t first, size_t last) const {
    int open = 0;
    for (size_t i = first; i < last; ++i)
      open += text[offsetOf(i)] == '{' ? 1 : text[offsetOf(i)] == '}' ? -1 : 0;
    return open > 0;
  }

  const std::string &text;
  TokenTree tree;
  std::vector<antlr4::Token *> tokens;
};

// Whether there was anything to blank.
bool blank(std::string &text, Range range) {
  bool changed = false;
  for (size_t i = range.begin; i < std::min(range.end, text.size()); ++i)
    if (text[i] != '\n' && text[i] != '\r' && text[i] != ' ') {
      text[i] = ' ';
      changed = true;
    }
  return changed;
}

void blankInvalid(std::string &text) {
  for (size_t at = 0; at < text.size();) {
    size_t length = diag::sequenceLength(std::string_view(text).substr(at));
    if (length == 0)
      text[at] = ' ';
    at += std::max<size_t>(length, 1);
  }
}

} // namespace

std::optional<std::string> withoutErrors(const diag::Source &source) {
  std::string text = source.getText();
  blankInvalid(text);
  for (unsigned round = 0; round < kRounds; ++round) {
    diag::Engine engine;
    const diag::Source *now = engine.addSource(source.getPath(), text);
    if (parse(*now, engine))
      return text;
    Starts starts(*now);
    bool changed = false, whole = round >= kRounds / 2;
    for (const auto &d : engine.getDiagnostics()) {
      changed |=
          blank(text, whole ? starts.itemAt(d->location.begin) : starts.statementAt(d->location.begin));
      if (!changed)
        changed |= blank(text, starts.itemAt(d->location.begin));
    }
    if (!changed)
      return std::nullopt;
  }
  return std::nullopt;
}

} // namespace cleave::syntax
