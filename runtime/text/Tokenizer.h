// Text <-> token ids, as the `tokenizers` library does it: byte-level BPE from a tokenizer.json.
// Source: Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", ACL
// 2016; Radford et al., "Language models are unsupervised multitask learners", 2019, section 2.2 (over
// bytes).
//
//   Result<Tokenizer> tokenizer = Tokenizer::open("model/tokenizer.json");
//   std::vector<int32_t> ids = tokenizer->encode("Once upon a time");
//   TokenStream stream(*tokenizer);
//   for (int32_t id : ids)
//     std::cout << stream.add(id);
//   std::cout << stream.finish();
#ifndef CLEAVE_RUNTIME_TEXT_TOKENIZER_H
#define CLEAVE_RUNTIME_TEXT_TOKENIZER_H

#include "runtime/core/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cleave::text {

class Tokenizer {
public:
  // Errors:
  //   E620 missing, unreadable or not JSON      E621 of a kind that is not known here (another model,
  //   normaliser, E622 malformed: an entry of a wrong form       pre-tokeniser), named with what is
  static rt::Result<Tokenizer> open(const std::string &path);
  static rt::Result<Tokenizer> parse(std::string_view json, const std::string &name);
  Tokenizer(Tokenizer &&) noexcept;
  Tokenizer &operator=(Tokenizer &&) noexcept;
  ~Tokenizer();

  // Invalid UTF-8 becomes U+FFFD. `withTemplate`: adds what the post-processor puts around one text
  // (<|begin_of_text|>).
  std::vector<int32_t> encode(std::string_view text, bool withTemplate = true) const;

  // The bytes of one token, which need not be whole characters; empty for special and unknown tokens.
  std::string_view bytesOf(int32_t id) const;
  // Of all, with U+FFFD for what is not UTF-8.
  std::string decode(const std::vector<int32_t> &ids) const;

  // The id of a token by its text ("<|endoftext|>"), or -1.
  int32_t find(std::string_view text) const;
  // One more than the greatest id.
  int32_t size() const;

private:
  struct Implementation;
  explicit Tokenizer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation;
};

// Bytes of tokens as they come, handed on in whole characters.
class TokenStream {
public:
  explicit TokenStream(const Tokenizer &tokenizer) : tokenizer(tokenizer) {}
  std::string add(int32_t id);
  // What is left, an incomplete character as U+FFFD.
  std::string finish();

private:
  const Tokenizer &tokenizer;
  std::string pending;
};

} // namespace cleave::text

#endif
