// The one walk over bodies: syntax in, typed tree out. Seen by lang/sema only.
//
// It runs twice over generic definitions: once on its own with *rigid* generics (axes of unknown size, type
// variables), so that unused library code is checked too, and once per instance with what the generics stand
// for. In the first run (`rigid`) calls are checked against signatures only and sizes are not known, so
// bounds are not checked. A generic check also records the axes of index variables, which instances take over
// (`Definition::recorded`).
#ifndef CLEAVE_LANG_SEMA_ELABORATOR_H
#define CLEAVE_LANG_SEMA_ELABORATOR_H

#include "lang/sema/Types.h"

#include <functional>

namespace cleave::sema {

using ast::ElementType;
using ast::Expr;

// An index variable as written; a pack variable stands for several.
struct IndexName {
  std::string_view name;
  Location location;
  const void *key = nullptr; // its syntax node, for Definition::recorded
  bool pack = false;
  bool typed = false;
  bool annotated = false;
  bool used = false;
  std::vector<const ast::IndexVariable *> variables;
};

// Where an element-level expression stands: the index variables it may use, or (pointwise) the variables that
// stand for the axes of the first tensor met.
struct ElementContext {
  std::vector<IndexName *> names; // outermost first
  bool pointwise = false;
  bool shaped = false; // a tensor of rank > 0 was met, or the type was given
  std::vector<const ast::IndexVariable *> shape;
  Location shapeLocation;
  std::string shapeName;
};

// A name bound in a body.
struct Local {
  const ast::Value *value = nullptr;
  const ast::Literal *constant = nullptr; // known at compile time
  int child = -1;                         // a sub-layer
  int slot = -1;                          // a parameter or state of the layer
  bool parameter = false;
  Location location;
};

// A sub-layer as declared.
struct Child {
  std::string name;
  Location location;
  Definition *definition = nullptr; // null: unknown (reported)
  const syntax::LayerTarget *target = nullptr;
  const ast::Axis *repeat = nullptr;
  bool stacked = false;
  bool called = false;
  Bindings bindings; // of the first call
  LayerInfo *info = nullptr;
};

// A body under construction, and those around it.
struct Region {
  enum class Kind { Top, If, Scan, While, Condition, Backward };
  Kind kind = Kind::Top;
  Region *parent = nullptr;
  unsigned depth = 0;
  std::vector<const ast::Stmt *> statements;
  bool ended = false; // a return, or yield where nothing may follow
  std::vector<Expr *> results;
  bool returned = false;
  // Scan and While: carries and what `next` gave them.
  std::vector<std::string_view> carries;
  std::vector<const ast::Value *> carryValues;
  std::vector<Expr *> nexts;
  // Scan.
  ast::Scan *scan = nullptr;
  const ast::Value *counter = nullptr;
  std::map<std::pair<const void *, size_t>, const ast::Value *> slices;
};

// An argument ready to be matched with a parameter.
struct ArgumentInfo {
  bool given = false;
  ast::Type type;
  Expr *expr = nullptr;
  Location location;
};

// A call whose callee and arguments are known to fit.
struct MatchedCall {
  Definition *definition = nullptr;
  Bindings bindings;
  std::vector<Expr *> arguments; // those passed at run time
  std::vector<ast::Type> results;
  bool poison = false;
};

class Elaborator {
public:
  Elaborator(Sema &sema, Module &module, Definition *definition, Bindings bindings,
             AxisEnvironment &environment, bool rigid)
      : sema(sema), module(module), definition(definition), bindings(std::move(bindings)),
        environment(environment), rigid(rigid), types(sema, module, definition, this->bindings, environment) {
    if (rigid)
      types.rigid = definition;
  }

  static const ast::Literal *elaborateHyper(Sema &sema, HyperSymbol &symbol);
  // Whether the generics of `layer gpt = Gpt[...]` are right.
  static bool checkInstance(Sema &sema, InstanceSymbol &instance);
  static void elaborateFileState(Sema &sema, StateSymbol &symbol);

  // The body of `definition`; null when it had errors.
  ast::Function *function(const std::string &instanceName);
  bool layer(LayerInfo &info, const std::string &instanceName);
  ast::Entry *entry();

private:
  // All results of a right-hand side: one expression, or one node with several.
  struct Values {
    Expr *node = nullptr;        // when several results come from one node
    std::vector<Expr *> results; // otherwise
    std::vector<ast::Type> types;
    bool poison = false;
  };

  //===-- Bodies (Bodies.cpp)
  bool bindParameters(std::vector<const ast::Value *> &arguments);
  bool resolveResults(std::vector<ast::Type> &results);
  std::optional<ast::Type> resolveTreeOr(const syntax::Type &type, size_t parameter);
  void elaborateTop(Region &top);
  void checkSource(const ast::DataSource &source, const ast::Type &type, const syntax::Parameter &p);
  ast::Body *finishBody(Region &region);
  void elaborateBackward(ast::Function &function);
  void bindEntryInput(const syntax::Parameter &p, ast::Entry &entry);

  //===-- Statements (Statements.cpp)
  void block(const syntax::Block &block, bool scoped);
  void statement(const syntax::Stmt &s);
  void letStatement(const syntax::Stmt &s);
  void letTuple(const syntax::Stmt &s);
  void returnStatement(const syntax::Stmt &s);
  void yieldStatement(const syntax::Stmt &s);
  void nextStatement(const syntax::Stmt &s);
  void setStatement(const syntax::Stmt &s);
  void slotStatement(const syntax::Stmt &s);
  void layerStatement(const syntax::Stmt &s);
  void updateStatement(const syntax::Stmt &s);
  void printStatement(const syntax::Stmt &s);
  void assertStatement(const syntax::Stmt &s);
  // The value of `name pattern? : type = value`; `wanted` is the type it must have, if known.
  Expr *definedValue(const syntax::Stmt &s, const ast::Type *wanted);
  const ast::Comprehension *initialiser(const syntax::Stmt &s, const ast::Type &type);
  void bind(const syntax::Name &name, Local local);
  void bindAll(const Values &values, Location at);
  const ast::Value *addLet(const syntax::Name &name, Expr *init, bool residual);
  // Checks that e has this type, making literals and scalars fit; reports E301 or E211 otherwise.
  Expr *fit(Expr *e, const ast::Type &wanted, const std::string &what);

  //===-- Names (Names.cpp)
  Local *findLocal(std::string_view name);
  std::vector<std::string> visibleNames(const ElementContext *ctx);
  Expr *nameInTensor(const syntax::Expr &e, const syntax::Path &path);
  Expr *nameInElement(const syntax::Expr &e, const syntax::Path &path, ElementContext &ctx);
  bool behindReduction(const syntax::Expr &e);
  Expr *constantOf(const Symbol &symbol, Location at);
  Expr *sizeLiteral(const ast::Axis *axis, Location at);
  Expr *valueRef(const ast::Value *value, Location at);
  Expr *stateRef(StateSymbol &symbol, Location at);
  Expr *childParameter(const syntax::Expr &e, bool &handled);
  Expr *findSlot(ast::ParamRef *reference, LayerInfo *info, const Definition &layer,
                 const std::vector<syntax::Name> &parts);
  bool isShadowed(std::string_view name, const ElementContext &ctx);
  std::optional<ElementType> conversionOf(const syntax::Expr &callee, const ElementContext &ctx);

  //===-- Tensor level (Tensors.cpp)
  Expr *tensor(const syntax::Expr &e, const ast::Type *wanted = nullptr);
  Values values(const syntax::Expr &e, const ast::Type *wanted = nullptr);
  Values single(Expr *e);
  Expr *oneOf(Values values, Location at);
  Expr *pointwise(const syntax::Expr &e, const ast::Type *wanted);
  Expr *broadcast(Expr *scalar, const ast::Type &wanted);
  Expr *argsort(const syntax::Expr &e);
  Expr *concat(const syntax::Expr &e, const ast::Type *wanted);
  Expr *stopGradient(const syntax::Expr &e);
  // Collectives.cpp
  bool isLocal() const { return definition && definition->item->local; }
  Expr *collective(const syntax::Expr &e);
  std::optional<int64_t> shiftOf(const syntax::Expr *e);
  std::optional<ast::Combiner> combinerOf(const syntax::Expr *e);
  Expr *scatter(const syntax::Expr &e, const syntax::Stmt &let, const ast::Type *wanted);
  bool scatterTargets(const syntax::Expr &e, const std::vector<IndexName *> &left,
                      std::vector<const syntax::Expr *> &at);
  Expr *scatterIdentity(ast::Combiner combiner, ElementType type, Location at);
  const ast::Axis *axisArgument(const syntax::Expr &e);
  bool isTensorBuiltin(std::string_view name) const;

  //===-- Element level (Elements.cpp)
  Expr *element(const syntax::Expr &e, ElementContext &ctx);
  Expr *leaf(Expr *tensor, ElementContext &ctx, const syntax::Expr &written);
  Expr *builtinCall(const syntax::Expr &e, ElementContext &ctx, bool &handled);
  Expr *randomCall(const syntax::Expr &e, ElementContext &ctx);
  Expr *castCall(const syntax::Expr &e, ElementType to, ElementContext &ctx);
  Expr *elementCall(const syntax::Expr &e, ElementContext &ctx);
  bool mentions(const syntax::Expr &e, const ElementContext &ctx) const;
  Expr *select(Expr *condition, Expr *left, Expr *right, Location at);
  std::vector<const syntax::Expr *> builtinArguments(const syntax::Expr &e,
                                                     const std::vector<const char *> &names, size_t required);

  //===-- Constants and typing (Constants.cpp)
  Expr *poison(Location at);
  Expr *literal(ElementType type, int64_t integer, double real, Location at);
  Expr *unary(ast::UnaryOp op, Expr *operand, Location at);
  Expr *binary(ast::BinaryOp op, Expr *left, Expr *right, Location at, std::string_view written);
  Expr *cast(Expr *operand, ElementType to, Location at);
  // Gives an untyped constant expression this type; false (reported) when it does not fit. No-op for typed
  // ones.
  bool coerce(Expr *&e, ElementType type);
  void settle(Expr *&e); // default type: i64, f32
  bool balance(Expr *&a, Expr *&b, Location at, std::string_view written);
  Expr *fold(Expr *e);
  Expr *foldLiteral(ast::Literal *literal, ElementType type);
  bool checkClass(ElementType type, std::string_view constraint, Location at, std::string_view written);
  bool isKind(ElementType type, std::string_view constraint) const;

  //===-- Index variables and reads (Indices.cpp, Access.cpp)
  std::vector<IndexName *> declarePattern(const syntax::Pattern &pattern, const ElementContext *outer);
  void typeVariable(IndexName &name, const std::vector<const ast::Axis *> &axes);
  void typeFromRecord(IndexName &name);
  void record(const IndexName &name);
  const ast::Axis *substitute(const ast::Axis *axis, std::vector<const ast::Axis *> *pack);
  void infer(const syntax::Expr &e, std::vector<IndexName *> &scope);
  void inferAccess(const syntax::Expr &e, std::vector<IndexName *> &scope);
  bool requireTyped(const std::vector<IndexName *> &names, bool reduction);
  std::vector<const ast::IndexVariable *> flatten(const std::vector<IndexName *> &names);
  Expr *baseOf(const syntax::Expr &e);
  Expr *reduction(const syntax::Expr &e, ElementContext &ctx);
  Expr *access(const syntax::Expr &e, ElementContext &ctx);
  // What each axis of a base is read at: per axis a bare variable, or an integer expression.
  struct Position {
    const ast::IndexVariable *bare = nullptr;
    const IndexName *name = nullptr;
    const syntax::Expr *written = nullptr;
    Location location;
  };
  bool alignSubscripts(const syntax::Expr &e, const ast::Type &base, const std::vector<IndexName *> &names,
                       std::vector<Position> &out);
  Expr *positionOf(const Position &p, const ast::Axis *axis, ElementContext &ctx);
  static bool usesVariable(const ast::Affine &affine, const ast::IndexVariable *variable);
  Expr *sliceOf(Expr *base, const std::vector<Position> &positions, size_t &dim);
  bool toAffine(const Expr *e, ast::Affine &out, std::vector<ast::IndexRead> &indices);
  bool toIndexRead(const Expr *e, ast::IndexRead &out);
  bool addTerm(ast::Affine &affine, const ast::AffineTerm &term, Location at);
  // Least and greatest value; false when not known.
  bool rangeOf(const ast::Affine &affine, const std::vector<ast::IndexRead> &indices, __int128 &low,
               __int128 &high);
  bool rangeOfRead(const ast::IndexRead &read, __int128 &low, __int128 &high);
  Expr *isInside(Expr *position, const ast::Axis *axis, Location where);
  Expr *gatherOrAccess(const syntax::Expr &e, Expr *base, std::vector<Expr *> &positions, Expr *outside);
  void reportBounds(const syntax::Expr &e, const ast::Axis *axis, Location at, __int128 low, __int128 high);
  // The comprehension of an element-level expression over the index variables it uses, and the read that
  // stands for it.
  Expr *hoist(Expr *body, ast::Combiner combiner, std::vector<const ast::IndexVariable *> reduced,
              Location at);
  Expr *hoistWith(Expr *body, const std::vector<const ast::IndexVariable *> &also, Location at);
  Expr *share(Expr *read);
  std::vector<const ast::IndexVariable *> freeVariables(const Expr *e);
  Expr *comprehension(std::vector<const ast::IndexVariable *> variables, Expr *body, Location at);

  //===-- Calls (Calls.cpp)
  struct Callee {
    Definition *definition = nullptr;
    int child = -1;
    InstanceSymbol *instance = nullptr;
    const std::vector<syntax::Subscript> *generics = nullptr;
    Location location;
    std::string name;
  };
  // Whether the callee names a definition or layer object; reports unknown names.
  bool findCallee(const syntax::Expr &e, Callee &out);
  Values call(const syntax::Expr &e, const ast::Type *wanted);
  bool matchArguments(Definition &callee, const std::vector<syntax::Argument> &arguments, size_t preset,
                      Location at, std::vector<const syntax::Expr *> &out);
  bool bindExplicit(Definition &callee, TypeScope &scope, const std::vector<syntax::Subscript> &generics);
  bool checkTarget(Definition &callee, const syntax::LayerTarget &target);
  bool bindTarget(Definition &callee, TypeScope &scope, const syntax::LayerTarget &target);
  bool bindGeneric(Definition &callee, TypeScope &scope, std::string_view name, bool named, size_t &next,
                   const syntax::Path &path, bool pack, Location at);
  // Elaborates the arguments, binds generics by them and by `wanted`, and resolves the results.
  bool match(const syntax::Expr &e, const Callee &callee, const ast::Type *wanted, ElementContext *ctx,
             MatchedCall &out);
  bool unifyArguments(Definition &callee, TypeScope &scope, std::vector<ArgumentInfo> &arguments,
                      const ast::Type *wanted, Location at, MatchedCall &out);
  bool finishMatch(Definition &callee, TypeScope &scope, std::vector<ArgumentInfo> &arguments, Location at,
                   MatchedCall &out);
  std::optional<ast::Type> resultType(Definition &callee, TypeScope &scope, const syntax::Type &type,
                                      const Bindings &bound);
  Values callFunction(MatchedCall &matched, Location at);
  Values callLayer(MatchedCall &matched, const Callee &callee, Location at);
  bool checkRepeat(const MatchedCall &matched, const Child &child, Location at);
  Values results(Expr *node);
  bool isElementwise(const ast::Function *function) const;
  bool isPlain(const Expr *e) const;
  ast::Type treeType(const ast::LayerObject *object);

  //===-- Control (Control.cpp)
  Values ifExpression(const syntax::Expr &e);
  Values scanExpression(const syntax::Expr &e);
  Values whileExpression(const syntax::Expr &e);
  std::vector<Expr *> firstCarries(const syntax::Expr &e);
  void bindCarries(const syntax::Expr &e, const std::vector<Expr *> &init, Region &region);
  bool checkNexts(const syntax::Expr &e, Region &region);
  ast::Body *branch(const syntax::Block &block, Region &region);
  std::optional<bool> constantCondition(const Expr *e) const;

  //===-- Trees (Trees.cpp)
  Expr *grad(const syntax::Expr &e);
  Expr *each(const syntax::Expr &e, bool total);
  Values gradValues(const syntax::Expr &e);
  ast::LayerObject *rigidTree(ElementType element);
  bool treeArguments(Definition &callee, const std::vector<const syntax::Expr *> &written, size_t preset,
                     Location at, std::vector<ArgumentInfo> &out, const ast::LayerObject *&object);
  bool instantiateLeaf(const MatchedCall &one, const std::vector<ArgumentInfo> &arguments,
                       const ast::State &leaf, bool total, Location at, ast::LeafCall &out);
  bool updateLeaf(const MatchedCall &one, const std::vector<ArgumentInfo> &arguments, const ast::State &leaf,
                  Location at, ast::Update &update);
  static ast::Type ofOne(const ast::State &leaf);
  static bool takesAnyShape(const Definition &callee, const std::vector<ArgumentInfo> &arguments);
  bool matchLeaf(Definition &callee, std::vector<ArgumentInfo> arguments, const ast::Type &leaf, Location at,
                 MatchedCall &out);

  // A node with one result type.
  template <typename T> T *make(Location at, ast::Type type) {
    T *node = sema.make<T>(at);
    node->types.push_back(std::move(type));
    return node;
  }

  diag::Diagnostic &error(const std::string &code, Location at, std::string message) {
    failed = true;
    return sema.error(code, at, std::move(message));
  }
  // As users write it, with the names of type variables.
  std::string show(const ast::Type &type) const;

  Sema &sema;
  Module &module;
  Definition *definition;
  Bindings bindings;
  AxisEnvironment &environment;
  bool rigid;
  TypeScope types;

  bool failed = false;
  bool inInitialiser = false;
  ast::LayerObject *rigidTreeObject = nullptr;
  std::vector<std::unordered_map<std::string_view, Local>> scopes;
  std::vector<Child> children;
  std::unordered_map<const StateSymbol *, const ast::Value *> fileStates; // their current values
  std::unordered_map<const ast::Value *, unsigned> definedAt;             // region depth
  std::unordered_map<const syntax::Expr *, Expr *> bases;                 // already elaborated
  std::unordered_map<const syntax::Expr *, std::vector<IndexName *>> reductions;
  const ElementContext *active = nullptr; // the innermost one
  std::deque<IndexName> indexNames;
  Region *region = nullptr;
  LayerInfo *layerInfo = nullptr;
  ast::Entry *entryNode = nullptr;
  ast::Function *functionNode = nullptr;
  std::vector<ast::Type> declaredResults;
  std::vector<const ast::Value *> residuals;
  std::vector<const ast::Value *> spread; // of the last bindAll
  unsigned sites = 0;
  bool setsState = false;
};

} // namespace cleave::sema

#endif
