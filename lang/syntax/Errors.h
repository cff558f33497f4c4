// ANTLR's syntax errors as our diagnostics. Seen by lang/syntax only.
#ifndef CLEAVE_LANG_SYNTAX_ERRORS_H
#define CLEAVE_LANG_SYNTAX_ERRORS_H

#include "lang/diag/Engine.h"

#include "antlr4-runtime.h"

namespace cleave::syntax {

class ErrorListener : public antlr4::BaseErrorListener {
public:
  ErrorListener(const diag::Source &source, diag::Engine &engine) : source(source), engine(engine) {}

  void syntaxError(antlr4::Recognizer *recognizer, antlr4::Token *offending, size_t line, size_t column,
                   const std::string &message, std::exception_ptr exception) override;

private:
  std::string describe(antlr4::Token *token) const;
  void hint(antlr4::Parser &parser, antlr4::Token *token, diag::Diagnostic &diagnostic) const;

  const diag::Source &source;
  diag::Engine &engine;
  uint32_t lastLine = 0;
  unsigned reported = 0;
};

// Goes on at the next statement of a block, or the next item of a file, after text that begins neither. (The
// default gives the whole block up when its first statement is wrong.)
class ErrorStrategy : public antlr4::DefaultErrorStrategy {
public:
  void sync(antlr4::Parser *parser) override;
};

} // namespace cleave::syntax

#endif
