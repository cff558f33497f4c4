// What the printer needs to know of a program: its tokens with their spacing, and which of them make a
// statement.
#ifndef CLEAVE_LANG_FORMAT_LAYOUT_H
#define CLEAVE_LANG_FORMAT_LAYOUT_H

#include "lang/syntax/TokenTree.h"

#include <limits>
#include <string_view>
#include <vector>

namespace cleave::format {

struct Comment {
  std::string_view text;    // without white space at its end
  bool ownLine = true;      // else it follows a token on that token's line
  bool blankBefore = false; // an empty line stands before it
};

inline constexpr unsigned kNoBreak = std::numeric_limits<unsigned>::max();

struct Token {
  std::string_view text;
  std::vector<Comment> comments; // between the token before and this one
  bool blankBefore = false;      // an empty line stands directly before it
  bool beginsLine = false;       // it is not on the line of the token before
  bool tight = false;            // no space before it
  bool outdented = false;        // begins no continuation line: { } else backward
  unsigned depth = 0;            // brackets of the statement around it
  unsigned breakCost = kNoBreak; // of a line break before it
  bool afterComma = false;
  bool isOperator = false; // a binary one
  bool isProduct = false;  // one of * / %

  // The smaller, the larger the parts that a break here is between.
  unsigned level() const { return 3 * depth + isOperator + isProduct; }
};

struct Block;

// An item or a statement: tokens first ... last. `blocks` holds those directly in it, not those of inner
// statements.
struct Statement {
  size_t first = 0, last = 0;
  std::vector<Block> blocks;
};

struct Block {
  size_t open = 0, close = 0; // its braces
  std::vector<Statement> statements;
};

struct Layout {
  std::vector<Token> tokens; // the last stands for the end of the file
  std::vector<Statement> items;
};

// Texts are views into the source of `tree`. `program` is what `tree.parse` gave.
Layout layOut(syntax::TokenTree &tree, grammar::CleaveParser::ProgramContext *program);

} // namespace cleave::format

#endif
