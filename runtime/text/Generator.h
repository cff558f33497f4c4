// Sequences of tokens, continued by a program: prompts are read in pieces, then one token of each sequence at
// a time.
//
//   Result<Generator> generator = Generator::create(runnable);
//   generator->run({{1, 5, 9}, {1, 77}}, [](int64_t prompt, int32_t token) { ...; return true; });
//
// The program has an entry `decode`, and mostly `prefill` (names are options), each with
//   inputs   tokens i32[Rows, Width]    the next tokens of each row, the first `count` of them
//            start i32[Rows]            the position of the first of them
//            count i32[Rows]            how many there are; 0: the row has nothing to do
//   outputs  token i32[Rows]            what follows the last of them
// and a cache as state, of which nothing but these positions is known here. Other inputs are set by the
// caller. Rows is the same in both; prefill's Width is how much of a prompt is read at once.
#ifndef CLEAVE_RUNTIME_TEXT_GENERATOR_H
#define CLEAVE_RUNTIME_TEXT_GENERATOR_H

#include "runtime/core/Runnable.h"

#include <functional>

namespace cleave::text {

struct GeneratorOptions {
  std::string prefill = "prefill"; // where there is none, `decode` reads the prompt
  std::string decode = "decode";
  int64_t most = 128;         // tokens for each prompt
  std::vector<int32_t> stops; // a sequence ends with one of these, which is not handed on
};

// Of a run, or of several together.
struct GeneratorFacts {
  int64_t promptTokens = 0, tokens = 0;  // read; made
  double promptSeconds = 0, seconds = 0; // to the first token of each; for those behind it
};

class Generator {
public:
  // Receives each token as it is made, of prompt number `prompt`; false ends the run.
  using Receiver = std::function<bool(int64_t prompt, int32_t token)>;

  // What runs must outlive the generator. Errors: E515 an entry without the inputs and outputs above.
  static rt::Result<Generator> create(rt::Runnable &runs, GeneratorOptions options = {});

  // Continues every prompt, as many at a time as there are rows. E516 a prompt without tokens; the program's
  // own (a full cache, an id outside the vocabulary: E711).
  rt::Status run(const std::vector<std::vector<int32_t>> &prompts, const Receiver &receive);

  const GeneratorFacts &facts() const { return counted; }
  int64_t rows() const { return decode.rows; }

private:
  // An entry, and what its inputs are to be.
  struct Reader {
    int entry = -1;
    int64_t rows = 0, width = 0;
    std::vector<int32_t> tokens, start, count;
  };
  Generator(rt::Runnable &runs, GeneratorOptions options) : runs(&runs), options(std::move(options)) {}
  rt::Result<Reader> reader(const std::string &entry);
  rt::Result<const int32_t *> step(Reader &reader);
  rt::Status runGroup(const std::vector<std::vector<int32_t>> &prompts, size_t first,
                      const Receiver &receive);
  rt::Status readPrompts(const std::vector<std::vector<int32_t>> &prompts, size_t first,
                         std::vector<int32_t> &next);
  bool deliver(int64_t prompt, int32_t token, const Receiver &receive);

  rt::Runnable *runs;
  GeneratorOptions options;
  Reader prefill, decode;
  GeneratorFacts counted;
  bool stopped = false; // by the receiver
};

} // namespace cleave::text

#endif
