#include "lang/format/Printer.h"
#include "lang/format/Format.h"

#include <algorithm>
#include <cstdint>

namespace cleave::format {

namespace {

unsigned widthOf(std::string_view text) { // in code points
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

// The tokens of a line as far as they tell whether it is hard to read: one that begins or ends within a part
// of a list, and has another part of that list on it. `f(a, g(b,` is worse than `f(a,`.
class LineParts {
public:
  // Null: the first line of a statement.
  explicit LineParts(const Token *begin)
      : beginLevel(begin ? begin->level() : 0), lowest(begin ? begin->depth : 0) {}

  void pass(const Token &token) {
    if (lists.size() > token.depth + 1)
      lists.resize(token.depth + 1);
    lowest = std::min(lowest, token.depth);
    if (!token.afterComma && !token.isOperator)
      return;
    lists.resize(token.depth + 1, UINT32_MAX);
    lists.back() = std::min(lists.back(), token.level());
    if (token.afterComma && token.depth <= lowest)
      comma = std::min(comma, token.level());
  }

  bool mixedAtBegin() const { return beginLevel > comma; }
  bool mixedBefore(const Token &token) const {
    return std::any_of(lists.begin(), lists.end(), [&](unsigned level) { return level < token.level(); });
  }

private:
  unsigned beginLevel;
  unsigned lowest;             // depth so far
  unsigned comma = UINT32_MAX; // the least level of one in a list around the line's begin
  std::vector<unsigned>
      lists; // by depth, of the lists still open: the least level of what separates their parts
};

class Printer {
public:
  explicit Printer(const Layout &layout);
  std::string print();

private:
  void printStatement(const Statement &statement, unsigned indent);
  void printBlock(const Block &block, unsigned indent);
  void printLine(size_t first, size_t last, unsigned indent);
  void printFlat(size_t first, size_t end);
  void beginLine(size_t at, unsigned indent, unsigned commentIndent, bool blankFirst, bool blankLast);
  std::vector<size_t> chooseBreaks(size_t first, size_t last, unsigned indent) const;
  std::vector<size_t> possibleBreaks(size_t first, size_t last) const;

  bool fitsOneLine(const Statement &statement, unsigned indent) const;
  bool hasComments(size_t first, size_t last) const;
  bool isWrittenInline(const Block &block) const;
  bool isEmpty(const Block &block) const {
    return block.statements.empty() && !hasComments(block.open, block.close);
  }
  unsigned continuation(size_t at, unsigned indent) const;
  // Of tokens first ... end - 1 on one line.
  unsigned width(size_t first, size_t end) const { return ends[end - 1] - (ends[first] - widths[first]); }

  const std::vector<Token> &tokens;
  const std::vector<Statement> &items;
  std::vector<unsigned> widths;
  std::vector<uint64_t> ends; // of each token, if all stood on one line
  std::string out;
};

Printer::Printer(const Layout &layout) : tokens(layout.tokens), items(layout.items) {
  uint64_t end = 0;
  for (const Token &token : tokens) {
    widths.push_back(widthOf(token.text));
    end += widths.back() + (token.tight ? 0 : 1);
    ends.push_back(end);
  }
}

bool Printer::hasComments(size_t first, size_t last) const {
  for (size_t i = first + 1; i <= last; ++i)
    if (!tokens[i].comments.empty())
      return true;
  return false;
}

// One statement on the line of the brace: `{ return x }`. Like this the author chooses.
bool Printer::isWrittenInline(const Block &block) const {
  if (block.statements.size() != 1)
    return block.statements.empty();
  const Statement &only = block.statements[0];
  return !tokens[only.first].beginsLine && std::all_of(only.blocks.begin(), only.blocks.end(),
                                                       [&](const Block &b) { return isWrittenInline(b); });
}

bool Printer::fitsOneLine(const Statement &s, unsigned indent) const {
  return !hasComments(s.first, s.last) && indent + width(s.first, s.last + 1) <= kLineWidth &&
         std::all_of(s.blocks.begin(), s.blocks.end(), [&](const Block &b) { return isWrittenInline(b); });
}

unsigned Printer::continuation(size_t at, unsigned indent) const {
  if (tokens[at].outdented)
    return indent;
  unsigned depth = tokens[at].depth;
  unsigned inner = depth > 1 ? depth - 1 : 0;
  return indent + kContinuation + kIndent * (inner + (depth > 0 && tokens[at].isOperator));
}

// Ends the line, after the comment that follows the token there, and goes to the place of token `at` after
// the comments before it. Blank lines are kept before the first and the last of these where asked for, and
// between.
void Printer::beginLine(size_t at, unsigned indent, unsigned commentIndent, bool blankFirst, bool blankLast) {
  const Token &token = tokens[at];
  bool first = true;
  auto endLine = [&](bool blank) {
    if (!out.empty())
      out += blank && (!first || blankFirst) ? "\n\n" : "\n";
    first = false;
  };
  for (const Comment &comment : token.comments) {
    if (!comment.ownLine) {
      out.append(" ").append(comment.text);
      continue;
    }
    endLine(comment.blankBefore);
    out.append(commentIndent, ' ').append(comment.text);
  }
  endLine(token.blankBefore && blankLast);
  out.append(indent, ' ');
}

void Printer::printFlat(size_t first, size_t end) {
  for (size_t i = first; i < end; ++i)
    out.append(i == first || tokens[i].tight ? "" : " ").append(tokens[i].text);
}

std::vector<size_t> Printer::possibleBreaks(size_t first, size_t last) const {
  std::vector<size_t> places{first};
  for (size_t i = first + 1; i <= last; ++i)
    if (tokens[i].breakCost != kNoBreak || !tokens[i].comments.empty())
      places.push_back(i);
  places.push_back(last + 1);
  return places;
}

// The cheapest set of breaks; of equal ones that whose first lines are longest. By dynamic programming from
// the end: what a line costs depends on where it begins and ends alone.
std::vector<size_t> Printer::chooseBreaks(size_t first, size_t last, unsigned indent) const {
  constexpr uint64_t kPerExcess = 1000, kMixed = 15;
  std::vector<size_t> places = possibleBreaks(first, last);
  size_t end = places.size() - 1;
  std::vector<uint64_t> best(places.size(), UINT64_MAX);
  std::vector<size_t> next(places.size(), end);
  best[end] = 0;
  for (size_t k = end; k-- > 0;) {
    uint64_t begin = k == 0 ? indent : continuation(places[k], indent);
    LineParts parts(k == 0 ? nullptr : &tokens[places[k]]);
    for (size_t m = k + 1; m <= end; ++m) {
      for (size_t i = places[m - 1] + (m == k + 1); i < places[m]; ++i)
        parts.pass(tokens[i]);
      const Token *following = m == end ? nullptr : &tokens[places[m]];
      bool forced = following && !following->comments.empty();
      uint64_t column = begin + width(places[k], places[m]);
      uint64_t excess = column > kLineWidth ? column - kLineWidth : 0;
      uint64_t cost = best[m] + excess * kPerExcess + (following && !forced ? following->breakCost : 0);
      cost += (parts.mixedAtBegin() ? kMixed : 0) + (following && parts.mixedBefore(*following) ? kMixed : 0);
      if (cost <= best[k]) {
        best[k] = cost;
        next[k] = m;
      }
      // A longer line would only be wider.
      if (forced || excess > 0)
        break;
    }
  }
  std::vector<size_t> chosen;
  for (size_t k = next[0]; k != end; k = next[k])
    chosen.push_back(places[k]);
  return chosen;
}

void Printer::printLine(size_t first, size_t last, unsigned indent) {
  for (size_t place : chooseBreaks(first, last, indent)) {
    printFlat(first, place);
    unsigned column = continuation(place, indent);
    beginLine(place, column, column, false, false);
    first = place;
  }
  printFlat(first, last + 1);
}

void Printer::printBlock(const Block &block, unsigned indent) {
  unsigned inner = indent + kIndent;
  for (const Statement &statement : block.statements) {
    bool first = &statement == &block.statements.front();
    beginLine(statement.first, inner, inner, !first, true);
    printStatement(statement, inner);
  }
  beginLine(block.close, indent, inner, !block.statements.empty(), false);
}

void Printer::printStatement(const Statement &statement, unsigned indent) {
  if (!statement.blocks.empty() && fitsOneLine(statement, indent))
    return printFlat(statement.first, statement.last + 1);
  size_t first = statement.first;
  for (const Block &block : statement.blocks) {
    if (isEmpty(block))
      continue;
    printLine(first, block.open, indent);
    printBlock(block, indent);
    first = block.close;
  }
  printLine(first, statement.last, indent);
}

std::string Printer::print() {
  for (const Statement &item : items) {
    beginLine(item.first, 0, 0, true, true);
    printStatement(item, 0);
  }
  beginLine(tokens.size() - 1, 0, 0, true, false);
  return std::move(out);
}

} // namespace

std::string print(const Layout &layout) { return Printer(layout).print(); }

} // namespace cleave::format
