#include "lang/syntax/Parser.h"
#include "lang/syntax/Build.h"
#include "lang/syntax/Errors.h"
#include "lang/syntax/TokenTree.h"

#include "lang/diag/Utf8.h"

namespace cleave::syntax {

using grammar::CleaveLexer;
using grammar::CleaveParser;

// ANTLR counts code points and refuses bad UTF-8. One ASCII stand-in per byte keeps its positions byte
// offsets; the text itself is always taken from the source. A byte order mark is a blank.
static std::string asciiOf(const std::string &text) {
  std::string ascii = text;
  if (text.rfind("\xef\xbb\xbf", 0) == 0)
    ascii.replace(0, 3, "   ");
  for (char &c : ascii)
    if (static_cast<unsigned char>(c) >= 0x80 || c == 0)
      c = 1;
  return ascii;
}

static bool checkEncoding(const diag::Source &source, diag::Engine &engine) {
  size_t at = diag::findInvalid(source.getText());
  if (at == std::string::npos)
    return true;
  char byte[8];
  std::snprintf(byte, sizeof(byte), "0x%02X", static_cast<uint8_t>(source.getText()[at]));
  uint32_t begin = static_cast<uint32_t>(at);
  engine.error("E004", {&source, begin, begin + 1},
               std::string("a program is text in UTF-8, found the byte ") + byte + ", which is not");
  return false;
}

bool beginsStatement(size_t type) {
  return (type >= CleaveLexer::LET && type <= CleaveLexer::YIELD && type != CleaveLexer::STATE &&
          type != CleaveLexer::SET) ||
         (type >= CleaveLexer::IMPORT && type <= CleaveLexer::ENTRY && type != CleaveLexer::AS &&
          type != CleaveLexer::DATA);
}

// Bounds the recursion of the generated parser before it starts: brackets, and expressions that open with a
// keyword.
static bool checkNesting(antlr4::CommonTokenStream &tokens, const diag::Source &source,
                         diag::Engine &engine) {
  std::vector<unsigned> levels{0};
  unsigned total = 0;
  for (antlr4::Token *token : tokens.getTokens()) {
    size_t type = token->getType();
    const char c = source.getText()[std::min(token->getStartIndex(), source.getText().size())];
    bool bracket = type < CleaveLexer::IMPORT && token->getStartIndex() == token->getStopIndex();
    if (bracket && (c == '(' || c == '[' || c == '{')) {
      levels.push_back(0);
      ++total;
    } else if (bracket && (c == ')' || c == ']' || c == '}') && levels.size() > 1) {
      total -= levels.back() + 1;
      levels.pop_back();
    } else if (type == CleaveLexer::IF || type == CleaveLexer::WHILE || type == CleaveLexer::SCATTER) {
      ++levels.back();
      ++total;
    } else if (beginsStatement(type)) {
      total -= levels.back();
      levels.back() = 0;
    }
    if (total > kMaxDepth) {
      uint32_t at = static_cast<uint32_t>(token->getStartIndex());
      engine.error("E003", {&source, at, at + 1},
                   "brackets and conditions nest at most " + std::to_string(kMaxDepth) +
                       " deep, found one more here");
      return false;
    }
  }
  return true;
}

static CleaveParser::ProgramContext *parseWith(CleaveParser &parser, ErrorListener &errors) {
  using antlr4::atn::ParserATNSimulator;
  using antlr4::atn::PredictionMode;
  // SLL is faster and nearly always enough; the full method reports the errors.
  parser.getInterpreter<ParserATNSimulator>()->setPredictionMode(PredictionMode::SLL);
  parser.setErrorHandler(std::make_shared<antlr4::BailErrorStrategy>());
  try {
    return parser.program();
  } catch (antlr4::ParseCancellationException &) {
  }
  parser.reset();
  parser.addErrorListener(&errors);
  parser.setErrorHandler(std::make_shared<ErrorStrategy>());
  parser.getInterpreter<ParserATNSimulator>()->setPredictionMode(PredictionMode::LL);
  return parser.program();
}

TokenTree::TokenTree(const diag::Source &source)
    : source(source), input(asciiOf(source.getText())), lexer(&input), tokens(&lexer), parser(&tokens) {
  lexer.removeErrorListeners();
  parser.removeErrorListeners();
  tokens.fill();
}

CleaveParser::ProgramContext *TokenTree::parse(diag::Engine &engine) {
  unsigned before = engine.getErrorCount();
  if (!checkEncoding(source, engine) || !checkNesting(tokens, source, engine))
    return nullptr;
  ErrorListener errors(source, engine);
  CleaveParser::ProgramContext *program = parseWith(parser, errors);
  parser.removeErrorListeners();
  return engine.getErrorCount() == before ? program : nullptr;
}

std::string_view TokenTree::textOf(const antlr4::Token &token) const {
  if (token.getType() == antlr4::Token::EOF)
    return {};
  size_t begin = token.getStartIndex();
  return std::string_view(source.getText()).substr(begin, token.getStopIndex() + 1 - begin);
}

std::unique_ptr<File> parse(const diag::Source &source, diag::Engine &engine) {
  unsigned before = engine.getErrorCount();
  try {
    TokenTree tree(source);
    CleaveParser::ProgramContext *program = tree.parse(engine);
    if (!program)
      return nullptr;
    auto file = std::make_unique<File>();
    file->source = &source;
    Builder(*file, engine).build(program);
    return engine.getErrorCount() == before ? std::move(file) : nullptr;
  } catch (std::exception &e) {
    // The runtime's own complaints (none is known) end here: no exception leaves this folder.
    engine.error("E001", {&source, 0, 1}, std::string("a program follows the grammar, found: ") + e.what());
    return nullptr;
  }
}

} // namespace cleave::syntax
