#include "compiler/driver/Diagnostics.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace cleave {
namespace {

// The first file position inside a location, or null.
FileLineColLoc fileLocation(Location location) {
  FileLineColLoc found;
  location->walk([&](Location inner) {
    found = dyn_cast<FileLineColLoc>(inner);
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}

diag::Location translate(Location location, const diag::Engine &engine) {
  FileLineColLoc file = fileLocation(location);
  if (!file)
    return {};
  for (const std::shared_ptr<const diag::Source> &source : engine.getSources()) {
    if (source->getPath() != file.getFilename().getValue())
      continue;
    StringRef line = source->getLine(file.getLine());
    if (!line.data())
      return {};
    uint32_t begin = line.data() - source->getText().data() + file.getColumn() - 1;
    return {source.get(), begin, begin + 1};
  }
  return {};
}

// "E703: text" -> {"E703", "text"}
std::pair<std::string, std::string> splitCode(StringRef message) {
  if (message.size() > 5 && message[0] == 'E' && message[4] == ':' &&
      llvm::all_of(message.slice(1, 4), llvm::isDigit))
    return {message.take_front(4).str(), message.drop_front(5).ltrim().str()};
  return {"E999", "the compiler failed on a program it accepted; please report it: " + message.str()};
}

LogicalResult report(Diagnostic &diagnostic, diag::Engine &engine) {
  if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
    return success();
  auto [code, message] = splitCode(diagnostic.str());
  diag::Diagnostic &error = engine.error(code, translate(diagnostic.getLocation(), engine), message);
  if (code == "E999")
    return success(); // its notes show IR
  for (Diagnostic &note : diagnostic.getNotes())
    error.note(translate(note.getLocation(), engine), note.str());
  return success();
}

} // namespace

DiagnosticsBridge::DiagnosticsBridge(MLIRContext &context, diag::Engine &engine)
    : handler(&context, [&engine](Diagnostic &diagnostic) { return report(diagnostic, engine); }) {}

} // namespace cleave
