// What a local function asks of other ranks.
#include "lang/sema/Elaborator.h"

namespace cleave::sema {

using ast::as;
using Op = ast::Collective::Op;

syntax::Path pathOf(const syntax::Expr &e);

// `by: -1`: a constant.
std::optional<int64_t> Elaborator::shiftOf(const syntax::Expr *e) {
  if (!e)
    return 1;
  Expr *value = tensor(*e);
  settle(value);
  auto *constant = as<ast::Literal>(value);
  if (isPoison(value->type()))
    return std::nullopt;
  if (constant && constant->type().element == ElementType::I64)
    return constant->integer;
  if (rigid && value->type() == ast::Type{ElementType::I64, {}, nullptr})
    return 1; // known where it is instantiated
  error("E927", e->location, "a permute goes a constant number of ranks round, found another expression");
  return std::nullopt;
}

// `by: max`; a sum where nothing is said.
std::optional<ast::Combiner> Elaborator::combinerOf(const syntax::Expr *e) {
  if (!e)
    return ast::Combiner::Sum;
  std::string name = pathOf(*e).str();
  if (name == "sum" || name == "max" || name == "min")
    return name == "sum" ? ast::Combiner::Sum : name == "max" ? ast::Combiner::Max : ast::Combiner::Min;
  error("E927", e->location, "ranks' tensors are combined by sum, max or min, found another expression");
  return std::nullopt;
}

// The type with the axis of ranks in front, or without it; nothing where it does not fit (reported).
static std::optional<ast::Type> resultOf(Op op, ast::Type type, const ast::Axis *over) {
  bool leads = !type.axes.empty() && type.axes.front() == over;
  if (op == Op::AllGather) {
    for (const ast::Axis *axis : type.axes)
      if (axis == over)
        return std::nullopt;
    type.axes.insert(type.axes.begin(), over);
  } else if (op == Op::ReduceScatter || op == Op::AllToAll) {
    if (!leads)
      return std::nullopt;
    if (op == Op::ReduceScatter)
      type.axes.erase(type.axes.begin());
  }
  return type;
}

Expr *Elaborator::collective(const syntax::Expr &e) {
  std::string name(e.left->text);
  Op op = *ast::collectiveNamed(name);
  if (!isLocal()) {
    error("E927", e.location, "collectives stand in local functions, found " + name + " in another place");
    return poison(e.location);
  }
  bool reduces = op == Op::AllReduce || op == Op::ReduceScatter, moves = op == Op::Permute;
  auto args = op == Op::Rank     ? builtinArguments(e, {"over"}, 1)
              : reduces || moves ? builtinArguments(e, {"x", "over", "by"}, 2)
                                 : builtinArguments(e, {"x", "over"}, 2);
  if (args.empty())
    return poison(e.location);
  const ast::Axis *over = axisArgument(*args[op == Op::Rank ? 0 : 1]);
  auto *node = make<ast::Collective>(e.location, {ElementType::I64, {}, nullptr});
  node->op = op;
  node->over = over;
  if (over && !over->isRanks) {
    error("E927", args[op == Op::Rank ? 0 : 1]->location,
          "a collective is over an axis of ranks of its local function, found " + over->name)
        .suggest("declare one: [Ring: mesh, ...]");
    return poison(e.location);
  }
  if (op == Op::Rank)
    return over ? node : poison(e.location);
  Expr *input = tensor(*args[0]);
  settle(input);
  std::optional<int64_t> shift = moves ? shiftOf(args[2]) : 0;
  std::optional<ast::Combiner> combiner = reduces ? combinerOf(args[2]) : ast::Combiner::None;
  if (isPoison(input->type()) || !over || !shift || !combiner)
    return poison(e.location);
  std::optional<ast::Type> type;
  bool sums =
      !reduces || (input->type().element != ElementType::Bool && input->type().element != ElementType::U8);
  if (!input->type().isTree() && sums)
    type = resultOf(op, input->type(), over);
  if (!type) {
    error("E927", args[0]->location,
          op == Op::AllGather
              ? "all_gather stacks tensors along an axis of ranks that they do not have, found " +
                    show(input->type())
          : op == Op::AllReduce || moves
              ? "a collective takes a tensor of numbers, found " + show(input->type())
              : name + " takes tensors with the axis of ranks in front, found " + show(input->type()));
    return poison(e.location);
  }
  node->types[0] = std::move(*type);
  node->input = input;
  node->shift = *shift;
  node->combiner = *combiner;
  return node;
}

} // namespace cleave::sema
