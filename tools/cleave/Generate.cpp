// `cleave generate`: prompts in, what a program continues them with out.
#include "compiler/driver/Session.h"
#include "lang/ast/Tree.h"
#include "lang/diag/Utf8.h"
#include "runtime/core/Artefact.h"
#include "runtime/text/Generator.h"
#include "runtime/text/Tokenizer.h"
#include "tools/cleave/Commands.h"
#include "tools/cleave/Inputs.h"
#include "tools/cleave/Interrupt.h"
#include "tools/cleave/Launch.h"
#include "tools/cleave/Reporting.h"
#include "tools/cleave/Results.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace cleave::tool {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

SessionOptions sessionOptions(const GenerateOptions &options) {
  SessionOptions result;
  result.mostRanks = options.mostRanks;
  result.threads = options.threads;
  // What a program prints stands beside what it makes, not in it.
  result.print = [](const std::string &line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  return result;
}

class Generation {
public:
  Generation(const GenerateOptions &options, SessionOptions given)
      : options(options), session(std::move(given)) {}

  int run() {
    rt::Status status = everything();
    finishLine();
    if (!status && !textRejected)
      report(session.engine(), status.error());
    showDiagnostics(session.engine(), options.json);
    int exit = textRejected ? Rejected
               : !status    ? exitStatusOf(status.error())
               : stopped    ? Interrupted
                            : Fine;
    if (options.json)
      showJson(result(exit));
    else if (status && !options.quiet)
      showFacts();
    return exit;
  }

private:
  rt::Status everything() {
    if (rt::Status status = readTokenizer(); !status)
      return status;
    if (rt::Status status = readPrompts(); !status)
      return status;
    if (rt::Status status = compile(); !status)
      return status;
    if (rt::Status status = prepare(); !status)
      return status;
    return generate();
  }

  // The one given, or the one beside the weights.
  rt::Status readTokenizer() {
    std::string path = options.tokenizer;
    if (path.empty())
      path = besideWeights("tokenizer.json");
    if (path.empty())
      return {};
    rt::Result<text::Tokenizer> read = text::Tokenizer::open(path);
    if (!read)
      return read.error();
    tokenizer = std::make_unique<text::Tokenizer>(std::move(*read));
    return {};
  }

  // A file of the folder that the weights are in; empty when it is not there.
  std::string besideWeights(const char *name) const {
    std::error_code ignored;
    for (const std::string &weights : options.weights) {
      std::string path = weights.substr(fs::exists(weights, ignored) ? 0 : weights.find('=') + 1);
      fs::path folder = fs::is_directory(path, ignored) ? fs::path(path) : fs::path(path).parent_path();
      if (fs::is_regular_file(folder / name, ignored))
        return (folder / name).string();
    }
    return "";
  }

  rt::Status readPrompts() {
    for (const std::string &prompt : options.prompts) {
      if (!tokenizer)
        return rt::Error{"E517",
                         "text needs a tokenizer, found a prompt of text without one",
                         "",
                         {},
                         "give it with --tokenizer FILE, or token ids with --ids 1,2,3"};
      prompts.push_back(tokenizer->encode(prompt));
    }
    for (const std::string &list : options.ids) {
      std::vector<int32_t> &prompt = prompts.emplace_back();
      for (size_t at = 0; at <= list.size();) {
        size_t comma = std::min(list.find(',', at), list.size());
        int32_t id = 0;
        auto [end, failure] = std::from_chars(list.data() + at, list.data() + comma, id);
        if (failure != std::errc() || end != list.data() + comma)
          return rt::Error{"E517",
                           "token ids are whole numbers with commas between them, found '" + list + "'",
                           "",
                           {},
                           ""};
        prompt.push_back(id);
        at = comma + 1;
      }
    }
    return {};
  }

  rt::Status compile() {
    auto start = std::chrono::steady_clock::now();
    rt::Status status = rt::isArtefact(options.file) ? openArtefact(session, options) : compileText();
    compileSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return status;
  }

  rt::Status compileText() {
    DriverOptions given = driverOptions(options);
    given.cacheFolder = options.noCache ? "" : standardCacheFolder();
    if (rt::Status status = session.load(std::move(given)); !status) {
      textRejected = true;
      return status;
    }
    std::vector<std::string> entries;
    for (const ast::Entry *entry : session.driver().check()->entries)
      if (entry->name == options.prefill || entry->name == options.decode)
        entries.push_back(entry->name);
    if (entries.empty())
      entries.push_back(options.decode); // for the error
    session.driver().select(entries, {});
    rt::Status status = session.compile();
    textRejected = session.engine().hasErrors();
    return status;
  }

  rt::Status prepare() {
    rt::Runnable &runs = session.runnable();
    if (rt::Status status = session.initialise(options.seed.value_or(0)); !status)
      return status;
    if (!options.resume.empty())
      if (rt::Status status = session.resume(options.resume); !status)
        return status;
    if (options.seed)
      if (rt::Status status = runs.setState("seed", &*options.seed, sizeof(int64_t)); !status)
        return status;
    for (const std::string &weights : options.weights)
      if (rt::Status status = readWeights(runs, weights); !status)
        return status;
    rt::Result<int> entry = runs.findEntry(options.decode);
    if (!entry)
      return entry.error();
    // Without these a program that samples takes the most likely token.
    for (const char *given : {"temperature=0", "top_k=0", "top_p=1"})
      if (hasInput(given))
        if (rt::Status status = giveInput(runs, *entry, given); !status)
          return status;
    for (const std::string &input : options.inputs)
      if (rt::Status status = giveInput(runs, *entry, input); !status)
        return status;
    return {};
  }

  bool hasInput(const std::string &given) {
    std::string name = given.substr(0, given.find('='));
    for (const rt::Entry &entry : session.runnable().program().entries)
      for (const rt::Port &port : entry.inputs)
        if (port.name == name && port.shape.sizes.empty())
          return true;
    return false;
  }

  // --stop, and what the published configuration says.
  rt::Result<std::vector<int32_t>> stops() const {
    std::vector<int32_t> ids;
    for (const std::string &text : options.stops) {
      int32_t id = 0;
      auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
      if (failure != std::errc() || end != text.data() + text.size())
        id = tokenizer ? tokenizer->find(text) : -1;
      if (id < 0)
        return rt::Error{"E517", "a sequence stops at a token, found no token '" + text + "'", "", {}, ""};
      ids.push_back(id);
    }
    for (const char *name : {"generation_config.json", "config.json"}) {
      std::ifstream file(besideWeights(name));
      Json config = Json::parse(file, nullptr, /*allow_exceptions=*/false);
      if (!config.is_object() || !config.contains("eos_token_id"))
        continue;
      Json end = config["eos_token_id"];
      for (const Json &id : end.is_array() ? end : Json::array({end}))
        if (id.is_number_integer())
          ids.push_back(id.get<int32_t>());
      break;
    }
    return ids;
  }

  rt::Status generate() {
    text::GeneratorOptions given;
    given.prefill = options.prefill;
    given.decode = options.decode;
    given.most = options.most;
    rt::Result<std::vector<int32_t>> ends = stops();
    if (!ends)
      return ends.error();
    given.stops = std::move(*ends);
    rt::Result<text::Generator> generator = text::Generator::create(session.runnable(), given);
    if (!generator)
      return generator.error();
    made.resize(prompts.size());
    if (tokenizer)
      stream = std::make_unique<text::TokenStream>(*tokenizer);
    watchForInterrupts();
    rt::Status status = generator->run(prompts, [&](int64_t prompt, int32_t token) {
      made[prompt].push_back(token);
      showToken(token);
      stopped = interrupted();
      return !stopped;
    });
    stopWatching();
    facts = generator->facts();
    if (status && prompts.size() > 1 && !options.json)
      showAll();
    return status;
  }

  //===-- Output ------------------------------------------------------===//

  // One sequence is shown as it is made, several when they are done.
  void showToken(int32_t token) {
    if (options.json || prompts.size() > 1)
      return;
    std::string text = stream ? stream->add(token) : (made[0].size() > 1 ? " " : "") + std::to_string(token);
    std::printf("%s", diag::printable(text).c_str());
    std::fflush(stdout);
    isLineOpen = true;
  }

  void finishLine() {
    if (isLineOpen)
      std::printf("%s\n", stream ? diag::printable(stream->finish()).c_str() : "");
    isLineOpen = false;
  }

  std::string textOf(const std::vector<int32_t> &ids) const {
    if (tokenizer)
      return tokenizer->decode(ids);
    std::string text;
    for (int32_t id : ids)
      text += (text.empty() ? "" : " ") + std::to_string(id);
    return text;
  }

  void showAll() const {
    for (size_t i = 0; i < prompts.size(); ++i)
      std::printf("--- %zu ---\n%s\n", i + 1, diag::printable(textOf(made[i])).c_str());
  }

  void showFacts() const {
    auto rate = [](int64_t tokens, double seconds) {
      return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
    };
    int64_t behind = facts.tokens - static_cast<int64_t>(prompts.size());
    std::fprintf(stderr, "read %lld tokens in %.3f s (%.1f tokens/s), made %lld at %.1f tokens/s\n",
                 static_cast<long long>(facts.promptTokens), facts.promptSeconds,
                 rate(facts.promptTokens, facts.promptSeconds), static_cast<long long>(facts.tokens),
                 rate(std::max<int64_t>(behind, 0), facts.seconds));
  }

  Json result(int exit) const {
    Json json = {{"file", options.file}, {"status", exit}, {"interrupted", stopped}};
    json["diagnostics"] = Json::parse(session.engine().renderJson());
    json["compile_seconds"] = compileSeconds;
    json["prompt_tokens"] = facts.promptTokens;
    json["prompt_seconds"] = facts.promptSeconds;
    json["tokens"] = facts.tokens;
    json["seconds"] = facts.seconds;
    json["sequences"] = Json::array();
    for (size_t i = 0; i < made.size(); ++i) {
      Json sequence = {{"prompt", prompts[i]}, {"tokens", made[i]}};
      if (tokenizer)
        sequence["text"] = tokenizer->decode(made[i]);
      json["sequences"].push_back(std::move(sequence));
    }
    return json;
  }

  GenerateOptions options;
  mutable Session session;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::unique_ptr<text::TokenStream> stream; // of the one sequence
  std::vector<std::vector<int32_t>> prompts, made;
  text::GeneratorFacts facts;
  double compileSeconds = 0;
  bool textRejected = false; // the engine holds the diagnostics
  bool stopped = false, isLineOpen = false;
};

} // namespace

int generateCommand(const GenerateOptions &options) {
  return launched(options, options.launch, sessionOptions(options),
                  [&](SessionOptions given) { return Generation(options, std::move(given)).run(); });
}

} // namespace cleave::tool
