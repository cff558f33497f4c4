// The front end: any text is checked, formatted and indexed, or rejected with diagnostics that can be shown.
//
// Properties: what the parser takes the formatter takes; its output has the same words, and formatting it
// again changes nothing; what the checker accepts it accepts in that form too; every place in an index is in
// its text.
#include "lang/ast/Tree.h"
#include "lang/format/Format.h"
#include "lang/index/Index.h"
#include "lang/syntax/Parser.h"
#include "test/fuzz/Target.h"

using namespace cleave;
using fuzz::require;

namespace {

const char *const kPath = "/nowhere/program.dsl";

sema::Options options() {
  sema::Options out;
  out.stdlib = CLEAVE_SOURCE_DIR "/test/fuzz/library"; // small: it is read for every input that imports it
  return out;
}

// The text without white space. Comments keep theirs, but for what trails.
std::string wordsOf(const std::string &text) {
  std::string out;
  for (char c : text)
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
      out += c;
  return out;
}

std::optional<std::string> formatOf(const std::string &text) {
  diag::Engine engine;
  std::optional<std::string> out = format::format(*engine.addSource(kPath, text), engine);
  bool parses = syntax::parse(*engine.addSource(kPath, text), engine) != nullptr;
  require(out.has_value() || !parses, "what parses can be formatted", engine.render());
  return parses ? out : std::nullopt;
}

bool isAccepted(const std::string &text) {
  diag::Engine engine;
  std::unique_ptr<ast::Program> program = sema::checkText(kPath, text, options(), engine);
  require((program == nullptr) == engine.hasErrors(), "a program is rejected with a diagnostic", text);
  engine.render();
  engine.renderJson();
  if (program)
    ast::print(*program);
  return program != nullptr;
}

void checkFormat(const std::string &text) {
  std::optional<std::string> once = formatOf(text);
  if (!once)
    return;
  require(wordsOf(*once) == wordsOf(text), "formatting keeps the words", *once);
  std::optional<std::string> twice = formatOf(*once);
  require(twice == once, "formatting what is formatted changes nothing", *once);
  require(isAccepted(text) == isAccepted(*once), "formatting keeps what a program means", *once);
}

void checkIndex(const std::string &text) {
  diag::Engine engine;
  sema::Options tolerant = options();
  tolerant.tolerant = true;
  std::unique_ptr<index::Index> index = index::Index::build(kPath, text, tolerant, engine);
  for (const index::Occurrence &o : index->occurrences(kPath)) {
    require(o.location.begin <= o.location.end && o.location.end <= text.size(), "a name is in the text");
    require(text.compare(o.location.begin, o.location.end - o.location.begin, o.symbol->name) == 0,
            "an index says what is written", o.symbol->name);
  }
  index->visible(kPath, static_cast<uint32_t>(text.size() / 2));
}

} // namespace

FUZZ_TARGET(Program) {
  std::string text(reinterpret_cast<const char *>(bytes), size);
  isAccepted(text);
  checkFormat(text);
  checkIndex(text);
}
