// Written types -> types, and the matching of an argument's type with a parameter's. Seen by lang/sema only.
#ifndef CLEAVE_LANG_SEMA_TYPES_H
#define CLEAVE_LANG_SEMA_TYPES_H

#include "lang/sema/Sema.h"

namespace cleave::sema {

std::optional<ast::ElementType> elementTypeOf(std::string_view name);
// "float", "int", "number": whether a concrete type is one of them.
bool satisfies(std::string_view constraint, ast::ElementType type);

inline bool isUntyped(ast::ElementType t) {
  return t == ast::ElementType::UntypedInt || t == ast::ElementType::UntypedFloat;
}
inline bool isVariable(ast::ElementType t) { return t >= ast::ElementType::FirstVariable; }
// The number of the generic that a type variable, or the `wide` of one, stands for.
inline size_t variableIndex(ast::ElementType t) {
  using ast::ElementType;
  auto first = t >= ElementType::FirstWide ? ElementType::FirstWide : ElementType::FirstVariable;
  return static_cast<size_t>(t) - static_cast<size_t>(first);
}
// `T.wide`: what parameters and sums of computations in the floating-point type T are kept in.
ast::ElementType wideOf(ast::ElementType type);
bool isWide(const syntax::Type &type);
inline bool isPoison(const ast::Type &t) { return t.element == ast::ElementType::Poison; }

// The scope in which a definition's types are read: its module, its generics and what they stand for.
class TypeScope {
public:
  TypeScope(Sema &sema, Module &module, Definition *definition, Bindings &bindings,
            AxisEnvironment &environment)
      : sema(sema), module(module), definition(definition), bindings(bindings), environment(environment) {}

  // The type as it stands with every generic bound; reports what is wrong. `allowAliases`: an axis met twice
  // because two generics stand for it becomes an alias instead of an error.
  std::optional<ast::Type> resolve(const syntax::Type &type, bool allowAliases);

  // The element type that a path names: `f32`, `T`, `T.wide`, a hyper that is a type. Nothing when it names
  // something else, and Poison when it is a generic not bound yet or a `wide` of what has none (reported).
  std::optional<ast::ElementType> elementOf(const syntax::Path &path);

  // One axis of a type or annotation; null when it is unknown (reported) or an unbound generic.
  const ast::Axis *resolveAxis(const syntax::Path &path);
  // The axes of a pack generic, or nothing (reported).
  std::optional<std::vector<const ast::Axis *>> resolvePack(const syntax::Name &name);

  // Binds generics so that `type` is `actual`. On failure says why, as the end of a sentence "..., found
  // ...".
  bool unify(const syntax::Type &type, const ast::Type &actual, std::string &why);
  bool bindAxis(int generic, const ast::Axis *axis, std::string &why);
  bool bindPack(int generic, const std::vector<const ast::Axis *> &axes, std::string &why);
  bool bindElement(int generic, ast::ElementType element, std::string &why);

  // "T[...L, In]" and, for bound generics, " with In = Embed".
  std::string describe(const syntax::Type &type) const;
  std::string describeBindings(const syntax::Type &type) const;
  std::string nameOf(ast::ElementType element) const;

  // Whether the last unify() failed at the element type, not at the axes.
  bool elementFailed = false;
  // What type variables of the definition being checked on its own are constrained to.
  Definition *rigid = nullptr;

private:
  bool unifyAxes(const std::vector<syntax::TypeAxis> &items, const std::vector<const ast::Axis *> &axes,
                 std::string &why);
  bool unifyElement(const syntax::Type &type, ast::ElementType element, std::string &why);
  // Number of axes that items from `i` on need at least, and whether one of them is an unbound pack.
  size_t needed(const std::vector<syntax::TypeAxis> &items, size_t i, unsigned &unboundPacks) const;
  int genericOf(const syntax::Path &path) const;

  Sema &sema;
  Module &module;
  Definition *definition;
  Bindings &bindings;
  AxisEnvironment &environment;
};

// Whether a tensor of these axes is addressed with 63 bits, whatever its element type.
bool fitsMemory(const std::vector<const ast::Axis *> &axes);
// The same of several tensors: adds to `total`, which must stay below 62 bits so that what is packed in
// memory, with padding, is counted in 63.
bool fitsMemory(const std::vector<const ast::Axis *> &axes, int64_t &total);

// Axis pointers of a type in which none stands twice: a repeated one becomes an alias.
std::vector<const ast::Axis *> withAliases(Sema &sema, std::vector<const ast::Axis *> axes);

// Whether an index variable over `variable` may stand bare where a dim has axis `dim`: the same axis or an
// alias of it, or (windows: `axis Window = Seq + 1`) a dim whose size was computed from the variable's axis.
bool mayIndex(const ast::Axis *variable, const ast::Axis *dim, bool annotated);

} // namespace cleave::sema

#endif
