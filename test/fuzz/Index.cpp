// Any text is indexed, whatever is wrong with it, as the language server does it.
//
// Properties: every name of an index is where it says, and what is found at its place; declarations are found
// from uses.
#include "lang/index/Index.h"
#include "test/fuzz/Target.h"

using namespace cleave;
using fuzz::require;

FUZZ_TARGET(Index) {
  const char *path = "/nowhere/program.dsl";
  std::string text(reinterpret_cast<const char *>(bytes), size);
  diag::Engine engine;
  sema::Options options;
  options.stdlib = CLEAVE_SOURCE_DIR "/test/fuzz/library";
  options.tolerant = true;
  std::unique_ptr<index::Index> index = index::Index::build(path, text, options, engine);
  uint32_t end = 0;
  for (const index::Occurrence &o : index->occurrences(path)) {
    uint32_t length = o.location.end - o.location.begin;
    require(end <= o.location.begin && o.location.end <= text.size(), "names follow each other in the text");
    end = o.location.end;
    require(text.compare(o.location.begin, length, o.symbol->name) == 0, "an index says what is written",
            o.symbol->name);
    require(index->at(path, o.location.begin).symbol == o.symbol, "a name is found at its place");
    if (const index::Symbol &s = *o.symbol; s.definition && s.kind != index::Symbol::Kind::Module)
      require(index->at(index->pathOf(s.definition), s.definition.begin).symbol == &s,
              "a declaration is found", s.name);
    docsOf(*o.symbol);
    signatureOf(*o.symbol);
  }
  for (const index::Symbol *symbol : index->outline(path))
    require(symbol != nullptr, "an outline has symbols");
  index->visible(path, static_cast<uint32_t>(text.size() / 2));
}
