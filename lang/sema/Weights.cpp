// `weights`: where the parameters of a layer lie in published files.
#include "lang/sema/Elaborator.h"
#include "lang/sema/WeightParts.h"

#include <algorithm>
#include <functional>

namespace cleave::sema {

syntax::Path pathOf(const syntax::Expr &e); // Sizes.cpp

namespace {

using Kind = syntax::Expr::Kind;

// One declaration being checked.
class WeightsResolver {
public:
  WeightsResolver(Sema &sema, const WeightsSymbol &symbol)
      : sema(sema), item(*symbol.item), module(*symbol.module) {}
  void run();

private:
  bool findObject();
  void collect(const ast::LayerObject *object);
  void readTypes();
  void readRow(const syntax::WeightRow &row);
  const ast::State *findState(const syntax::WeightRow &row);
  bool readVariables(const syntax::WeightRow &row, const ast::State &state);
  bool readSource(const syntax::WeightSource &source, const ast::State &state, ast::WeightSource &out);
  bool readName(const syntax::WeightSource &source, ast::WeightSource &out);
  bool readPosition(const syntax::WeightPosition &position, ast::WeightPosition &out);
  bool addMerged(const syntax::WeightPosition &position, ast::WeightPosition &out);
  bool addAffine(const syntax::Expr &e, int64_t factor, ast::WeightPosition &out);
  bool addVariable(const syntax::Name &name, int64_t stride, ast::WeightPosition &out);
  std::optional<int64_t> constant(const syntax::Expr &e);
  int variable(std::string_view name) const;
  void requireAll();
  void setSizes();
  void requireWhole();

  Sema &sema;
  const syntax::Item &item;
  Module &module;
  ast::WeightMap map;
  std::vector<const ast::State *> states; // of the object and all below it
  std::vector<syntax::Name> variables;    // of the row: one per dim of its state
  std::vector<unsigned> uses;             // in the source being read
  std::vector<const ast::Axis *> axes;    // of the row's state
  bool failed = false;
};

} // namespace

void WeightsResolver::collect(const ast::LayerObject *object) {
  states.insert(states.end(), object->states.begin(), object->states.end());
  for (const ast::LayerObject *child : object->children)
    if (child)
      collect(child);
}

bool WeightsResolver::findObject() {
  const Symbol *symbol = sema.require(module, item.path, "a layer instance");
  if (!symbol)
    return false;
  if (symbol->kind != Symbol::Kind::Instance) {
    sema.error("E106", item.path.location,
               "weights are those of a layer instance, found " + item.path.str() + ", " +
                   describe(symbol->kind))
        .note(symbol->location, "it is declared here");
    return false;
  }
  map.object = symbol->instance->object;
  if (!map.object && !symbol->instance->failed && !sema.engine.hasErrors())
    sema.error("E112", item.path.location,
               "weights are for a layer that an entry calls, found " + item.path.str() + ", which none does");
  return map.object;
}

void WeightsResolver::readTypes() {
  for (const syntax::Name &name : item.names) {
    std::optional<ast::ElementType> type = elementTypeOf(name.text);
    if (!type)
      sema.error("E303", name.location,
                 "a file's tensors are of an element type, found '" + std::string(name.text) + "'")
          .suggest("from f32, bf16, f16");
    failed |= !type;
    map.types.push_back(type.value_or(ast::ElementType::F32));
  }
}

// "blocks[*].attention.query" of llama's states, as the user writes it below the layer.
static std::string relative(const ast::State &state, const ast::LayerObject &object) {
  return state.path.substr(object.path.size() + 1);
}

const ast::State *WeightsResolver::findState(const syntax::WeightRow &row) {
  std::string path;
  for (size_t i = 0; i < row.steps.size(); ++i) {
    const syntax::WeightStep &step = row.steps[i];
    bool stacked = step.bracketed && i + 1 < row.steps.size();
    path += (path.empty() ? "" : ".") + std::string(step.name.text) + (stacked ? "[*]" : "");
  }
  std::vector<std::string> names;
  for (const ast::State *state : states) {
    names.push_back(relative(*state, *map.object));
    if (names.back() != path)
      continue;
    if (row.parameter == (state->kind == ast::State::Kind::Parameter))
      return state;
    sema.error("E106", row.location,
               std::string("the row of a ") + (row.parameter ? "param" : "state") + " names one, found '" +
                   path + "', a " + (row.parameter ? "state" : "parameter"));
    return nullptr;
  }
  std::string better = diag::nearest(path, names);
  sema.error("E101", row.location,
             "a row names a parameter of " + map.object->path + ", found unknown '" + path + "'")
      .suggest(better.empty() ? "" : "did you mean '" + better + "'?");
  return nullptr;
}

// The index variables of a row: those of the repeats, then those of the parameter.
bool WeightsResolver::readVariables(const syntax::WeightRow &row, const ast::State &state) {
  variables.clear();
  axes = state.type.axes;
  for (size_t i = 0; i < row.steps.size(); ++i) {
    const syntax::WeightStep &step = row.steps[i];
    if (i + 1 < row.steps.size() && step.bracketed && step.variables.size() != 1) {
      sema.error("E203", step.name.location,
                 "a repeat has one index, found " + std::to_string(step.variables.size()));
      return false;
    }
    variables.insert(variables.end(), step.variables.begin(), step.variables.end());
  }
  if (variables.size() != axes.size()) {
    sema.error("E203", row.location,
               "a row has an index variable for each axis of its parameter, found " +
                   std::to_string(variables.size()) + " for " + state.path + ": " +
                   ast::toString(state.type));
    return false;
  }
  for (size_t i = 0; i < variables.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (variables[i].text == variables[j].text) {
        sema.error("E102", variables[i].location,
                   "an index variable is bound once, found a second '" + std::string(variables[i].text) +
                       "'");
        return false;
      }
  return true;
}

int WeightsResolver::variable(std::string_view name) const {
  for (size_t i = 0; i < variables.size(); ++i)
    if (variables[i].text == name)
      return static_cast<int>(i);
  return -1;
}

// "h.{i}.weight" -> "h.{0}.weight"
bool WeightsResolver::readName(const syntax::WeightSource &source, ast::WeightSource &out) {
  for (size_t i = 0; i < source.name.size(); ++i) {
    char c = source.name[i];
    if (c != '{' && c != '}') {
      out.name += c;
      continue;
    }
    size_t close = source.name.find_first_of("{}", i + 1);
    int index = -1;
    if (c == '{' && close != std::string::npos && source.name[close] == '}')
      index = variable(std::string_view(source.name).substr(i + 1, close - i - 1));
    if (index < 0) {
      sema.error("E212", source.nameLocation,
                 "braces in the name of a tensor hold an index variable of the row, found '" +
                     source.name.substr(i, close == std::string::npos ? close : close + 1 - i) + "'");
      return false;
    }
    ++uses[index];
    out.name += "{" + std::to_string(index) + "}";
    i = close;
  }
  return true;
}

bool WeightsResolver::addVariable(const syntax::Name &name, int64_t stride, ast::WeightPosition &out) {
  int index = variable(name.text);
  if (index < 0) {
    sema.error("E101", name.location,
               "the merged axes of a file are index variables of the row, found '" + std::string(name.text) +
                   "'");
    return false;
  }
  ++uses[index];
  out.strides[index] = stride;
  return true;
}

// `(h, d)`: the last one moves fastest.
bool WeightsResolver::addMerged(const syntax::WeightPosition &position, ast::WeightPosition &out) {
  int64_t stride = 1;
  for (size_t i = position.merged.size(); i-- > 0;) {
    const syntax::Name &name = position.merged[i];
    if (!addVariable(name, stride, out))
      return false;
    if (__builtin_mul_overflow(stride, axes[variable(name.text)]->size, &stride)) {
      sema.error("E403", position.location, "a size fits in 63 bits, found merged axes of more elements");
      return false;
    }
  }
  return true;
}

// The value of an expression without index variables.
std::optional<int64_t> WeightsResolver::constant(const syntax::Expr &e) {
  std::vector<const SemaAxis *> mentions;
  return sema.evaluateSize(e, module, *sema.baseEnvironment, mentions);
}

static bool mentionsVariable(const syntax::Expr &e, const std::function<bool(std::string_view)> &isVariable) {
  if (e.kind == Kind::Name)
    return isVariable(e.text);
  return (e.left && mentionsVariable(*e.left, isVariable)) ||
         (e.right && mentionsVariable(*e.right, isVariable));
}

// Adds factor * e, a sum of index variables times sizes.
bool WeightsResolver::addAffine(const syntax::Expr &e, int64_t factor, ast::WeightPosition &out) {
  auto isVariable = [this](std::string_view name) { return variable(name) >= 0; };
  auto overflows = [&] {
    sema.error("E403", e.location, "a position fits in 63 bits, found one that does not");
    return false;
  };
  if (e.kind == Kind::Name && isVariable(e.text))
    return addVariable({e.text, e.location}, factor, out);
  if (!mentionsVariable(e, isVariable)) {
    std::optional<int64_t> value = constant(e);
    if (!value)
      return false;
    int64_t offset;
    if (__builtin_mul_overflow(*value, factor, &offset) ||
        __builtin_add_overflow(out.offset, offset, &out.offset))
      return overflows();
    return true;
  }
  if (e.kind == Kind::Binary && e.text == "+")
    return addAffine(*e.left, factor, out) && addAffine(*e.right, factor, out);
  bool isProduct = e.kind == Kind::Binary && e.text == "*";
  for (auto [scale, rest] : {std::pair(e.left, e.right), std::pair(e.right, e.left)}) {
    if (!isProduct || mentionsVariable(*scale, isVariable))
      continue;
    std::optional<int64_t> value = constant(*scale);
    if (!value)
      return false;
    if (__builtin_mul_overflow(*value, factor, &factor))
      return overflows();
    return addAffine(*rest, factor, out);
  }
  sema.error("E212", e.location,
             "a position in a file is a sum of index variables times sizes, found another expression")
      .suggest("two axes that the file has merged are written (h, d)");
  return false;
}

bool WeightsResolver::readPosition(const syntax::WeightPosition &position, ast::WeightPosition &out) {
  out.strides.assign(axes.size(), 0);
  if (!position.merged.empty() && !addMerged(position, out))
    return false;
  if (position.value && !addAffine(*position.value, 1, out))
    return false;
  bool negative =
      out.offset < 0 ||
      std::any_of(out.strides.begin(), out.strides.end(), [](int64_t stride) { return stride < 0; });
  if (negative)
    sema.error("E212", position.location,
               "positions in a file count up from the first element, found negative numbers");
  return !negative;
}

bool WeightsResolver::readSource(const syntax::WeightSource &source, const ast::State &state,
                                 ast::WeightSource &out) {
  out.location = source.location;
  uses.assign(axes.size(), 0);
  if (!readName(source, out))
    return false;
  for (const syntax::WeightPosition &position : source.positions)
    if (!readPosition(position, out.positions.emplace_back()))
      return false;
  for (size_t i = 0; i < uses.size(); ++i)
    if (uses[i] != 1) {
      sema.error("E212", source.location,
                 "each index variable of " + state.path +
                     " stands once, in the tensor's name or in its "
                     "subscripts, found '" +
                     std::string(variables[i].text) + "' " +
                     (uses[i] == 0 ? "nowhere" : std::to_string(uses[i]) + " times"));
      return false;
    }
  for (size_t d = 0; d < out.positions.size(); ++d)
    if (!partOf(out.positions[d], axes)) {
      sema.error("E212", source.positions[d].location,
                 "different elements of " + state.path + " lie in different places, found axes that overlap");
      return false;
    }
  return true;
}

void WeightsResolver::readRow(const syntax::WeightRow &row) {
  if (row.steps.empty()) {
    map.ignored.insert(map.ignored.end(), row.ignored.begin(), row.ignored.end());
    return;
  }
  ast::Weight weight;
  weight.location = row.location;
  weight.state = findState(row);
  bool fine = weight.state && readVariables(row, *weight.state);
  for (const syntax::WeightSource &source : row.sources)
    fine = fine && readSource(source, *weight.state, weight.sources.emplace_back());
  failed |= !fine;
  if (!weight.state)
    return;
  for (const ast::Weight &other : map.weights)
    if (other.state == weight.state) {
      failed = true;
      sema.error("E102", row.location, "a parameter has one row, found a second for " + weight.state->path)
          .note(other.location, "the first is here")
          .suggest("alternatives stand in one row: \"a\"[...] else \"b\"[...]");
      return;
    }
  map.weights.push_back(std::move(weight));
}

void WeightsResolver::requireAll() {
  std::vector<std::string> missing;
  for (const ast::State *state : ast::leavesOf(map.object))
    if (std::none_of(map.weights.begin(), map.weights.end(),
                     [&](const ast::Weight &weight) { return weight.state == state; }))
      missing.push_back(relative(*state, *map.object));
  if (missing.empty())
    return;
  failed = true;
  std::string list;
  constexpr size_t kMost = 4;
  for (size_t i = 0; i < missing.size() && i < kMost; ++i)
    list += (i ? ", " : "") + missing[i];
  if (missing.size() > kMost)
    list += " and " + std::to_string(missing.size() - kMost) + " more";
  sema.error("E114", item.name.location,
             "every parameter of " + map.object->path + " has a row in its weights, found none for " + list);
}

// Sources that read one tensor, by its name: `{0}` counts as a name.
static std::vector<std::vector<std::pair<ast::Weight *, ast::WeightSource *>>>
bySource(std::vector<ast::Weight> &weights) {
  std::map<std::string, size_t> numbers;
  std::vector<std::vector<std::pair<ast::Weight *, ast::WeightSource *>>> groups;
  for (ast::Weight &weight : weights)
    for (ast::WeightSource &source : weight.sources) {
      auto [it, fresh] = numbers.try_emplace(source.name, groups.size());
      if (fresh)
        groups.emplace_back();
      groups[it->second].push_back({&weight, &source});
    }
  return groups;
}

// A tensor is as large as the farthest element that is read of it.
void WeightsResolver::setSizes() {
  for (auto &group : bySource(map.weights)) {
    std::vector<int64_t> sizes;
    for (auto [weight, source] : group) {
      if (source != group.front().second && source->positions.size() != sizes.size()) {
        sema.error("E212", source->location,
                   "a tensor of a file has one number of axes, found " +
                       std::to_string(source->positions.size()) + " and " + std::to_string(sizes.size()) +
                       " for one name")
            .note(group.front().second->location, "it is read here too");
        failed = true;
        return;
      }
      sizes.resize(source->positions.size());
      for (size_t d = 0; d < sizes.size(); ++d)
        sizes[d] = std::max(sizes[d], partOf(source->positions[d], weight->state->type.axes)->end());
    }
    for (auto [weight, source] : group)
      source->sizes = sizes;
  }
}

// What is read of a tensor is all of it: parts that are equal (tied) or do not meet, and together everything.
void WeightsResolver::requireWhole() {
  for (auto &group : bySource(map.weights)) {
    std::vector<std::vector<FilePart>> boxes;
    for (auto [weight, source] : group) {
      std::vector<FilePart> box;
      for (const ast::WeightPosition &position : source->positions)
        box.push_back(*partOf(position, weight->state->type.axes));
      bool isNew = true;
      for (const std::vector<FilePart> &other : boxes) {
        isNew &= box != other;
        if (box != other && meet(box, other)) {
          sema.error("E213", source->location,
                     "parameters that read one tensor read the same part of it, or parts that do not meet, "
                     "found parts that overlap")
              .note(group.front().second->location, "it is read here too");
          failed = true;
          return;
        }
      }
      if (isNew)
        boxes.push_back(std::move(box));
    }
    __int128 read = 0, all = 1;
    for (const std::vector<FilePart> &box : boxes) {
      __int128 elements = 1;
      for (const FilePart &part : box)
        elements *= part.size();
      read += elements;
    }
    for (int64_t size : group.front().second->sizes)
      all *= size;
    if (read == all)
      continue;
    failed = true;
    sema.error("E213", group.front().second->location,
               "all of a tensor is read, found " + std::to_string(static_cast<int64_t>(read)) + " of " +
                   std::to_string(static_cast<int64_t>(all)) + " elements");
  }
}

void WeightsResolver::run() {
  map.name =
      module.name.empty() ? std::string(item.name.text) : module.name + "." + std::string(item.name.text);
  map.location = item.location;
  map.prefixes = item.prefixes;
  readTypes();
  if (!findObject())
    return;
  collect(map.object);
  for (const syntax::WeightRow &row : item.rows)
    readRow(row);
  if (failed)
    return;
  requireAll();
  setSizes();
  if (!failed)
    requireWhole();
  if (!failed)
    sema.program.weights.push_back(std::move(map));
}

void Sema::resolveWeights(const WeightsSymbol &symbol) { WeightsResolver(*this, symbol).run(); }

} // namespace cleave::sema
