#include "lang/format/Layout.h"

namespace cleave::format {

using antlr4::tree::ParseTree;
using antlr4::tree::TerminalNode;
using Parser = grammar::CleaveParser;

namespace {

// Costs of line breaks. Every break costs as much as a line; deeper ones cost more, so that long lines are
// broken between the largest parts. What differs little decides between breaks that give as many lines.
constexpr unsigned kBreak = 10, kPerDepth = 4;
constexpr unsigned kArrow = 1, kOpen = 2, kKeyword = 3, kAssign = 5, kReduction = 6, kGeneric = 4,
                   kSubscript = 6;

bool isProduct(std::string_view op) { return op == "*" || op == "/" || op == "%"; }

unsigned operatorCost(std::string_view op) {
  if (op == "||")
    return 3;
  if (op == "&&")
    return 4;
  if (op == "+" || op == "-")
    return 6;
  return isProduct(op) ? 8 : 5;
}

class Walk {
public:
  Walk(syntax::TokenTree &tree, Layout &layout) : tree(tree), layout(layout) {}

  void readTokens();
  void visit(ParseTree *node, Statement &statement);
  Statement statementOf(antlr4::ParserRuleContext *context);

private:
  void visitBlock(antlr4::ParserRuleContext *block, Statement &statement);
  void mark(TerminalNode *node);
  bool isTight(const Token &token, size_t rule) const;
  unsigned costBefore(const Token &token, size_t type, size_t rule) const;
  size_t ordinal(const antlr4::Token *token) const { return ordinals[token->getTokenIndex()]; }

  syntax::TokenTree &tree;
  Layout &layout;
  std::vector<size_t> ordinals; // of the parser's tokens, by index among all
  unsigned depth = 0;
  // The terminal before the one being marked.
  std::string_view before;
  size_t ruleBefore = 0;
  bool afterPrefix = false;
};

unsigned countLines(std::string_view space) {
  unsigned lines = 0;
  for (size_t i = 0; i < space.size(); ++i)
    lines += space[i] == '\n' || (space[i] == '\r' && (i + 1 == space.size() || space[i + 1] != '\n'));
  return lines;
}

std::string_view trimmed(std::string_view text) {
  size_t end = text.find_last_not_of(" \t\f\v");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

void Walk::readTokens() {
  Token token;
  std::string_view whole = tree.getText();
  size_t end = 0; // of what was read
  for (antlr4::Token *next : tree.getTokens()) {
    bool atEnd = next->getType() == antlr4::Token::EOF;
    std::string_view text = tree.textOf(*next);
    size_t begin = atEnd ? whole.size() : next->getStartIndex();
    unsigned lines = countLines(whole.substr(end, begin - end));
    end = begin + text.size();
    token.beginsLine |= lines > 0;
    if (next->getType() == Parser::COMMENT) {
      bool first = layout.tokens.empty() && token.comments.empty();
      token.comments.push_back({trimmed(text), lines > 0 || first, lines > 1});
      ordinals.push_back(0);
      continue;
    }
    token.text = text;
    token.blankBefore = lines > 1;
    ordinals.push_back(layout.tokens.size());
    layout.tokens.push_back(std::move(token));
    token = Token();
  }
}

bool Walk::isTight(const Token &token, size_t rule) const {
  std::string_view text = token.text;
  // A list of axes begins a layout; `Hidden/tp`, `tp[1:2]`, `Seq?` are one word each.
  if (rule == Parser::RuleLayout && text == "[")
    return before == "(";
  if ((rule == Parser::RuleLayoutDim || ruleBefore == Parser::RuleLayoutDim) &&
      (text == "/" || text == "?" || before == "/"))
    return true;
  if (rule == Parser::RuleMeshUse && before == ":")
    return true;
  if ((rule == Parser::RuleSelectorStep || ruleBefore == Parser::RuleSelectorStep) &&
      (text == ".." || before == ".."))
    return true;
  if (rule == Parser::RuleSelectorStep && text == "*")
    return before == "." || before == "[";
  if (before == "(" || before == "[" || before == "." || before == "..." || afterPrefix)
    return true;
  if (text == "," || text == ")" || text == "]" || text == "." || text == ":" || text == "[")
    return true;
  if (text == "}")
    return before == "{";
  if (text != "(")
    return false;
  // An entry's parameters may follow its `with (...)`.
  if (rule == Parser::RuleParameters)
    return before != ")";
  return rule == Parser::RuleReduction || rule == Parser::RuleSuffix || rule == Parser::RulePrintStatement ||
         rule == Parser::RuleAssertStatement || rule == Parser::RuleUpdateStatement ||
         rule == Parser::RuleScatterExpression || rule == Parser::RuleMeshAxes ||
         rule == Parser::RuleLinkItem || rule == Parser::RuleTactic;
}

unsigned Walk::costBefore(const Token &token, size_t type, size_t rule) const {
  unsigned base = kBreak + kPerDepth * depth;
  if (before == ",") {
    if (ruleBefore == Parser::RuleGenerics || ruleBefore == Parser::RuleLayerTarget)
      return base + kGeneric;
    bool subscript = ruleBefore == Parser::RuleSuffix || ruleBefore == Parser::RuleType ||
                     ruleBefore == Parser::RulePattern || ruleBefore == Parser::RuleReduction;
    return subscript ? base + kSubscript : base;
  }
  if (before == "(" && token.text != ")")
    return ruleBefore == Parser::RuleParameters || ruleBefore == Parser::RuleSuffix ||
                   ruleBefore == Parser::RuleUpdateStatement || ruleBefore == Parser::RuleMeshAxes ||
                   ruleBefore == Parser::RuleLinkItem || ruleBefore == Parser::RuleTactic
               ? base + kOpen
               : kNoBreak;
  if (rule == Parser::RuleBinaryOperator)
    return base + operatorCost(token.text);
  if (before == "=")
    return base + kAssign;
  if (token.text == "->")
    return base + kArrow;
  if (before == ")" && (ruleBefore == Parser::RuleReduction || ruleBefore == Parser::RuleScatterExpression))
    return base + kReduction;
  bool keyword = type == Parser::FROM || type == Parser::CARRY || type == Parser::BOUND ||
                 type == Parser::AT || type == Parser::INTO || type == Parser::OUTSIDE ||
                 type == Parser::WITH || type == Parser::UNDER || type == Parser::OVER ||
                 type == Parser::ON || type == Parser::EXTENDS || type == Parser::OF ||
                 type == Parser::PARTIAL || (type == Parser::ELSE && rule == Parser::RuleWeightRow);
  return keyword && rule != Parser::RuleName ? base + kKeyword : kNoBreak;
}

void Walk::mark(TerminalNode *node) {
  antlr4::Token *symbol = node->getSymbol();
  Token &token = layout.tokens[ordinal(symbol)];
  size_t type = symbol->getType();
  size_t rule = static_cast<antlr4::ParserRuleContext *>(node->parent)->getRuleIndex();
  std::string_view text = token.text;
  if (text == ")" || text == "]")
    --depth;
  token.depth = depth;
  token.tight = isTight(token, rule);
  token.breakCost = costBefore(token, type, rule);
  token.afterComma = before == ",";
  token.isOperator = rule == Parser::RuleBinaryOperator;
  token.isProduct = token.isOperator && isProduct(text);
  token.outdented = text == "{" || text == "}" || type == Parser::BACKWARD ||
                    (type == Parser::ELSE && rule != Parser::RuleWeightRow);
  if (text == "(" || text == "[")
    ++depth;
  before = text;
  ruleBefore = rule;
  afterPrefix =
      (rule == Parser::RulePrefix || rule == Parser::RuleOutsideValue) && (text == "-" || text == "!");
}

Statement Walk::statementOf(antlr4::ParserRuleContext *context) {
  Statement statement;
  statement.first = ordinal(context->getStart());
  statement.last = ordinal(context->getStop());
  unsigned outer = depth;
  depth = 0;
  visit(context, statement);
  depth = outer;
  return statement;
}

void Walk::visitBlock(antlr4::ParserRuleContext *context, Statement &statement) {
  Block block;
  block.open = ordinal(context->getStart());
  block.close = ordinal(context->getStop());
  for (ParseTree *child : context->children)
    if (auto *inner = dynamic_cast<antlr4::ParserRuleContext *>(child))
      block.statements.push_back(statementOf(inner));
    else
      mark(dynamic_cast<TerminalNode *>(child));
  statement.blocks.push_back(std::move(block));
}

void Walk::visit(ParseTree *node, Statement &statement) {
  if (auto *terminal = dynamic_cast<TerminalNode *>(node))
    return mark(terminal);
  auto *context = dynamic_cast<antlr4::ParserRuleContext *>(node);
  if (context &&
      (context->getRuleIndex() == Parser::RuleBlock || context->getRuleIndex() == Parser::RuleWeightBlock ||
       context->getRuleIndex() == Parser::RulePlanBlock))
    return visitBlock(context, statement);
  for (ParseTree *child : node->children)
    visit(child, statement);
}

} // namespace

Layout layOut(syntax::TokenTree &tree, Parser::ProgramContext *program) {
  Layout layout;
  Walk walk(tree, layout);
  walk.readTokens();
  for (Parser::ItemContext *item : program->item())
    layout.items.push_back(walk.statementOf(item));
  return layout;
}

} // namespace cleave::format
