#include "tools/lsp/Features.h"

#include <filesystem>

namespace cleave::lsp {

static std::string fileOf(const Program &program, diag::Location at) {
  if (!at)
    return program.main;
  std::error_code ignored;
  std::filesystem::path p = std::filesystem::weakly_canonical(at.source->getPath(), ignored);
  return p.empty() ? at.source->getPath() : p.string();
}

static Json rangeOf(diag::Location at) {
  return at ? Lines(at.source->getText()).range(at.begin, at.end) : Lines("").range(0, 0);
}

std::map<std::string, Json> diagnosticsOf(const Workspace &workspace, const Program &program) {
  std::map<std::string, Json> out;
  for (const std::string &file : program.index->files())
    out[file] = Json::array();
  for (const auto &d : program.engine->getDiagnostics()) {
    Json related = Json::array();
    for (const diag::Note &note : d->notes) {
      if (note.location)
        related.push_back(
            {{"location",
              {{"uri", workspace.uriFor(fileOf(program, note.location))}, {"range", rangeOf(note.location)}}},
             {"message", note.message}});
    }
    std::string message = d->message + (d->hint.empty() ? "" : "\nhint: " + d->hint);
    Json entry = {{"range", rangeOf(d->location)},
                  {"severity", d->severity == diag::Severity::Error ? 1 : 2},
                  {"code", d->code},
                  {"source", "cleave"},
                  {"message", message}};
    if (!related.empty())
      entry["relatedInformation"] = related;
    if (!d->hint.empty())
      entry["data"] = {{"hint", d->hint}};
    auto [it, fresh] = out.try_emplace(fileOf(program, d->location), Json::array());
    it->second.push_back(std::move(entry));
  }
  if (!program.text.empty())
    out.erase(program.main); // no file
  return out;
}

} // namespace cleave::lsp
