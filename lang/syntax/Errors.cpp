#include "lang/syntax/Errors.h"

#include "lang/grammar/CleaveParser.h"

namespace cleave::syntax {

using grammar::CleaveParser;

static constexpr unsigned kMaxErrors = 20;

static std::string join(const std::vector<std::string> &parts) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i)
    out += (i == 0 ? "" : i + 1 == parts.size() ? " or " : ", ") + parts[i];
  return out;
}

static bool isPunctuation(const std::string &text) {
  return text.size() >= 3 && text.front() == '\'' && !isalpha(static_cast<unsigned char>(text[1]));
}

// What may stand here, in words: whole categories first, then single tokens.
static std::string describe(const antlr4::misc::IntervalSet &expected, const antlr4::dfa::Vocabulary &names) {
  std::vector<std::string> parts;
  auto has = [&](size_t token) { return expected.contains(token); };
  bool expression = has(CleaveParser::INTEGER), statement = has(CleaveParser::LET);
  bool item = has(CleaveParser::FUNCTION), name = has(CleaveParser::IDENTIFIER);
  bool tactic = has(CleaveParser::SHARD) && !name;
  if (expression)
    parts.push_back("an expression");
  else if (name)
    parts.push_back("a name");
  if (statement)
    parts.push_back("a statement (let, return, ...)");
  if (tactic)
    parts.push_back("a tactic (shard, layout, store, ...)");
  if (item)
    parts.push_back("a definition (axis, function, layer, entry, ...)");
  static const std::string operators = "'+' '-' '*' '/' '%' '<' '<=' '>' '>=' '==' '!=' '&&' '||' ";
  bool operatorToo = false;
  for (ssize_t token : expected.toList()) {
    if (token == static_cast<ssize_t>(antlr4::Token::EOF)) {
      if (!item)
        parts.push_back("the end of the file");
      continue;
    }
    std::string text = names.getDisplayName(token);
    if (operators.find(text + " ") != std::string::npos && isPunctuation(text)) {
      operatorToo = !expression;
      continue;
    }
    bool covered = (expression && (!isPunctuation(text) || text == "'('" || text == "'!'")) ||
                   ((statement || tactic || item || name) && !isPunctuation(text));
    if (!covered)
      parts.push_back(token == CleaveParser::STRING ? "a string" : text);
  }
  if (operatorToo)
    parts.push_back("an operator");
  return join(parts);
}

std::string ErrorListener::describe(antlr4::Token *token) const {
  if (token->getType() == antlr4::Token::EOF)
    return "the end of the file";
  std::string text =
      source.getText().substr(token->getStartIndex(), token->getStopIndex() - token->getStartIndex() + 1);
  return text.size() > 1 && text.front() == '"' ? text : "'" + text + "'";
}

static void near(const std::string &text, diag::Diagnostic &d) {
  static const std::vector<std::string> tactics = {"shard",      "layout",    "replicate", "store",
                                                   "accumulate", "recompute", "save",      "remainder",
                                                   "overlap",    "allow",     "assert",    "manual"};
  std::string better = diag::nearest(text, tactics);
  if (!better.empty())
    d.suggest("did you mean '" + better + "'?");
}

void ErrorListener::hint(antlr4::Parser &parser, antlr4::Token *token, diag::Diagnostic &d) const {
  antlr4::Token *previous = parser.getTokenStream()->LT(-1);
  std::string text = token->getType() == antlr4::Token::EOF
                         ? ""
                         : source.getText().substr(token->getStartIndex(),
                                                   token->getStopIndex() - token->getStartIndex() + 1);
  auto rule = parser.getRuleContext() ? parser.getRuleContext()->getRuleIndex() : 0;
  if (rule == CleaveParser::RuleReduction || rule == CleaveParser::RulePatternItem)
    d.suggest("max(i) and its like reduce over index variables; write maximum(a, b) for the larger of two "
              "values");
  else if (text == "=" && previous && rule == CleaveParser::RuleBlock)
    d.suggest("write == to compare; bind a name with let");
  else if (token->getType() == CleaveParser::IDENTIFIER && rule == CleaveParser::RulePlanBlock)
    near(text, d);
  else if (token->getType() == CleaveParser::IDENTIFIER && rule == CleaveParser::RuleBlock)
    d.suggest("statements begin with a keyword: let " + text + " = ..., set " + text + " = ... or return " +
              text);
  else if (text == "\"")
    d.suggest("a string ends with \" on the line it began");
  else if (text == ";")
    d.suggest("leave the semicolon out: statements need none");
}

void ErrorListener::syntaxError(antlr4::Recognizer *recognizer, antlr4::Token *token, size_t, size_t,
                                const std::string &, std::exception_ptr exception) {
  auto *parser = static_cast<antlr4::Parser *>(recognizer);
  antlr4::misc::IntervalSet expected;
  try {
    if (exception)
      std::rethrow_exception(exception);
    expected = parser->getExpectedTokens();
  } catch (antlr4::NoViableAltException &e) {
    token = e.getOffendingToken();
    expected = parser->getExpectedTokens();
  } catch (antlr4::RecognitionException &e) {
    expected = e.getExpectedTokens();
  }
  uint32_t begin = static_cast<uint32_t>(std::min(token->getStartIndex(), source.getText().size()));
  uint32_t end = token->getType() == antlr4::Token::EOF ? begin : token->getStopIndex() + 1;
  uint32_t line = source.getLineColumn(begin).first;
  // One mistake on a line often upsets the parser several times: the first is the one to read.
  // Nor does what directly follows it say anything new.
  antlr4::Token *previous = parser->getTokenStream()->LT(-1);
  bool follows = previous && line != lastLine && previous->getLine() == lastLine && reported > 0;
  if (line == lastLine || follows || ++reported > kMaxErrors)
    return;
  lastLine = line;
  std::string wanted = syntax::describe(expected, parser->getVocabulary());
  diag::Diagnostic &d =
      engine.error("E001", {&source, begin, end}, "expected " + wanted + ", found " + describe(token));
  hint(*parser, token, d);
}

void ErrorStrategy::sync(antlr4::Parser *parser) {
  size_t rule = parser->getContext()->getRuleIndex();
  if (rule != CleaveParser::RuleBlock && rule != CleaveParser::RuleProgram &&
      rule != CleaveParser::RuleWeightBlock && rule != CleaveParser::RulePlanBlock)
    return DefaultErrorStrategy::sync(parser);
  const antlr4::atn::ATN &atn = parser->getATN();
  antlr4::misc::IntervalSet next = atn.nextTokens(atn.states[parser->getState()]);
  size_t token = parser->getTokenStream()->LA(1);
  if (inErrorRecoveryMode(parser) || next.contains(antlr4::Token::EPSILON) || next.contains(token))
    return;
  reportUnwantedToken(parser);
  // A definition that begins here means that the block was not closed.
  for (ssize_t item : {CleaveParser::IMPORT, CleaveParser::AXIS, CleaveParser::HYPER, CleaveParser::FUNCTION,
                       CleaveParser::COMPOSITE, CleaveParser::LOCAL, CleaveParser::ENTRY,
                       CleaveParser::WEIGHTS, CleaveParser::PLAN})
    next.add(item);
  consumeUntil(parser, next);
}

} // namespace cleave::syntax
