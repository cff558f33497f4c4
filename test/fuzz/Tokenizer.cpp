// Any bytes as a tokenizer.json, and what follows the last zero byte as a text: the file is rejected with a
// code, or the text becomes tokens of its table, whose text is whole characters, all at once and one after
// the other.
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Utf8.h"
#include "test/fuzz/Target.h"

#include <algorithm>

using namespace cleave;

FUZZ_TARGET(Tokenizer) {
  constexpr size_t kMostText = 64; // a file may hold patterns that take long
  std::string_view all(reinterpret_cast<const char *>(bytes), size);
  size_t zero = std::min(all.rfind('\0'), all.size());
  auto tokenizer = text::Tokenizer::parse(all.substr(0, zero), "fuzz");
  if (!tokenizer) {
    fuzz::require(!tokenizer.error().code.empty(), "a tokenizer is rejected with a code");
    return;
  }
  std::string_view given = all.substr(std::min(zero + 1, all.size())).substr(0, kMostText);
  std::vector<int32_t> ids = tokenizer->encode(given);
  text::TokenStream stream(*tokenizer);
  std::string streamed;
  for (int32_t id : ids) {
    fuzz::require(id >= 0 && id <= (1 << 24), "a token has a number of its table");
    streamed += stream.add(id);
  }
  std::string whole = tokenizer->decode(ids);
  fuzz::require(text::validUtf8(whole) == whole, "text is whole characters", whole);
  fuzz::require(streamed + stream.finish() == whole, "a stream is its text", whole);
}
