#include "lang/format/Format.h"
#include "lang/format/Printer.h"
#include "lang/syntax/Parser.h"

namespace cleave::format {

// Everything but white space, in order.
static std::vector<std::string_view> wordsOf(const Layout &layout) {
  std::vector<std::string_view> words;
  for (const Token &token : layout.tokens) {
    for (const Comment &comment : token.comments)
      words.push_back(comment.text);
    words.push_back(token.text);
  }
  return words;
}

static bool saysTheSame(const Layout &layout, const std::string &text) {
  diag::Engine ignored;
  diag::Source source("", text);
  syntax::TokenTree tree(source);
  auto *program = tree.parse(ignored);
  return program && wordsOf(layOut(tree, program)) == wordsOf(layout);
}

std::optional<std::string> format(const diag::Source &source, diag::Engine &engine) {
  // The whole parser, which also checks what the grammar does not say.
  if (!syntax::parse(source, engine))
    return std::nullopt;
  syntax::TokenTree tree(source);
  auto *program = tree.parse(engine);
  if (!program)
    return std::nullopt;
  Layout layout = layOut(tree, program);
  std::string text = print(layout);
  if (saysTheSame(layout, text))
    return text;
  engine.error("E999", {&source, 0, 1},
               "formatting keeps every word of a program, found that it would not here");
  return std::nullopt;
}

} // namespace cleave::format
