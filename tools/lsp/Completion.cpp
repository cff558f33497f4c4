#include "tools/lsp/Context.h"
#include "tools/lsp/Features.h"

#include <algorithm>
#include <filesystem>

namespace cleave::lsp {

using index::Symbol;
using Kind = Symbol::Kind;
using Wants = Context::Wants;

namespace {

constexpr const char *kStatements[] = {"let",    "param", "state",  "set",  "layer", "repeat",  "update",
                                       "return", "print", "assert", "next", "yield", "residual"};
constexpr const char *kItems[] = {"import", "axis",  "hyper", "data", "function", "composite", "local",
                                  "layer",  "state", "entry", "link", "mesh",     "plan"};
constexpr const char *kTactics[] = {"shard", "layout",    "replicate", "store", "accumulate", "recompute",
                                    "save",  "remainder", "overlap",   "allow", "assert",     "manual"};
constexpr const char *kExpressions[] = {"sum", "max",  "min",   "mean",    "prod", "argmax", "argmin",
                                        "if",  "scan", "while", "scatter", "inf",  "true",   "false"};

// CompletionItemKind of the protocol.
int kindOf(Kind kind) {
  switch (kind) {
  case Kind::Function:
  case Kind::Builtin:
    return 3;
  case Kind::Layer:
    return 7; // class
  case Kind::Module:
    return 9;
  case Kind::Axis:
  case Kind::Generic:
    return 20; // enum member
  case Kind::Hyper:
    return 21; // constant
  case Kind::Weight:
  case Kind::State:
    return 5; // field
  case Kind::Data:
    return 17; // file
  default:
    return 6; // variable
  }
}

bool isElementType(const std::string &name) {
  static const char *const names[] = {"f32", "f64", "bf16", "f16", "i8", "i32", "i64", "u8", "bool", "tree"};
  return std::any_of(std::begin(names), std::end(names), [&](const char *n) { return name == n; });
}

// How well a name fits where it would stand: 0 best, negative not at all.
int rankOf(const Symbol &s, Wants wants) {
  switch (wants) {
  case Wants::Axis:
    return s.kind == Kind::Axis || (s.kind == Kind::Generic && s.isAxis) ? 0
           : s.kind == Kind::Module                                      ? 1
                                                                         : -1;
  case Wants::Type:
    return (s.kind == Kind::Builtin && isElementType(s.name)) || (s.kind == Kind::Generic && !s.isAxis) ? 0
                                                                                                        : -1;
  case Wants::Data:
    return s.kind == Kind::Data ? 0 : s.kind == Kind::Module ? 1 : -1;
  case Wants::Layer:
    return s.kind == Kind::Layer ? 0 : s.kind == Kind::Module ? 1 : -1;
  case Wants::MeshAxis:
    return s.kind == Kind::MeshAxis ? 0 : -1;
  case Wants::Mesh:
    return s.kind == Kind::Mesh ? 0 : s.kind == Kind::Module ? 1 : -1;
  case Wants::Plan:
    return s.kind == Kind::Plan ? 0 : s.kind == Kind::Module ? 1 : -1;
  case Wants::Selector:
    return s.kind == Kind::Instance || s.kind == Kind::State                          ? 0
           : s.kind == Kind::Entry || s.kind == Kind::Layer || s.kind == Kind::Module ? 1
                                                                                      : -1;
  case Wants::Value:
    return s.kind == Kind::Layer || s.kind == Kind::Entry || s.kind == Kind::Data ||
                   s.kind == Kind::Unknown || s.kind == Kind::Link || s.kind == Kind::Mesh ||
                   s.kind == Kind::Plan || s.kind == Kind::MeshAxis
               ? -1
           : s.kind == Kind::Builtin || s.kind == Kind::Module ? 2
                                                               : 0;
  case Wants::Statement:
  case Wants::Member:
    return s.kind == Kind::Unknown ? -1 : 0;
  default:
    return -1;
  }
}

class Items {
public:
  explicit Items(Context context) : context(std::move(context)) {}

  // In order of offering; `rank` comes first.
  void add(const std::string &label, int kind, int rank, const std::string &detail = "",
           const Symbol *symbol = nullptr, const std::string &insert = "") {
    if (label.compare(0, context.prefix.size(), context.prefix) != 0 || !labels.insert(label).second)
      return;
    char order[16];
    std::snprintf(order, sizeof order, "%d%04zu", rank, std::min<size_t>(list.size(), 9999));
    Json item = {{"label", label}, {"kind", kind}, {"sortText", order}};
    if (!detail.empty())
      item["detail"] = detail;
    if (!insert.empty())
      item["insertText"] = insert;
    if (std::string docs = symbol ? docsOf(*symbol) : ""; !docs.empty())
      item["documentation"] = {{"kind", "markdown"}, {"value", docs}};
    list.push_back(std::move(item));
  }

  void add(const Symbol &s, int rank) {
    std::string detail = !s.type.empty() ? s.type : !s.sizes.empty() ? s.sizes : describe(s.kind);
    if (s.kind == Kind::Function || s.kind == Kind::Layer || s.kind == Kind::Entry)
      detail = signatureOf(s);
    add(s.name, kindOf(s.kind), rank, detail, &s);
  }

  template <size_t N> void keywords(const char *const (&words)[N]) {
    for (const char *word : words)
      add(word, 14, 3);
  }

  Json take() { return std::move(list); }

private:
  Context context;
  Json list = Json::array();
  std::set<std::string> labels;
};

// What `import` can name: files and folders beside this file and in the standard library.
void addModules(const Workspace &workspace, const std::string &path, Items &items) {
  namespace fs = std::filesystem;
  for (const std::string &folder : {fs::path(path).parent_path().string(), workspace.library()}) {
    std::error_code ignored;
    for (const auto &entry : fs::directory_iterator(folder, ignored)) {
      bool file = entry.path().extension() == ".dsl" && entry.path() != path;
      bool module = false;
      if (entry.is_directory(ignored))
        for (const auto &inner : fs::directory_iterator(entry.path(), ignored))
          module |= inner.path().extension() == ".dsl";
      if (file || module)
        items.add(entry.path().stem().string(), 9, 0,
                  folder == workspace.library() ? "standard library" : "");
    }
  }
}

// What is called at the cursor: a function, or the layer of an object.
const Symbol *calleeOf(const index::Index &index, const Place &place, const Context &context) {
  const Symbol *found =
      context.callee.empty() ? nullptr : index.find(place.path, place.offset, context.callee);
  return found && (found->kind == Kind::Instance || found->kind == Kind::SubLayer) ? found->target : found;
}

void addArguments(const Symbol &callee, const Context &context, Items &items) {
  for (const Symbol *member : callee.members)
    if (member->kind == Kind::Parameter &&
        std::find(context.given.begin(), context.given.end(), member->name) == context.given.end())
      items.add(member->name + ":", 10, 1, member->type, nullptr, member->name + ": ");
}

// The layer that a path names, or, in a plan for a layer, that it names below that one.
const Symbol *ownerOf(const index::Index &index, const Place &place, const Context &context,
                      const std::vector<std::string_view> &path) {
  const Symbol *owner = path.empty() ? nullptr : index.find(place.path, place.offset, path);
  if (!owner && !context.target.empty()) {
    std::vector<std::string_view> whole = context.target;
    whole.insert(whole.end(), path.begin(), path.end());
    owner = index.find(place.path, place.offset, whole);
  }
  return owner ? owner->target : nullptr;
}

void addMembers(const Symbol *names, const Context &context, Items &items) {
  for (const Symbol *member : names ? names->members : std::vector<const Symbol *>())
    if (names->kind == Kind::Module || member->kind == Kind::Weight || member->kind == Kind::State ||
        member->kind == Kind::SubLayer || (context.inPlan && member->kind == Kind::Let))
      items.add(*member, 0);
}

} // namespace

Json completion(Workspace &workspace, const Json &params) {
  Place place = workspace.place(params);
  const index::Index &index = *place.program->index;
  std::string text = workspace.textOf(place.path);
  Context context = contextAt(text, place.offset);
  Items items(context);
  if (context.wants == Wants::Module) {
    addModules(workspace, place.path, items);
  } else if (context.wants == Wants::Member) {
    addMembers(ownerOf(index, place, context, context.path), context, items);
  } else if (context.wants != Wants::Nothing) {
    if (const Symbol *callee = context.wants == Wants::Value ? calleeOf(index, place, context) : nullptr)
      addArguments(*callee, context, items);
    for (const Symbol *symbol : index.visible(place.path, place.offset))
      if (int rank = rankOf(*symbol, context.wants); rank >= 0)
        items.add(*symbol, rank);
    if (context.wants == Wants::Selector && !context.target.empty())
      addMembers(ownerOf(index, place, context, {}), context, items);
    if (context.wants == Wants::Tactic)
      items.keywords(kTactics);
    if (context.wants == Wants::Statement) {
      items.keywords(kStatements);
      items.keywords(kItems);
    }
    if (context.wants == Wants::Value)
      items.keywords(kExpressions);
  }
  return {{"isIncomplete", false}, {"items", items.take()}};
}

Json signatureHelp(Workspace &workspace, const Json &params) {
  Place place = workspace.place(params);
  std::string text = workspace.textOf(place.path);
  Context context = contextAt(text, place.offset);
  const Symbol *callee = calleeOf(*place.program->index, place, context);
  if (!callee || (callee->kind != Kind::Function && callee->kind != Kind::Layer))
    return nullptr;
  Json parameters = Json::array();
  for (const Symbol *member : callee->members)
    if (member->kind == Kind::Parameter)
      parameters.push_back({{"label", member->name}});
  Json signature = {{"label", signatureOf(*callee)}, {"parameters", parameters}};
  if (std::string docs = docsOf(*callee); !docs.empty())
    signature["documentation"] = {{"kind", "markdown"}, {"value", docs}};
  return {{"signatures", Json::array({signature})},
          {"activeSignature", 0},
          {"activeParameter", context.argument}};
}

} // namespace cleave::lsp
