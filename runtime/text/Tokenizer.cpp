#include "runtime/text/Tokenizer.h"

#include "runtime/core/File.h"
#include "runtime/text/BytePairs.h"
#include "runtime/text/Pattern.h"
#include "runtime/text/Utf8.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

namespace cleave::text {

using Json = nlohmann::json;
using rt::Error;
using rt::Result;
using rt::Status;

namespace {

// The expression that byte-level pre-tokenisers use when they are given none.
constexpr char kByteLevelPattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// A token that is found in the text before anything else.
struct AddedToken {
  std::string text;
  int32_t id = 0;
  bool special = false;
  bool normalized = false;
  bool leftStrip = false, rightStrip = false; // takes in the white space beside it
  bool singleWord = false;                    // has no letter or digit beside it
};

// One step of cutting a text into words.
struct Cut {
  std::unique_ptr<Pattern> pattern; // matches and what is between them become pieces; null: none
  bool prefixSpace = false;         // a piece begins with a space
};

using Ranges = std::vector<std::pair<size_t, size_t>>;

// A part of a text: characters still to be cut, or a token.
struct Piece {
  std::string_view text;
  int32_t id = -1;
};

// The printable characters that stand for bytes in the files.
// Source: Radford et al.'s encoder.py, bytes_to_unicode.
std::array<uint32_t, 256> byteCharacters() {
  std::array<uint32_t, 256> codes{};
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    codes[byte] = printable ? byte : next++;
  }
  return codes;
}

// The bytes that a token of the file stands for; none where a character stands for no byte.
std::optional<std::string> bytesOfToken(const std::string &token) {
  static const std::unordered_map<uint32_t, char> known = [] {
    std::unordered_map<uint32_t, char> map;
    std::array<uint32_t, 256> codes = byteCharacters();
    for (size_t byte = 0; byte < codes.size(); ++byte)
      map[codes[byte]] = static_cast<char>(byte);
    return map;
  }();
  std::string bytes;
  for (std::string_view rest = token; !rest.empty();) {
    Utf8Unit unit = firstUnit(rest);
    auto found = known.find(unit.code);
    if (!unit.valid || found == known.end())
      return std::nullopt;
    bytes += found->second;
    rest.remove_prefix(unit.bytes);
  }
  return bytes;
}

} // namespace

struct Tokenizer::Implementation {
  std::string file; // for diagnostics
  BytePairs pairs;
  std::vector<std::string> texts; // by id: bytes
  std::vector<bool> special;      // by id
  std::vector<AddedToken> added;  // longest first
  std::vector<Cut> cuts;
  std::vector<int32_t> before, after; // of the template
  std::unique_ptr<Pattern> spaces, wordCharacters;

  Status read(const Json &json);
  Status readModel(const Json &model);
  Status readMerges(const Json &merges);
  Status readAdded(const Json &tokens);
  Status readCut(const Json &step, int depth = 0);
  Status readTemplate(const Json &processor, int depth = 0);
  std::vector<int32_t> idsOf(const Json &pieces, const Json &tokens, bool &afterText);

  void setText(int32_t id, std::string text, bool isSpecial);
  std::vector<Piece> split(std::string_view text) const;
  const AddedToken *addedAt(std::string_view text, size_t at) const;
  bool standsAlone(std::string_view text, size_t begin, size_t end) const;
  void encodePiece(std::string_view text, std::vector<int32_t> &ids) const;

  Error malformed(const std::string &rule, const std::string &found) const {
    return {"E622", rule + ", found " + found + " in '" + file + "'", "", {}, ""};
  }
  Error unknownKind(const std::string &part, const Json &found) const {
    std::string type =
        found.is_object() && found.contains("type") ? found["type"].dump() : found.dump().substr(0, 60);
    return {"E621",
            "a tokenizer is a byte-level BPE, found the " + part + " " + type + " in '" + file + "'",
            "",
            {},
            "text can be given as token ids"};
  }
};

//===-- Reading ---------------------------------------------------------===//

static bool isType(const Json &json, const char *type) {
  return json.is_object() && json.contains("type") && json["type"] == type;
}

static bool flag(const Json &json, const char *name, bool otherwise) {
  auto found = json.find(name);
  return found != json.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

void Tokenizer::Implementation::setText(int32_t id, std::string text, bool isSpecial) {
  if (static_cast<size_t>(id) >= texts.size()) {
    texts.resize(id + 1);
    special.resize(id + 1);
  }
  texts[id] = std::move(text);
  special[id] = isSpecial;
}

static std::optional<int32_t> idOf(const Json &value) {
  constexpr int64_t kMost = int64_t(1) << 24; // tables are as long as the greatest
  if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() > kMost)
    return std::nullopt;
  return static_cast<int32_t>(value.get<int64_t>());
}

Status Tokenizer::Implementation::readMerges(const Json &merges) {
  for (const Json &merge : merges) {
    std::string left, right;
    if (merge.is_string()) {
      std::string both = merge.get<std::string>();
      size_t space = both.find(' ');
      left = both.substr(0, space);
      right = space == std::string::npos ? "" : both.substr(space + 1);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    }
    std::optional<std::string> a = bytesOfToken(left), b = bytesOfToken(right);
    if (left.empty() || right.empty() || !a || !b || !pairs.addMerge(*a, *b))
      return malformed("a merge joins two tokens to a third",
                       merge.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return {};
}

Status Tokenizer::Implementation::readModel(const Json &model) {
  if (!isType(model, "BPE"))
    return unknownKind("model", model);
  for (const char *part : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (auto found = model.find(part); found != model.end() && found->is_string() && *found != "")
      return unknownKind(part, *found);
  auto vocab = model.find("vocab"), merges = model.find("merges");
  if (vocab == model.end() || !vocab->is_object() || merges == model.end() || !merges->is_array())
    return malformed("a BPE has a 'vocab' of tokens to ids and a list of 'merges'", "something else");
  for (const auto &[token, value] : vocab->items()) {
    std::optional<int32_t> id = idOf(value);
    if (!id)
      return malformed("a token has a number from 0", value.dump());
    // A token that is no string of bytes is met as an added token only.
    std::optional<std::string> bytes = bytesOfToken(token);
    if (bytes)
      pairs.addToken(*bytes, *id);
    setText(*id, bytes.value_or(token), false);
  }
  if (flag(model, "ignore_merges", false))
    pairs.keepWholeWords();
  return readMerges(*merges);
}

Status Tokenizer::Implementation::readAdded(const Json &tokens) {
  for (const Json &token : tokens) {
    std::optional<int32_t> id = token.is_object() && token.contains("id") ? idOf(token["id"]) : std::nullopt;
    if (!id || !token.contains("content") || !token["content"].is_string() || token["content"] == "")
      return malformed("an added token has an id and its content", token.dump());
    AddedToken added;
    added.text = token["content"].get<std::string>();
    added.id = *id;
    added.special = flag(token, "special", false);
    added.normalized = flag(token, "normalized", !added.special);
    added.leftStrip = flag(token, "lstrip", false);
    added.rightStrip = flag(token, "rstrip", false);
    added.singleWord = flag(token, "single_word", false);
    setText(added.id, added.text, added.special);
    this->added.push_back(std::move(added));
  }
  std::sort(added.begin(), added.end(), [](const AddedToken &a, const AddedToken &b) {
    return a.text.size() != b.text.size() ? a.text.size() > b.text.size() : a.id < b.id;
  });
  return {};
}

static std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c)))
      result += '\\';
    result += c;
  }
  return result;
}

constexpr int kMostDepth = 16; // of sequences within sequences

// Sequence, Split and ByteLevel.
Status Tokenizer::Implementation::readCut(const Json &step, int depth) {
  if (depth < kMostDepth && isType(step, "Sequence") && step.contains("pretokenizers") &&
      step["pretokenizers"].is_array()) {
    for (const Json &inner : step["pretokenizers"])
      if (Status status = readCut(inner, depth + 1); !status)
        return status;
    return {};
  }
  std::string pattern;
  Cut cut;
  if (isType(step, "ByteLevel")) {
    cut.prefixSpace = flag(step, "add_prefix_space", true);
    if (flag(step, "use_regex", true))
      pattern = kByteLevelPattern;
  } else if (isType(step, "Split") && step.value("behavior", Json()) == "Isolated" &&
             !flag(step, "invert", false) && step.contains("pattern") && step["pattern"].is_object()) {
    const Json &given = step["pattern"];
    if (given.contains("Regex") && given["Regex"].is_string())
      pattern = given["Regex"].get<std::string>();
    else if (given.contains("String") && given["String"].is_string())
      pattern = escaped(given["String"].get<std::string>());
    if (pattern.empty())
      return malformed("a pre-tokeniser splits by a pattern", given.dump());
  } else {
    return unknownKind("pre_tokenizer", step);
  }
  std::string why;
  if (!pattern.empty())
    cut.pattern = Pattern::compile(pattern, why);
  if (!pattern.empty() && !cut.pattern)
    return malformed("a pre-tokeniser splits by a regular expression", "'" + pattern + "' (" + why + ")");
  if (cut.pattern || cut.prefixSpace)
    cuts.push_back(std::move(cut));
  return {};
}

// Puts special tokens round one text; what it does to pairs of texts is not used.
Status Tokenizer::Implementation::readTemplate(const Json &processor, int depth) {
  if (processor.is_null() || isType(processor, "ByteLevel"))
    return {};
  if (depth < kMostDepth && isType(processor, "Sequence") && processor.contains("processors") &&
      processor["processors"].is_array()) {
    for (const Json &inner : processor["processors"])
      if (Status status = readTemplate(inner, depth + 1); !status)
        return status;
    return {};
  }
  if (!isType(processor, "TemplateProcessing"))
    return unknownKind("post_processor", processor);
  auto pieces = processor.find("single"), tokens = processor.find("special_tokens");
  if (pieces == processor.end() || !pieces->is_array() || tokens == processor.end() || !tokens->is_object())
    return malformed("a template has 'single' and 'special_tokens'", "something else");
  std::vector<int32_t> *side = &before;
  for (const Json &piece : *pieces) {
    if (piece.is_object() && piece.contains("Sequence")) {
      side = &after;
      continue;
    }
    Json name = piece.is_object() && piece.contains("SpecialToken") && piece["SpecialToken"].is_object()
                    ? piece["SpecialToken"].value("id", Json())
                    : Json();
    auto token = name.is_string() ? tokens->find(name.get<std::string>()) : tokens->end();
    if (token == tokens->end() || !token->is_object() || !token->contains("ids") ||
        !(*token)["ids"].is_array())
      return malformed("a template is made of special tokens and one sequence", piece.dump());
    for (const Json &id : (*token)["ids"]) {
      std::optional<int32_t> number = idOf(id);
      if (!number)
        return malformed("a token has a number from 0", id.dump());
      side->push_back(*number);
    }
  }
  return {};
}

Status Tokenizer::Implementation::read(const Json &json) {
  if (!json.is_object() || !json.contains("model"))
    return malformed("a tokenizer is a JSON object with a 'model'", "something else");
  if (auto normalizer = json.find("normalizer"); normalizer != json.end() && !normalizer->is_null())
    return unknownKind("normalizer", *normalizer);
  std::string why;
  spaces = Pattern::compile("\\s+", why);
  wordCharacters = Pattern::compile("[\\p{L}\\p{N}_]", why);
  if (Status status = readModel(json["model"]); !status)
    return status;
  if (auto tokens = json.find("added_tokens"); tokens != json.end() && tokens->is_array())
    if (Status status = readAdded(*tokens); !status)
      return status;
  if (Status status = readCut(json.value("pre_tokenizer", Json())); !status)
    return status;
  return readTemplate(json.value("post_processor", Json()));
}

//===-- Encoding --------------------------------------------------------===//

// Whether no letter or digit stands beside [begin, end).
bool Tokenizer::Implementation::standsAlone(std::string_view text, size_t begin, size_t end) const {
  auto isWord = [&](std::string_view character) { return !wordCharacters->matches(character).empty(); };
  size_t last = begin;
  while (last > 0 && (static_cast<unsigned char>(text[--last]) & 0xC0) == 0x80) {
  }
  bool left = begin > 0 && isWord(text.substr(last, begin - last));
  bool right = end < text.size() && isWord(text.substr(end, firstUnit(text.substr(end)).bytes));
  return !left && !right;
}

const AddedToken *Tokenizer::Implementation::addedAt(std::string_view text, size_t at) const {
  for (const AddedToken &token : added) // the longest that fits
    if (text.compare(at, token.text.size(), token.text) == 0)
      return !token.singleWord || standsAlone(text, at, at + token.text.size()) ? &token : nullptr;
  return nullptr;
}

// Added tokens, and the text between them.
std::vector<Piece> Tokenizer::Implementation::split(std::string_view text) const {
  std::array<bool, 256> begins{};
  for (const AddedToken &token : added)
    begins[static_cast<unsigned char>(token.text[0])] = true;
  std::vector<Piece> pieces;
  size_t from = 0;
  for (size_t at = 0; at < text.size();) {
    const AddedToken *token = begins[static_cast<unsigned char>(text[at])] ? addedAt(text, at) : nullptr;
    if (!token) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + token->text.size();
    bool strips = token->leftStrip || token->rightStrip;
    for (auto [spaceBegin, spaceEnd] : strips ? spaces->matches(text) : Ranges()) {
      if (token->leftStrip && spaceEnd == at)
        begin = std::max(from, spaceBegin);
      if (token->rightStrip && spaceBegin == end)
        end = spaceEnd;
    }
    if (begin > from)
      pieces.push_back({text.substr(from, begin - from), -1});
    pieces.push_back({text.substr(begin, end - begin), token->id});
    at = from = end;
  }
  if (from < text.size())
    pieces.push_back({text.substr(from), -1});
  return pieces;
}

// The pieces of a text, cut once more.
static std::vector<std::string> cutOnce(const std::vector<std::string> &texts, const Cut &cut) {
  std::vector<std::string> result;
  for (const std::string &given : texts) {
    std::string text = cut.prefixSpace && given.compare(0, 1, " ") != 0 ? " " + given : given;
    size_t at = 0;
    if (cut.pattern)
      for (auto [begin, end] : cut.pattern->matches(text)) {
        if (begin > at)
          result.push_back(text.substr(at, begin - at));
        result.push_back(text.substr(begin, end - begin));
        at = end;
      }
    if (at < text.size())
      result.push_back(text.substr(at));
  }
  return result;
}

void Tokenizer::Implementation::encodePiece(std::string_view text, std::vector<int32_t> &ids) const {
  std::vector<std::string> words = {std::string(text)};
  for (const Cut &cut : cuts)
    words = cutOnce(words, cut);
  for (const std::string &word : words)
    pairs.encode(word, ids);
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool withTemplate) const {
  const Implementation &self = *implementation;
  std::vector<int32_t> ids;
  if (withTemplate)
    ids = self.before;
  std::string valid = validUtf8(text);
  for (const Piece &piece : self.split(valid))
    if (piece.id >= 0)
      ids.push_back(piece.id);
    else
      self.encodePiece(piece.text, ids);
  if (withTemplate)
    ids.insert(ids.end(), self.after.begin(), self.after.end());
  return ids;
}

//===-- The rest --------------------------------------------------------===//

std::string_view Tokenizer::bytesOf(int32_t id) const {
  const Implementation &self = *implementation;
  if (id < 0 || id >= size() || self.special[id])
    return {};
  return self.texts[id];
}

std::string Tokenizer::decode(const std::vector<int32_t> &ids) const {
  std::string bytes;
  for (int32_t id : ids)
    bytes += bytesOf(id);
  return validUtf8(bytes);
}

int32_t Tokenizer::find(std::string_view text) const {
  for (const AddedToken &token : implementation->added)
    if (token.text == text)
      return token.id;
  return implementation->pairs.find(std::string(text));
}

int32_t Tokenizer::size() const { return static_cast<int32_t>(implementation->texts.size()); }

Result<Tokenizer> Tokenizer::parse(std::string_view json, const std::string &name) {
  auto made = std::make_unique<Implementation>();
  made->file = name;
  Json parsed = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded())
    return Error{"E620", "a tokenizer is a JSON file, found something else in '" + name + "'", "", {}, ""};
  if (Status status = made->read(parsed); !status)
    return status.error();
  return Tokenizer(std::move(made));
}

Result<Tokenizer> Tokenizer::open(const std::string &path) {
  rt::MappedFile file;
  std::string why;
  if (!rt::MappedFile::open(path, file, why))
    return Error{"E620", "a tokenizer must be readable, found " + why + " in '" + path + "'", "", {}, ""};
  return parse(std::string_view(file.data(), file.size()), path);
}

Tokenizer::Tokenizer(std::unique_ptr<Implementation> implementation)
    : implementation(std::move(implementation)) {}
Tokenizer::Tokenizer(Tokenizer &&) noexcept = default;
Tokenizer &Tokenizer::operator=(Tokenizer &&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::string TokenStream::add(int32_t id) {
  pending += tokenizer.bytesOf(id);
  std::string done;
  std::string_view rest = pending;
  while (!rest.empty()) {
    Utf8Unit unit = firstUnit(rest);
    if (unit.partial)
      break;
    done += unit.valid ? rest.substr(0, unit.bytes) : std::string_view(kReplacement);
    rest.remove_prefix(unit.bytes);
  }
  pending = std::string(rest);
  return done;
}

std::string TokenStream::finish() { return validUtf8(std::exchange(pending, "")); }

} // namespace cleave::text
