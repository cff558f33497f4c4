#include "lang/sema/Types.h"

#include <algorithm>

namespace cleave::sema {

using ast::ElementType;

std::optional<ElementType> elementTypeOf(std::string_view name) {
  for (unsigned i = 0; i <= static_cast<unsigned>(ElementType::Bool); ++i)
    if (name == ast::nameOf(static_cast<ElementType>(i)))
      return static_cast<ElementType>(i);
  return std::nullopt;
}

ElementType wideOf(ElementType type) {
  if (type == ElementType::BF16 || type == ElementType::F16)
    return ElementType::F32;
  if (!isVariable(type) || type >= ElementType::FirstWide)
    return type;
  return static_cast<ElementType>(static_cast<size_t>(ElementType::FirstWide) + variableIndex(type));
}

bool isWide(const syntax::Type &type) {
  return type.name.parts.size() == 2 && type.name.parts[1].text == "wide";
}

bool satisfies(std::string_view constraint, ElementType type) {
  if (type == ElementType::Poison || type == ElementType::UntypedInt)
    return true;
  bool isFloat = ast::isFloat(type) || type == ElementType::UntypedFloat;
  if (constraint == "float")
    return isFloat;
  return constraint == "int" ? ast::isInteger(type) : isFloat || ast::isInteger(type);
}

static bool countBytes(const std::vector<const ast::Axis *> &axes, int64_t &bytes) {
  bytes = 8;
  for (const ast::Axis *axis : axes)
    if (axis->size > 0 && __builtin_mul_overflow(bytes, axis->size, &bytes))
      return false;
  return true;
}

bool fitsMemory(const std::vector<const ast::Axis *> &axes) {
  int64_t bytes;
  return countBytes(axes, bytes);
}

bool fitsMemory(const std::vector<const ast::Axis *> &axes, int64_t &total) {
  int64_t bytes;
  return countBytes(axes, bytes) && !__builtin_add_overflow(total, bytes, &total) && total <= INT64_MAX / 2;
}

std::vector<const ast::Axis *> withAliases(Sema &sema, std::vector<const ast::Axis *> axes) {
  for (size_t i = 1; i < axes.size(); ++i) {
    const ast::Axis *original = axes[i];
    for (unsigned n = 1; std::find(axes.begin(), axes.begin() + i, axes[i]) != axes.begin() + i; ++n)
      axes[i] = sema.aliasOf(original, n);
  }
  return axes;
}

bool mayIndex(const ast::Axis *variable, const ast::Axis *dim, bool annotated) {
  const SemaAxis *v = semaOf(variable), *d = semaOf(dim);
  if (v == d || v->root == d->root)
    return true;
  if (v->aliasBase && v->aliasBase->root == d->root)
    return true;
  if (d->aliasBase && d->aliasBase->root == v->root)
    return true;
  if (annotated)
    for (const SemaAxis *mention : d->mentions)
      if (mention->root == v->root)
        return true;
  return false;
}

int TypeScope::genericOf(const syntax::Path &path) const {
  return definition && path.parts.size() == 1 ? definition->findGeneric(path.parts[0].text) : -1;
}

std::string TypeScope::nameOf(ElementType element) const {
  if (isVariable(element) && rigid)
    return std::string(rigid->item->generics[variableIndex(element)].name.text) +
           (element >= ElementType::FirstWide ? ".wide" : "");
  return ast::nameOf(element);
}

std::optional<ElementType> TypeScope::elementOf(const syntax::Path &path) {
  bool wide = path.parts.size() == 2 && path.parts[1].text == "wide";
  bool mayBeGeneric = definition && (wide || path.parts.size() == 1);
  int generic = mayBeGeneric ? definition->findGeneric(path.parts[0].text) : -1;
  if (generic >= 0 && definition->isElementGeneric(generic)) {
    const GenericValue &value = bindings.generics[generic];
    if (value.kind != GenericValue::Kind::Element)
      return ElementType::Poison;
    if (!wide)
      return value.element;
    if (definition->item->generics[generic].constraint.text == "float")
      return wideOf(value.element);
    sema.error("E303", path.location,
               "wide belongs to a generic that is a float, found " + path.str() + " of one that is " +
                   std::string(definition->item->generics[generic].constraint.text));
    return ElementType::Poison;
  }
  if (auto element = elementTypeOf(path.str()))
    return element;
  size_t failed;
  const Module *scope;
  const Symbol *symbol = sema.lookup(module, path, failed, scope);
  if (symbol && symbol->kind == Symbol::Kind::Hyper && symbol->hyper->isType())
    return sema.elementOf(*symbol->hyper);
  return std::nullopt;
}

const ast::Axis *TypeScope::resolveAxis(const syntax::Path &path) {
  int generic = genericOf(path);
  if (generic >= 0) {
    const GenericValue &value = bindings.generics[generic];
    if (value.kind == GenericValue::Kind::Axis)
      return value.axis;
    if (definition->item->generics[generic].pack || definition->isElementGeneric(generic))
      sema.error("E202", path.location,
                 "an axis is named here, found " + path.str() + ", " +
                     (definition->item->generics[generic].pack ? "a pack of axes" : "an element type"));
    return nullptr;
  }
  std::vector<std::string> names;
  if (definition)
    for (const syntax::GenericParameter &g : definition->item->generics)
      names.emplace_back(g.name.text);
  const Symbol *symbol = sema.require(module, path, "an axis", names);
  if (!symbol)
    return nullptr;
  if (symbol->kind != Symbol::Kind::Axis) {
    sema.error("E106", path.location,
               "an axis is named here, found " + path.str() + ", " + sema::describe(symbol->kind))
        .note(symbol->location, "it is declared here");
    return nullptr;
  }
  return sema.axisOf(*symbol->axis, environment);
}

std::optional<std::vector<const ast::Axis *>> TypeScope::resolvePack(const syntax::Name &name) {
  int generic = definition ? definition->findGeneric(name.text) : -1;
  if (generic < 0 || !definition->item->generics[generic].pack) {
    sema.error("E101", name.location,
               "a pack of axes must be declared among the generics, found unknown name '..." +
                   std::string(name.text) + "'");
    return std::nullopt;
  }
  if (bindings.generics[generic].kind != GenericValue::Kind::Pack)
    return std::nullopt;
  return bindings.generics[generic].pack;
}

std::optional<ast::Type> TypeScope::resolve(const syntax::Type &type, bool allowAliases) {
  ast::Type out;
  std::string name = type.name.str();
  if (auto element = elementOf(type.name)) {
    if (*element == ElementType::Poison)
      return std::nullopt;
    out.element = *element;
  } else {
    std::vector<std::string> names = {"f32", "f64", "bf16", "f16", "i8", "i32", "i64", "u8", "bool", "tree"};
    std::string better = diag::nearest(name, names);
    sema.error("E303", type.name.location,
               name == "tree" ? "a tree is the type of a function's parameter or result, found it here"
                              : "an element type is f32, f64, bf16, f16, i8, i32, i64, u8, bool or a generic "
                                "such as T: float, found '" +
                                    name + "'")
        .suggest(better.empty() || name == "tree" ? "" : "did you mean '" + better + "'?");
    return std::nullopt;
  }
  bool failed = false;
  std::vector<std::pair<const ast::Axis *, Location>> places;
  for (const syntax::TypeAxis &item : type.axes) {
    if (item.pack) {
      auto pack = resolvePack(item.path.parts[0]);
      failed |= !pack;
      if (pack)
        for (const ast::Axis *axis : *pack)
          places.push_back({axis, item.path.location});
      continue;
    }
    const ast::Axis *axis = resolveAxis(item.path);
    failed |= !axis;
    if (axis)
      places.push_back({axis, item.path.location});
  }
  for (size_t i = 0; i < places.size(); ++i) {
    for (size_t j = 0; j < i && !allowAliases; ++j) {
      if (places[i].first != places[j].first)
        continue;
      sema.error("E201", places[i].second,
                 "the axes of a type are distinct, found " + places[i].first->name + " twice in " +
                     describe(type))
          .suggest("declare an alias for the second: axis " + places[i].first->name +
                   "2 = " + places[i].first->name);
      failed = true;
    }
    out.axes.push_back(places[i].first);
  }
  if (!failed && !fitsMemory(out.axes)) {
    sema.error("E403", type.location,
               "the bytes of a tensor are counted in 63 bits, found that " + describe(type) + " has more");
    failed = true;
  }
  if (failed)
    return std::nullopt;
  out.axes = withAliases(sema, std::move(out.axes));
  return out;
}

bool TypeScope::bindElement(int generic, ElementType element, std::string &why) {
  GenericValue &value = bindings.generics[generic];
  const syntax::GenericParameter &g = definition->item->generics[generic];
  if (value.kind == GenericValue::Kind::Element) {
    if (value.element == element || isPoison({element, {}, nullptr}))
      return true;
    why = std::string(g.name.text) + " is already " + nameOf(value.element);
    return false;
  }
  std::string_view constraint = g.constraint.text;
  bool fits = satisfies(constraint, element);
  if (isVariable(element) && rigid) {
    std::string_view own = rigid->item->generics[variableIndex(element)].constraint.text;
    fits = own == constraint || constraint == "number";
  }
  if (!fits) {
    why = std::string(g.name.text) + " must be " + (constraint == "int" ? "an integer type" : "a ") +
          (constraint == "int" ? "" : std::string(constraint) + " type");
    return false;
  }
  value.kind = GenericValue::Kind::Element;
  value.element = element;
  return true;
}

bool TypeScope::bindAxis(int generic, const ast::Axis *axis, std::string &why) {
  GenericValue &value = bindings.generics[generic];
  const std::string name(definition->item->generics[generic].name.text);
  if (value.kind == GenericValue::Kind::Axis) {
    if (value.axis == axis)
      return true;
    why = name + " is already " + value.axis->name;
    return false;
  }
  if (semaOf(axis)->pack) {
    why = name + " is one axis, and ..." + axis->name + " may be several";
    return false;
  }
  value.kind = GenericValue::Kind::Axis;
  value.axis = axis;
  return true;
}

bool TypeScope::bindPack(int generic, const std::vector<const ast::Axis *> &axes, std::string &why) {
  GenericValue &value = bindings.generics[generic];
  if (value.kind == GenericValue::Kind::Pack && value.pack != axes) {
    why = "it is already other axes";
    return false;
  }
  if (!definition->item->generics[generic].pack) {
    why = "it is one axis";
    return false;
  }
  value.kind = GenericValue::Kind::Pack;
  value.pack = axes;
  return true;
}

bool TypeScope::unifyElement(const syntax::Type &type, ElementType element, std::string &why) {
  int generic = genericOf(type.name);
  if (generic >= 0 && definition->isElementGeneric(generic))
    return bindElement(generic, element, why);
  auto wanted = elementOf(type.name);
  if (wanted == ElementType::Poison && isWide(type)) {
    why = std::string(type.name.parts[0].text) + " does not follow from " + type.name.str();
    return false;
  }
  return !wanted || *wanted == ElementType::Poison || *wanted == element || element == ElementType::Poison;
}

size_t TypeScope::needed(const std::vector<syntax::TypeAxis> &items, size_t i, unsigned &unboundPacks) const {
  size_t count = 0;
  for (; i < items.size(); ++i) {
    int generic = items[i].pack ? genericOf(items[i].path) : -1;
    if (generic < 0)
      ++count;
    else if (bindings.generics[generic].kind == GenericValue::Kind::Pack)
      count += bindings.generics[generic].pack.size();
    else
      ++unboundPacks;
  }
  return count;
}

// Left to right. An unbound pack takes what the rest leaves over when it is the only one; otherwise it ends
// before the next item that is already known.
bool TypeScope::unifyAxes(const std::vector<syntax::TypeAxis> &items,
                          const std::vector<const ast::Axis *> &axes, std::string &why) {
  size_t at = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    int generic = genericOf(items[i].path);
    if (!items[i].pack) {
      if (at >= axes.size()) {
        why = "it has no axis for " + items[i].path.str();
        return false;
      }
      const ast::Axis *axis = axes[at++];
      if (generic >= 0) {
        if (!bindAxis(generic, axis, why))
          return false;
      } else if (const ast::Axis *wanted = resolveAxis(items[i].path); wanted && wanted != axis) {
        why = "the axis there must be " + wanted->name;
        return false;
      }
      continue;
    }
    if (generic < 0)
      return false;
    GenericValue &pack = bindings.generics[generic];
    size_t length = 0;
    if (pack.kind == GenericValue::Kind::Pack) {
      length = pack.pack.size();
    } else {
      unsigned others = 0;
      size_t rest = needed(items, i + 1, others);
      if (others == 0) {
        if (at + rest > axes.size()) {
          why = "it has too few axes";
          return false;
        }
        length = axes.size() - at - rest;
      } else {
        const ast::Axis *next = nullptr;
        int nextGeneric = i + 1 < items.size() && !items[i + 1].pack ? genericOf(items[i + 1].path) : -1;
        if (nextGeneric >= 0 && bindings.generics[nextGeneric].kind == GenericValue::Kind::Axis)
          next = bindings.generics[nextGeneric].axis;
        else if (nextGeneric < 0 && i + 1 < items.size() && !items[i + 1].pack)
          next = resolveAxis(items[i + 1].path);
        if (!next) {
          why = "where ..." + std::string(items[i].path.parts[0].text) + " ends cannot be told";
          return false;
        }
        while (at + length < axes.size() && axes[at + length] != next)
          ++length;
        if (at + length == axes.size()) {
          why = "it has no axis " + next->name;
          return false;
        }
      }
    }
    if (at + length > axes.size()) {
      why = "it has too few axes";
      return false;
    }
    std::vector<const ast::Axis *> part(axes.begin() + at, axes.begin() + at + length);
    if (pack.kind == GenericValue::Kind::Pack && pack.pack != part) {
      why = "..." + std::string(items[i].path.parts[0].text) + " is already other axes";
      return false;
    }
    pack.kind = GenericValue::Kind::Pack;
    pack.pack = std::move(part);
    at += length;
  }
  if (at != axes.size())
    why = "it has " + std::to_string(axes.size() - at) + " more axes";
  return at == axes.size();
}

bool TypeScope::unify(const syntax::Type &type, const ast::Type &actual, std::string &why) {
  if (isPoison(actual))
    return true;
  if (actual.isTree() || type.name.str() == "tree") {
    if (!actual.isTree() || type.name.str() != "tree")
      return false;
    if (type.axes.empty())
      return true;
    syntax::Type element;
    element.name = type.axes[0].path;
    return unifyElement(element, actual.element, why);
  }
  elementFailed = false;
  if (!unifyAxes(type.axes, actual.axes, why))
    return false;
  elementFailed = !unifyElement(type, actual.element, why);
  return !elementFailed;
}

std::string TypeScope::describe(const syntax::Type &type) const {
  std::string out = type.name.str();
  for (size_t i = 0; i < type.axes.size(); ++i)
    out += (i ? ", " : "[") + std::string(type.axes[i].pack ? "..." : "") + type.axes[i].path.str();
  return type.axes.empty() ? out : out + "]";
}

std::string TypeScope::describeBindings(const syntax::Type &type) const {
  std::string out;
  auto add = [&](const syntax::Path &path) {
    int generic = genericOf(path);
    if (generic < 0)
      return;
    const GenericValue &value = bindings.generics[generic];
    std::string text;
    if (value.kind == GenericValue::Kind::Axis && value.axis)
      text = value.axis->name;
    else if (value.kind == GenericValue::Kind::Element)
      text = nameOf(value.element);
    else
      return;
    if (text == path.str())
      return;
    out += (out.empty() ? " with " : ", ") + path.str() + " = " + text;
  };
  int widened = isWide(type) ? definition->findGeneric(type.name.parts[0].text) : -1;
  if (widened >= 0 && bindings.generics[widened].kind == GenericValue::Kind::Element)
    out = " with " + type.name.str() + " = " + nameOf(wideOf(bindings.generics[widened].element));
  add(type.name);
  for (const syntax::TypeAxis &axis : type.axes)
    add(axis.path);
  return out;
}

} // namespace cleave::sema
