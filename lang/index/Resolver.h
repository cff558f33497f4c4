// Walks the syntax trees of a checked program and finds what every name in them means. Seen by lang/index
// only.
//
// The checker looks names up too, but only where it goes: not in a branch that a constant decides against,
// nor behind an error. A rename that misses a use is worse than none, so this walk visits everything that was
// written.
#ifndef CLEAVE_LANG_INDEX_RESOLVER_H
#define CLEAVE_LANG_INDEX_RESOLVER_H

#include "lang/index/Index.h"
#include "lang/sema/Sema.h"

#include <set>

namespace cleave::index {

class Resolver {
public:
  Resolver(Index &index, sema::Sema &sema, const std::string &stdlib)
      : index(index), sema(sema), stdlib(stdlib) {}

  void run(const sema::Facts &facts);

private:
  using Kind = Symbol::Kind;
  // Where a name stands decides which names it can be.
  enum class Where { Value, Base, Type };

  // Declarations.
  void declareModules();
  void declareBody(const syntax::Item &item, Symbol &definition);
  void addTypes(const sema::Facts &facts);
  void addSizes();
  Symbol *make(Kind kind, std::string_view name, Location definition, Location whole);
  Symbol *builtin(std::string_view name);
  Symbol *symbolOf(const sema::Symbol &symbol);
  Symbol *declaredAt(Location name);

  // The walk.
  void file(const syntax::File &file);
  void item(const syntax::Item &item);
  void definition(const syntax::Item &item);
  void parameter(const syntax::Parameter &p, Symbol &owner);
  void weights(const syntax::Item &item);
  void weightSource(const syntax::WeightSource &source);
  // Plans (ResolvePlans.cpp).
  void mesh(const syntax::Item &item);
  void plan(const syntax::Item &item);
  void plansOf(const syntax::File &file);
  void tactic(const syntax::Item &item, const syntax::Tactic &written, const Symbol *target);
  void equivalent(const syntax::Tactic &written);
  void planAxis(const syntax::Path &written);
  void meshUses(const syntax::Item &item, const std::vector<syntax::MeshUse> &uses);
  void selector(const syntax::Selector &written, const Symbol *target);
  void layout(const syntax::Item &item, const syntax::Layout &written);
  void boundary(const syntax::Item &item, const syntax::Layout &written, const Symbol *composite);
  Symbol *meshAxis(const syntax::Item &item, std::string_view name);
  Symbol *boundIn(const Symbol *symbol, std::string_view name);
  void backward(const syntax::Item &item, Symbol &owner, const std::vector<Symbol *> &residuals);
  void block(const syntax::Block &block, uint32_t begin);
  void statements(const syntax::Block &block);
  void statement(const syntax::Stmt &s);
  void defined(const syntax::Stmt &s);
  void pattern(const syntax::Pattern &pattern, Location whole);
  void type(const syntax::Type &type);
  void target(const syntax::LayerTarget &target);
  void arguments(const std::vector<syntax::Argument> &arguments, const Symbol *callee);
  void expression(const syntax::Expr *e);
  void control(const syntax::Expr &e);
  Symbol *callee(const syntax::Expr &e);
  void subscripts(const syntax::Expr &e, const Symbol *callee);
  Symbol *path(const std::vector<syntax::Name> &parts, Where where);

  // Names.
  Symbol *lookup(std::string_view text, Where where);
  Symbol *lookupPath(const std::vector<syntax::Name> &parts, Where where);
  Symbol *memberOf(const Symbol *symbol, std::string_view name);
  Symbol *use(const syntax::Name &name, Symbol *symbol);
  Symbol *bind(const syntax::Name &name, Kind kind, Location whole);
  void open(uint32_t begin, uint32_t end);
  void close();

  Index &index;
  sema::Sema &sema;
  const std::string &stdlib;
  std::map<std::pair<const diag::Source *, uint32_t>, Symbol *> declared;
  std::map<const sema::Module *, Symbol *> moduleSymbols;
  std::map<const Symbol *, const sema::Module *> modules;
  std::map<std::string, Symbol *, std::less<>> builtins, unknowns;
  std::set<std::pair<const diag::Source *, uint32_t>> seen;
  const sema::Module *module = nullptr;
  Index::File *current = nullptr;
  int scope = -1;
  Symbol *owner = nullptr;
  std::vector<Symbol *> *residuals = nullptr; // of the composite being walked
  bool inData = false;
  bool planIsForAny = false; // of the plan being walked
};

} // namespace cleave::index

#endif
