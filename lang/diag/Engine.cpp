#include "lang/diag/Engine.h"
#include "lang/diag/Utf8.h"

#include <algorithm>
#include <cstdio>

namespace cleave::diag {

const Source *Engine::addSource(std::string path, std::string text) {
  sources.push_back(std::make_shared<const Source>(std::move(path), std::move(text)));
  return sources.back().get();
}

Diagnostic &Engine::error(const std::string &code, Location at, std::string message) {
  ++errorCount;
  Diagnostic d;
  d.code = code;
  d.location = at;
  d.message = std::move(message);
  diagnostics.push_back(std::make_unique<Diagnostic>(std::move(d)));
  return *diagnostics.back();
}

Diagnostic &Engine::warning(const std::string &code, Location at, std::string message) {
  Diagnostic &d = error(code, at, std::move(message));
  --errorCount;
  d.severity = Severity::Warning;
  return d;
}

static std::string place(Location at) {
  if (!at)
    return "cleave: ";
  auto [line, column] = at.source->getLineColumn(at.begin);
  return printable(at.source->getPath()) + ":" + std::to_string(line) + ":" + std::to_string(column) + ": ";
}

constexpr size_t kMostShown = 160;  // bytes of a line
constexpr size_t kShownBefore = 60; // of these before the caret, where the line is longer

// The part of a long line around byte `start`, which becomes the place in that part. Sequences stay whole.
static std::string_view around(std::string_view text, size_t &start) {
  if (text.size() <= kMostShown)
    return text;
  auto inside = [&](size_t at) { return at < text.size() && (text[at] & 0xc0) == 0x80; };
  size_t begin = start > kShownBefore ? start - kShownBefore : 0;
  while (inside(begin) && begin < start)
    ++begin;
  size_t end = std::min(begin + kMostShown, text.size());
  while (inside(end) && end > start + 1)
    --end;
  start -= begin;
  return text.substr(begin, end - begin);
}

// The source line with a caret under the place; tabs are kept so that the caret stands right.
static std::string excerpt(Location at) {
  if (!at)
    return "";
  auto [line, column] = at.source->getLineColumn(at.begin);
  std::string_view whole = at.source->getLine(line);
  size_t start = std::min<size_t>(column - 1, whole.size());
  std::string_view text = around(whole, start);
  std::string number = std::to_string(line);
  // Of a very long line, the part around the place.
  constexpr size_t kWidth = 200, kBefore = 80;
  if (text.size() > kWidth) {
    size_t from = column - 1 > kBefore ? std::min<size_t>(column - 1 - kBefore, text.size()) : 0;
    text = text.substr(from, kWidth);
    column -= static_cast<uint32_t>(from);
  }
  std::string gutter(number.size() < 4 ? 4 - number.size() : 0, ' ');
  std::string out = gutter + number + " | ";
  out.append(printable(text)).append("\n");
  out.append(std::max<size_t>(number.size(), 4), ' ').append(" | ");
  for (size_t i = 0; i < start; i += std::max<size_t>(1, sequenceLength(text.substr(i))))
    out += text[i] == '\t' ? '\t' : ' ';
  size_t length = at.end > at.begin ? at.end - at.begin : 1;
  length = std::min(length, std::max<size_t>(text.size() - start, 1));
  return out + "^" + std::string(length - 1, '~') + "\n";
}

static const char *nameOf(Severity severity) {
  return severity == Severity::Error ? "error" : severity == Severity::Warning ? "warning" : "note";
}

std::string Engine::render() const {
  std::string out;
  for (const auto &d : diagnostics) {
    out += place(d->location) + nameOf(d->severity) + "[" + d->code + "]: " + printable(d->message) + "\n";
    out += excerpt(d->location);
    for (const Note &note : d->notes)
      out += place(note.location) + "note: " + printable(note.message) + "\n" + excerpt(note.location);
    if (!d->hint.empty())
      out += "  hint: " + printable(d->hint) + "\n";
  }
  return out;
}

static std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : printable(text)) {
    char buffer[8];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(buffer, sizeof buffer, "\\u%04x", c);
      out += buffer;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

static std::string placeJson(Location at) {
  auto [line, column] = at ? at.source->getLineColumn(at.begin) : std::pair<uint32_t, uint32_t>{0, 0};
  return "\"file\": " + quote(at ? at.source->getPath() : "") + ", \"line\": " + std::to_string(line) +
         ", \"column\": " + std::to_string(column);
}

std::string Engine::renderJson() const {
  std::string out = "[";
  for (const auto &d : diagnostics) {
    out += out.size() > 1 ? ",\n " : "";
    out += "{\"severity\": " + quote(nameOf(d->severity)) + ", \"code\": " + quote(d->code) + ", " +
           placeJson(d->location) + ", \"message\": " + quote(d->message) + ", \"notes\": [";
    for (size_t i = 0; i < d->notes.size(); ++i)
      out += std::string(i ? ", " : "") + "{" + placeJson(d->notes[i].location) +
             ", \"message\": " + quote(d->notes[i].message) + "}";
    out += "], \"hint\": " + quote(d->hint) + "}";
  }
  return out + "]\n";
}

} // namespace cleave::diag
