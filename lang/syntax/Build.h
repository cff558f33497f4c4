// ANTLR's parse tree -> syntax tree. Seen by lang/syntax only.
#ifndef CLEAVE_LANG_SYNTAX_BUILD_H
#define CLEAVE_LANG_SYNTAX_BUILD_H

#include "lang/diag/Engine.h"
#include "lang/syntax/Syntax.h"

#include "lang/grammar/CleaveParser.h"

namespace cleave::syntax {

class Builder {
  using P = grammar::CleaveParser;

public:
  Builder(File &file, diag::Engine &engine) : file(file), engine(engine) {}
  void build(P::ProgramContext *context);

private:
  // Items (BuildItems.cpp, BuildWeights.cpp, BuildPlans.cpp).
  void item(P::ItemContext *c);
  void importItem(P::ImportItemContext *c, Item &item);
  void functionItem(P::FunctionItemContext *c, Item &item);
  void layerItem(P::LayerItemContext *c, Item &item);
  void entryItem(P::EntryItemContext *c, Item &item);
  void weightsItem(P::WeightsItemContext *c, Item &item);
  WeightRow weightRow(P::WeightRowContext *c);
  WeightSource weightSource(P::WeightSourceContext *c);
  void meshItem(P::MeshItemContext *c, Item &item);
  void planItem(P::PlanItemContext *c, Item &item);
  std::vector<MeshAxis> meshAxes(P::MeshAxesContext *c);
  PlanMesh planMesh(P::PlanMeshContext *c);
  Tactic tactic(P::TacticContext *c);
  void assertion(P::TacticContext *c, Tactic &tactic);
  void manual(P::TacticContext *c, Tactic &tactic);
  MeshUse meshUse(P::MeshUseContext *c);
  std::vector<MeshUse> meshUses(const std::vector<P::MeshUseContext *> &list);
  Selector selector(P::SelectorContext *c);
  Layout layout(P::LayoutContext *c);
  Quantity quantity(P::QuantityContext *c);
  void generics(P::GenericsContext *c, Item &item);
  void parameters(P::ParametersContext *c, Item &item);
  void results(P::ResultsContext *c, Item &item);
  Type type(P::TypeContext *c);
  LayerTarget target(P::LayerTargetContext *c);

  // Statements (BuildStatements.cpp).
  Block block(P::BlockContext *c);
  Stmt *statement(P::StatementContext *c);
  void letStatement(P::LetStatementContext *c, Stmt &s);
  void returnStatement(P::ReturnStatementContext *c, Stmt &s);
  Stmt *stateStatement(P::StateStatementContext *c);
  std::vector<CarryBinding> carries(P::CarriesContext *c);
  CarryBinding carry(P::CarryBindingContext *c);
  Pattern pattern(P::PatternContext *c);
  PatternItem patternItem(P::PatternItemContext *c);
  // `y[b, s: Seq]` read as an expression, as the pattern it was meant to be.
  bool patternOf(const Expr &e, Stmt &s);

  // Expressions (Build.cpp).
  Expr *expression(P::ExpressionContext *c);
  Expr *operand(P::OperandContext *c);
  Expr *primary(P::PrimaryContext *c);
  Expr *suffix(Expr *base, P::SuffixContext *c);
  Expr *outside(P::OutsideValueContext *c);
  Expr *ifExpression(P::IfExpressionContext *c);
  Expr *scatter(P::ScatterExpressionContext *c);
  std::vector<Argument> arguments(P::ArgumentsContext *c);

  // Helpers.
  Location at(antlr4::ParserRuleContext *c) const;
  Location at(antlr4::Token *token) const;
  Name name(P::NameContext *c) const;
  std::vector<Name> names(P::NameListContext *c) const;
  Path path(P::PathContext *c) const;
  std::string string(antlr4::tree::TerminalNode *node);
  std::string_view text(Location at) const {
    return std::string_view(file.source->getText()).substr(at.begin, at.end - at.begin);
  }
  Expr *make(Expr::Kind kind, Location at);
  // Records that `child` hangs below `parent` and refuses trees deeper than later walks can take.
  void attach(Expr *parent, const Expr *child);
  void attach(Expr *parent, const Block &block);

  File &file;
  diag::Engine &engine;
  bool tooDeep = false;
};

} // namespace cleave::syntax

#endif
