#include "runtime/text/Tokenizer.h"
#include "runtime/text/Pattern.h"
#include "runtime/text/Utf8.h"

#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cleave::text {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

std::string readReference(const std::string &name) {
  std::ifstream file(std::string(CLEAVE_SOURCE_DIR) + "/test/unit/text/reference/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// The ids and the decoded text are those of the `tokenizers` library (tools/bench/record_tokens.py).
void expectReference(const std::string &name) {
  auto tokenizer = Tokenizer::parse(readReference(name + ".json"), name);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  Json texts = Json::parse(readReference("texts.json"));
  EXPECT_GT(texts.size(), 70U);
  for (const Json &item : texts) {
    auto text = item["text"].get<std::string>();
    auto expected = item[name].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer->encode(text), expected) << item["text"].dump();
    EXPECT_EQ(tokenizer->decode(expected), item[name + "_decoded"].get<std::string>()) << item["text"].dump();
    TokenStream stream(*tokenizer);
    std::string streamed;
    for (int32_t id : expected)
      streamed += stream.add(id);
    EXPECT_EQ(streamed + stream.finish(), tokenizer->decode(expected)) << item["text"].dump();
  }
}

TEST(TokenizerTest, TextsOfTheGpt2FormAreTheLibrarys) { expectReference("gpt2"); }
TEST(TokenizerTest, TextsOfTheLlama3FormAreTheLibrarys) { expectReference("llama3"); }

TEST(TokenizerTest, InvalidTextBecomesReplacementCharacters) {
  auto tokenizer = Tokenizer::parse(readReference("gpt2.json"), "gpt2");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a\xFF\xE4\xBD z")), "a\uFFFD\uFFFD z");
}

TEST(TokenizerTest, AStreamHandsOnWholeCharacters) {
  auto tokenizer = Tokenizer::parse(readReference("gpt2.json"), "gpt2");
  std::vector<int32_t> bytes;
  for (const char *byte : {"\xF0", "\x9F", "\x98", "\x80"})
    bytes.push_back(tokenizer->find(byte));
  ASSERT_THAT(bytes, testing::Each(testing::Ge(0)));
  TokenStream stream(*tokenizer);
  EXPECT_EQ(stream.add(bytes[0]), "");
  EXPECT_EQ(stream.add(bytes[1]), "");
  EXPECT_EQ(stream.add(bytes[2]), "");
  EXPECT_EQ(stream.add(bytes[3]), "😀");
  EXPECT_EQ(stream.add(bytes[0]), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TokenizerTest, LongWordsAreMergedInTime) {
  auto tokenizer = Tokenizer::parse(readReference("gpt2.json"), "gpt2");
  std::string word(200000, 'e');
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(word)), word);
  std::string spaces(200000, ' ');
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(spaces)), spaces);
}

TEST(TokenizerTest, TokensAreFoundByTheirText) {
  auto tokenizer = Tokenizer::parse(readReference("llama3.json"), "llama3");
  EXPECT_EQ(tokenizer->find("<|eot_id|>"), 481);
  EXPECT_EQ(tokenizer->find("no such token"), -1);
  EXPECT_EQ(tokenizer->size(), 483);
  EXPECT_EQ(tokenizer->bytesOf(481), "") << "special";
  EXPECT_EQ(tokenizer->bytesOf(482), "[PAD]");
  EXPECT_EQ(tokenizer->bytesOf(-1), "");
  EXPECT_EQ(tokenizer->bytesOf(100000), "");
}

// The error of a file that differs from a good one at one place.
rt::Error errorWith(const std::function<void(Json &)> &change) {
  Json json = Json::parse(readReference("llama3.json"));
  change(json);
  auto tokenizer = Tokenizer::parse(json.dump(), "t.json");
  EXPECT_FALSE(tokenizer.ok());
  return tokenizer.ok() ? rt::Error() : tokenizer.error();
}

TEST(TokenizerTest, OtherKindsAreNamed) {
  auto found = [](const std::function<void(Json &)> &change) {
    rt::Error error = errorWith(change);
    EXPECT_EQ(error.code, "E621");
    return error.message;
  };
  EXPECT_THAT(found([](Json &j) { j["model"]["type"] = "Unigram"; }),
              HasSubstr("a tokenizer is a byte-level BPE, found the model \"Unigram\" in 't.json'"));
  EXPECT_THAT(found([](Json &j) { j["normalizer"] = {{"type", "NFC"}}; }),
              HasSubstr("the normalizer \"NFC\""));
  EXPECT_THAT(found([](Json &j) { j["pre_tokenizer"] = {{"type", "Whitespace"}}; }),
              HasSubstr("the pre_tokenizer \"Whitespace\""));
  EXPECT_THAT(found([](Json &j) { j["post_processor"] = {{"type", "BertProcessing"}}; }),
              HasSubstr("the post_processor \"BertProcessing\""));
  EXPECT_THAT(found([](Json &j) { j["model"]["end_of_word_suffix"] = "</w>"; }),
              HasSubstr("the end_of_word_suffix \"</w>\""));
}

TEST(TokenizerTest, SequencesWithinSequencesHaveAnEnd) {
  auto nested = [](const char *type, const char *list, Json inner) {
    for (int depth = 0; depth < 200; ++depth)
      inner = {{"type", type}, {list, {inner}}};
    return inner;
  };
  rt::Error error = errorWith(
      [&](Json &j) { j["pre_tokenizer"] = nested("Sequence", "pretokenizers", j["pre_tokenizer"]); });
  EXPECT_THAT(error.message, HasSubstr("found the pre_tokenizer \"Sequence\""));
  error = errorWith(
      [&](Json &j) { j["post_processor"] = nested("Sequence", "processors", j["post_processor"]); });
  EXPECT_THAT(error.message, HasSubstr("found the post_processor \"Sequence\""));
}

TEST(TokenizerTest, MalformedFilesAreRefused) {
  auto found = [](const std::function<void(Json &)> &change) {
    rt::Error error = errorWith(change);
    EXPECT_EQ(error.code, "E622");
    return error.message;
  };
  EXPECT_THAT(found([](Json &j) { j.erase("model"); }),
              HasSubstr("a tokenizer is a JSON object with a 'model'"));
  EXPECT_THAT(found([](Json &j) { j["model"]["vocab"] = 3; }),
              HasSubstr("a BPE has a 'vocab' of tokens to ids"));
  EXPECT_THAT(found([](Json &j) { j["model"]["vocab"]["a"] = -1; }),
              HasSubstr("a token has a number from 0, found -1"));
  EXPECT_THAT(found([](Json &j) { j["model"]["vocab"]["a"] = 1 << 30; }), HasSubstr("found 1073741824"));
  EXPECT_THAT(found([](Json &j) { j["model"]["merges"][3] = "a"; }),
              HasSubstr("a merge joins two tokens to a third"));
  EXPECT_THAT(found([](Json &j) { j["model"]["merges"][3] = {"a", "\u00e9\u00e9"}; }),
              HasSubstr("a merge joins"));
  EXPECT_THAT(found([](Json &j) { j["added_tokens"][0].erase("id"); }),
              HasSubstr("an added token has an id"));
  EXPECT_THAT(
      found([](Json &j) { j["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(("; }),
      HasSubstr("a pre-tokeniser splits by a regular expression, found '((' (missing closing parenthesis)"));
  EXPECT_THAT(
      found([](Json &j) { j["post_processor"]["processors"][1]["single"][0]["SpecialToken"]["id"] = "x"; }),
      HasSubstr("a template is made of special tokens and one sequence"));
  EXPECT_EQ(Tokenizer::parse("{", "t.json").error().code, "E620");
  EXPECT_EQ(Tokenizer::open("/no/such/file").error().code, "E620");
}

TEST(Utf8Test, IllFormedPartsAreTakenWhole) {
  EXPECT_EQ(validUtf8("a\xC0\xAF"
                      "b"),
            "a\uFFFD\uFFFDb");                                // overlong
  EXPECT_EQ(validUtf8("\xE2\x82"), "\uFFFD");                 // cut short
  EXPECT_EQ(validUtf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD"); // a surrogate
  EXPECT_EQ(validUtf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(validUtf8("\xF0\x9F\x98\x80"), "😀");
  EXPECT_TRUE(firstUnit("\xF0\x9F").partial);
  EXPECT_FALSE(firstUnit("\xF0\x41").partial);
}

TEST(PatternTest, MatchesAreInOrderAndNotEmpty) {
  std::string why;
  auto pattern = Pattern::compile("\\s*x?", why);
  ASSERT_TRUE(pattern);
  EXPECT_THAT(pattern->matches("é  x x"), ElementsAre(std::pair(2, 5), std::pair(5, 7)));
  EXPECT_THAT(Pattern::compile("\\s", why)->matches("\u180e\u0085\u3000"),
              ElementsAre(std::pair(3, 5), std::pair(5, 8)));
}

} // namespace
} // namespace cleave::text
