// A text's tokens, comments among them, and the generated parser's tree over them. For lang/syntax and
// lang/format.
#ifndef CLEAVE_LANG_SYNTAX_TOKENTREE_H
#define CLEAVE_LANG_SYNTAX_TOKENTREE_H

#include "lang/diag/Engine.h"
#include "lang/grammar/CleaveLexer.h"
#include "lang/grammar/CleaveParser.h"

#include <string_view>

namespace cleave::syntax {

// Whether a token of this type always begins a statement or an item, being no name elsewhere.
bool beginsStatement(size_t type);

class TokenTree {
public:
  explicit TokenTree(const diag::Source &source);

  // The tree, owned by this object. Null after syntax errors, which go to the engine (E001, E003).
  grammar::CleaveParser::ProgramContext *parse(diag::Engine &engine);

  // In order of the text, comments included; the last is the end of the file.
  std::vector<antlr4::Token *> getTokens() { return tokens.getTokens(); }

  const std::string &getText() const { return source.getText(); }

  // As written; empty for the end of the file.
  std::string_view textOf(const antlr4::Token &token) const;

private:
  const diag::Source &source;
  antlr4::ANTLRInputStream input;
  grammar::CleaveLexer lexer;
  antlr4::CommonTokenStream tokens;
  grammar::CleaveParser parser;
};

} // namespace cleave::syntax

#endif
