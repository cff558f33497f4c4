// The front end: any text is checked, formatted and indexed, or rejected with diagnostics that can be shown.
//
// Properties: what the parser takes the formatter takes; its output has the same words, and formatting it
// again changes nothing; what the checker accepts it accepts in that form too; every place in an index is in
// its text.
#include "lang/ast/Tree.h"
#include "lang/format/Format.h"
#include "lang/sema/Check.h"
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
  for (char c : text.rfind("\xef\xbb\xbf", 0) == 0 ? text.substr(3) : text) // a byte order mark is a blank
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v')
      out += c;
  return out;
}

std::string formatOf(const std::string &text) {
  diag::Engine engine;
  std::optional<std::string> out = format::format(*engine.addSource(kPath, text), engine);
  require(out.has_value(), "what parses can be formatted", engine.render());
  return *out;
}

struct Verdict {
  bool parses = true, accepted = false;
};

Verdict check(const std::string &text) {
  diag::Engine engine;
  std::unique_ptr<ast::Program> program = sema::checkText(kPath, text, options(), engine);
  require((program == nullptr) == engine.hasErrors(), "a program is rejected with a diagnostic", text);
  engine.render();
  engine.renderJson();
  if (program)
    ast::print(*program);
  Verdict verdict;
  verdict.accepted = program != nullptr;
  for (const auto &d : engine.getDiagnostics())
    verdict.parses &= d->code.rfind("E0", 0) != 0;
  return verdict;
}

} // namespace

FUZZ_TARGET(Program) {
  std::string text(reinterpret_cast<const char *>(bytes), size);
  Verdict verdict = check(text);
  if (!verdict.parses)
    return;
  std::string once = formatOf(text);
  require(wordsOf(once) == wordsOf(text), "formatting keeps the words", once);
  require(formatOf(once) == once, "formatting what is formatted changes nothing", once);
  require(check(once).accepted == verdict.accepted, "formatting keeps what a program means", once);
}
