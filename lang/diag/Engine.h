// Collects diagnostics and renders them.
//
//   train.dsl:7:19: error[E204]: axes of both operands must be the same, found f32[Batch, Seq] and f32[Batch]
//    7 |   let h = x + bias
//      |               ^~~~
//   train.dsl:3:7: note: bias is declared here
//   ...
//     hint: write bias[b, s] in an indexed definition
#ifndef CLEAVE_LANG_DIAG_ENGINE_H
#define CLEAVE_LANG_DIAG_ENGINE_H

#include "lang/diag/Source.h"

#include <memory>
#include <string>
#include <vector>

namespace cleave::diag {

enum class Severity { Error, Warning, Note };

struct Note {
  Location location;
  std::string message;
};

struct Diagnostic {
  Severity severity = Severity::Error;
  std::string code; // "E204"; stable, documented in lang/README.md
  Location location;
  std::string message; // the rule, then what was found
  std::vector<Note> notes;
  std::string hint; // a candidate edit, or empty

  Diagnostic &note(Location at, std::string text) {
    notes.push_back({at, std::move(text)});
    return *this;
  }
  Diagnostic &suggest(std::string text) {
    hint = std::move(text);
    return *this;
  }
};

class Engine {
public:
  // Keeps a text alive for as long as the engine or anyone who shares it.
  const Source *addSource(std::string path, std::string text);
  const std::vector<std::shared_ptr<const Source>> &getSources() const { return sources; }

  // The returned reference stays valid: notes and a hint can be added to it.
  Diagnostic &error(const std::string &code, Location at, std::string message);
  Diagnostic &warning(const std::string &code, Location at, std::string message);

  bool hasErrors() const { return errorCount != 0; }
  unsigned getErrorCount() const { return errorCount; }
  const std::vector<std::unique_ptr<Diagnostic>> &getDiagnostics() const { return diagnostics; }

  // Everything reported so far, as text for people, in order of report.
  std::string render() const;
  // The same as one JSON array: {severity, code, file, line, column, message, notes, hint}.
  std::string renderJson() const;

private:
  std::vector<std::shared_ptr<const Source>> sources;
  std::vector<std::unique_ptr<Diagnostic>> diagnostics;
  unsigned errorCount = 0;
};

// The candidate nearest to `name` by edit distance, or empty when none is near enough to be a misspelling.
std::string nearest(std::string_view name, const std::vector<std::string> &candidates);

} // namespace cleave::diag

#endif
