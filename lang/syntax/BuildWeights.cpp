// `weights`: where the parameters of a layer lie in published files.
#include "lang/syntax/Build.h"

namespace cleave::syntax {

WeightSource Builder::weightSource(P::WeightSourceContext *c) {
  WeightSource out;
  out.name = string(c->STRING());
  out.nameLocation = at(c->STRING()->getSymbol());
  out.location = at(c);
  for (P::WeightPositionContext *p : c->weightPosition()) {
    WeightPosition &position = out.positions.emplace_back();
    position.location = at(p);
    for (P::NameContext *n : p->name())
      position.merged.push_back(name(n));
    if (p->expression())
      position.value = expression(p->expression());
  }
  return out;
}

WeightRow Builder::weightRow(P::WeightRowContext *c) {
  WeightRow row;
  row.parameter = c->PARAM() != nullptr;
  row.location = at(c);
  for (antlr4::tree::TerminalNode *text : c->STRING())
    row.ignored.push_back(string(text));
  for (P::WeightStepContext *s : c->weightStep()) {
    std::vector<P::NameContext *> parts = s->name();
    WeightStep &step = row.steps.emplace_back();
    step.name = name(parts[0]);
    step.bracketed = s->getStop() != parts[0]->getStop();
    for (size_t i = 1; i < parts.size(); ++i)
      step.variables.push_back(name(parts[i]));
  }
  if (!row.steps.empty())
    row.location = {file.source, row.steps.front().name.location.begin, at(c->weightStep().back()).end};
  for (P::WeightSourceContext *s : c->weightSource())
    row.sources.push_back(weightSource(s));
  return row;
}

void Builder::weightsItem(P::WeightsItemContext *c, Item &item) {
  item.kind = Item::Kind::Weights;
  item.name = name(c->name());
  item.path = path(c->path());
  if (c->nameList())
    item.names = names(c->nameList());
  for (antlr4::tree::TerminalNode *text : c->STRING())
    item.prefixes.push_back(string(text));
  for (P::WeightRowContext *row : c->weightBlock()->weightRow())
    item.rows.push_back(weightRow(row));
}

} // namespace cleave::syntax
