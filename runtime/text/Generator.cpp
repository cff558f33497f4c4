#include "runtime/text/Generator.h"

#include <algorithm>
#include <chrono>

namespace cleave::text {

using rt::Error;
using rt::Result;
using rt::Shape;
using rt::Status;

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const Shape *shapeOf(const std::vector<rt::Port> &ports, const char *name) {
  for (const rt::Port &port : ports)
    if (port.name == name)
      return &port.shape;
  return nullptr;
}

} // namespace

Result<Generator::Reader> Generator::reader(const std::string &name) {
  Result<int> entry = runs->findEntry(name);
  if (!entry)
    return entry.error();
  const rt::Entry &facts = runs->program().entries[*entry];
  const Shape *tokens = shapeOf(facts.inputs, "tokens");
  bool known = tokens && tokens->type == rt::Type::I32 && tokens->sizes.size() == 2;
  for (const Shape *row :
       {shapeOf(facts.inputs, "start"), shapeOf(facts.inputs, "count"), shapeOf(facts.outputs, "token")})
    known =
        known && row && row->type == rt::Type::I32 && row->sizes == std::vector<int64_t>{tokens->sizes[0]};
  if (!known)
    return Error{
        "E515",
        "an entry that continues tokens has the inputs tokens: i32[Rows, Width], start and count: i32[Rows], "
        "and the output token: i32[Rows], found others in '" +
            name + "'",
        "",
        {},
        ""};
  Reader reader;
  reader.entry = *entry;
  reader.rows = tokens->sizes[0];
  reader.width = tokens->sizes[1];
  reader.tokens.resize(tokens->elements());
  reader.start.resize(reader.rows);
  reader.count.resize(reader.rows);
  return reader;
}

Result<Generator> Generator::create(rt::Runnable &runs, GeneratorOptions given) {
  Generator generator(runs, std::move(given));
  Result<Reader> decode = generator.reader(generator.options.decode);
  if (!decode)
    return decode.error();
  generator.decode = std::move(*decode);
  const std::string &name = generator.options.prefill;
  const std::vector<rt::Entry> &entries = runs.program().entries;
  if (std::none_of(entries.begin(), entries.end(),
                   [&](const rt::Entry &entry) { return entry.name == name; }))
    return generator;
  Result<Reader> prefill = generator.reader(name);
  if (!prefill)
    return prefill.error();
  if (prefill->rows != generator.decode.rows)
    return Error{"E515",
                 "the entries that continue tokens have the same rows, found " +
                     std::to_string(prefill->rows) + " in '" + name + "' and " +
                     std::to_string(generator.decode.rows) + " in '" + generator.options.decode + "'",
                 "",
                 {},
                 ""};
  generator.prefill = std::move(*prefill);
  return generator;
}

// Runs an entry on the reader's inputs: the tokens that follow, one per row.
Result<const int32_t *> Generator::step(Reader &reader) {
  for (const auto &[input, values] : {std::pair("tokens", &reader.tokens), std::pair("start", &reader.start),
                                      std::pair("count", &reader.count)})
    if (Status status = runs->setInput(reader.entry, input, values->data(),
                                       static_cast<int64_t>(values->size() * sizeof(int32_t)));
        !status)
      return status.error();
  if (Status status = runs->run(reader.entry); !status)
    return status.error();
  Result<rt::TensorView> token = runs->output(reader.entry, "token");
  if (!token)
    return token.error();
  return token->as<const int32_t>();
}

// Whether the sequence goes on.
bool Generator::deliver(int64_t prompt, int32_t token, const Receiver &receive) {
  if (std::find(options.stops.begin(), options.stops.end(), token) != options.stops.end())
    return false;
  ++counted.tokens;
  stopped = !receive(prompt, token);
  return !stopped;
}

// Pieces of all prompts at once; the last piece of each says what follows it.
Status Generator::readPrompts(const std::vector<std::vector<int32_t>> &prompts, size_t first,
                              std::vector<int32_t> &next) {
  Reader &reader = prefill.entry < 0 ? decode : prefill;
  auto rows = std::min(static_cast<int64_t>(prompts.size() - first), reader.rows);
  int64_t longest = 0;
  for (int64_t row = 0; row < rows; ++row)
    longest = std::max(longest, static_cast<int64_t>(prompts[first + row].size()));
  for (int64_t at = 0; at < longest; at += reader.width) {
    std::fill(reader.tokens.begin(), reader.tokens.end(), 0);
    std::fill(reader.count.begin(), reader.count.end(), 0);
    std::fill(reader.start.begin(), reader.start.end(), 0);
    for (int64_t row = 0; row < rows; ++row) {
      const std::vector<int32_t> &prompt = prompts[first + row];
      int64_t left = std::max<int64_t>(0, static_cast<int64_t>(prompt.size()) - at);
      int64_t count = std::min(left, reader.width);
      reader.start[row] = count ? static_cast<int32_t>(at) : 0;
      reader.count[row] = static_cast<int32_t>(count);
      std::copy_n(prompt.begin() + std::min<int64_t>(at, prompt.size()), count,
                  reader.tokens.begin() + row * reader.width);
    }
    Result<const int32_t *> made = step(reader);
    if (!made)
      return made.error();
    for (int64_t row = 0; row < rows; ++row)
      if (reader.count[row] && at + reader.count[row] == static_cast<int64_t>(prompts[first + row].size()))
        next[row] = (*made)[row];
  }
  return {};
}

Status Generator::runGroup(const std::vector<std::vector<int32_t>> &prompts, size_t first,
                           const Receiver &receive) {
  auto rows = std::min(static_cast<int64_t>(prompts.size() - first), decode.rows);
  std::vector<int32_t> next(rows), position(rows);
  std::vector<bool> goesOn(rows);
  auto start = Clock::now();
  if (Status status = readPrompts(prompts, first, next); !status)
    return status;
  counted.promptSeconds += secondsSince(start);
  for (int64_t row = 0; row < rows; ++row) {
    position[row] = static_cast<int32_t>(prompts[first + row].size());
    counted.promptTokens += position[row];
    goesOn[row] = options.most > 0 && !stopped && deliver(first + row, next[row], receive);
  }
  start = Clock::now();
  for (int64_t made = 1; made < options.most && !stopped; ++made) {
    std::fill(decode.start.begin(), decode.start.end(), 0);
    std::fill(decode.count.begin(), decode.count.end(), 0);
    std::fill(decode.tokens.begin(), decode.tokens.end(), 0);
    for (int64_t row = 0; row < rows; ++row) {
      if (!goesOn[row])
        continue;
      decode.tokens[row * decode.width] = next[row];
      decode.start[row] = position[row]++;
      decode.count[row] = 1;
    }
    if (std::none_of(goesOn.begin(), goesOn.end(), [](bool on) { return on; }))
      break;
    Result<const int32_t *> tokens = step(decode);
    if (!tokens)
      return tokens.error();
    for (int64_t row = 0; row < rows && !stopped; ++row) {
      if (!goesOn[row])
        continue;
      next[row] = (*tokens)[row];
      goesOn[row] = deliver(first + row, next[row], receive);
    }
  }
  counted.seconds += secondsSince(start);
  return {};
}

Status Generator::run(const std::vector<std::vector<int32_t>> &prompts, const Receiver &receive) {
  stopped = false;
  for (size_t i = 0; i < prompts.size(); ++i)
    if (prompts[i].empty())
      return Error{"E516", "a prompt has a token, found none in prompt " + std::to_string(i + 1), "", {}, ""};
  for (size_t first = 0; first < prompts.size() && !stopped; first += decode.rows)
    if (Status status = runGroup(prompts, first, receive); !status)
      return status;
  return {};
}

} // namespace cleave::text
