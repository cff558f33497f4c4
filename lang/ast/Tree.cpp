#include "lang/ast/Tree.h"

namespace cleave::ast {

const char *nameOf(ElementType type) {
  static const char *const names[] = {"f32", "f64", "bf16", "f16", "i8", "i32", "i64", "u8", "bool"};
  if (type <= ElementType::Bool)
    return names[static_cast<size_t>(type)];
  if (type == ElementType::UntypedInt)
    return "an integer constant";
  return type == ElementType::UntypedFloat ? "a constant" : "?";
}

static constexpr const char *kCollectives[] = {"all_reduce", "all_gather", "reduce_scatter",
                                               "all_to_all", "permute",    "rank"};

const char *nameOf(Collective::Op op) { return kCollectives[static_cast<size_t>(op)]; }

std::optional<Collective::Op> collectiveNamed(std::string_view name) {
  for (size_t i = 0; i < std::size(kCollectives); ++i)
    if (name == kCollectives[i])
      return static_cast<Collective::Op>(i);
  return std::nullopt;
}

std::string toString(const Type &type) {
  if (type.isTree())
    return "tree of " + (type.tree->path.empty() ? std::string("parameters") : type.tree->path);
  std::string out = nameOf(type.element);
  for (size_t i = 0; i < type.axes.size(); ++i)
    out += (i ? ", " : "[") + type.axes[i]->name;
  return type.axes.empty() ? out : out + "]";
}

const LayerObject *LayerRef::resolve(const LayerObject *self) const {
  const LayerObject *object = root ? root : self;
  for (unsigned slot : path)
    object = object && slot < object->children.size() ? object->children[slot] : nullptr;
  return object;
}

static void collectLeaves(const LayerObject *object, std::vector<const State *> &out) {
  for (const State *state : object->states)
    if (state->kind == State::Kind::Parameter)
      out.push_back(state);
  for (const LayerObject *child : object->children)
    if (child)
      collectLeaves(child, out);
}

std::vector<const State *> leavesOf(const LayerObject *object) {
  std::vector<const State *> out;
  collectLeaves(object, out);
  return out;
}

} // namespace cleave::ast
