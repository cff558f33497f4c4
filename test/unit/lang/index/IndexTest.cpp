// The symbol index: every name of every program that ships is known, and what it is known as.
#include "lang/index/Index.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace cleave;
using index::Index;
using index::Symbol;
using Kind = Symbol::Kind;
namespace fs = std::filesystem;

namespace {

const std::string kStdlib = CLEAVE_SOURCE_DIR "/stdlib";

std::string read(const fs::path &path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<fs::path> programsUnder(const std::string &folder) {
  std::vector<fs::path> out;
  for (const auto &entry : fs::recursive_directory_iterator(CLEAVE_SOURCE_DIR "/" + folder))
    if (entry.path().extension() == ".dsl")
      out.push_back(entry.path());
  return out;
}

struct Indexed {
  diag::Engine engine;
  std::unique_ptr<Index> index;
  std::string path;

  // The symbol of the n-th `name` in the main file.
  const Symbol *named(const std::string &name, int n = 0) const {
    for (const auto &o : index->occurrences(path))
      if (o.symbol->name == name && n-- == 0)
        return o.symbol;
    return nullptr;
  }
};

std::unique_ptr<Indexed> indexText(std::string text, const std::string &path = "/nowhere/main.dsl",
                                   bool tolerant = false) {
  auto out = std::make_unique<Indexed>();
  out->path = path;
  sema::Options options;
  options.stdlib = kStdlib;
  options.tolerant = tolerant;
  out->index = Index::build(path, std::move(text), options, out->engine);
  return out;
}

// Words of a text that are names, comments and strings aside.
std::vector<std::pair<std::string, uint32_t>> wordsOf(const std::string &text) {
  std::vector<std::pair<std::string, uint32_t>> out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "//") == 0) {
      i = text.find('\n', i);
      if (i == std::string::npos)
        break;
    } else if (text[i] == '"') {
      for (++i; text[i] != '"'; ++i)
        i += text[i] == '\\';
    } else if (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_') {
      size_t begin = i;
      while (i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_'))
        ++i;
      if (!std::isdigit(static_cast<unsigned char>(text[begin])))
        out.emplace_back(text.substr(begin, i - begin), static_cast<uint32_t>(begin));
      --i;
    }
  }
  return out;
}

const std::set<std::string> kKeywords = {
    "import", "as", "axis", "hyper", "data", "composite", "function", "backward", "residual", "layer",
    "entry", "with", "from", "in", "order", "let", "param", "state", "set", "repeat", "update", "return",
    "print", "assert", "next", "yield", "if", "else", "scan", "over", "while", "bound", "carry", "scatter",
    "at", "into", "outside", "sum", "max", "min", "mean", "prod", "argmax", "argmin", "inf", "true", "false",
    "weights", "for", "under", "ignore", "plan", "mesh", "link", "on", "extends", "shard", "layout",
    "partial", "replicate", "store", "of", "accumulate", "recompute", "save", "remainder", "overlap", "allow",
    "no", "manual", "local", "equivalent", "to",
    // Words of plans and links that are words nowhere else.
    "any", "params", "gradients", "optimizer", "all_to_all", "bandwidth", "latency", "domain", "all"};

void expectAllKnown(const Index &index, const std::string &path) {
  std::string text = index.textOf(path);
  for (const auto &[word, at] : wordsOf(text)) {
    index::Occurrence o = index.at(path, at);
    if (!o && kKeywords.count(word))
      continue;
    ASSERT_TRUE(o && o.location.begin == at)
        << path << ": " << word << " at byte " << at << " is in no index";
    EXPECT_NE(o.symbol->kind, Kind::Unknown) << path << ": " << word << " at byte " << at;
    EXPECT_EQ(o.symbol->name, word);
  }
}

} // namespace

TEST(IndexTest, EveryNameOfTheExamplesAndTheLibraryIsKnown) {
  for (const fs::path &path : programsUnder("examples")) {
    auto indexed = indexText(read(path), path.string());
    EXPECT_FALSE(indexed->engine.hasErrors()) << indexed->engine.render();
    for (const std::string &file : indexed->index->files())
      expectAllKnown(*indexed->index, file);
  }
}

TEST(IndexTest, EveryNameOfTheGradientProgramsIsKnown) {
  for (const fs::path &path : programsUnder("test/e2e/gradients")) {
    auto indexed = indexText(read(path), path.string());
    expectAllKnown(*indexed->index, path.string());
  }
}

TEST(IndexTest, TypesAndSizesComeFromTheChecker) {
  auto gpt = indexText(read(CLEAVE_SOURCE_DIR "/examples/04_gpt/gpt.dsl"),
                       CLEAVE_SOURCE_DIR "/examples/04_gpt/gpt.dsl");
  const Symbol *h = gpt->named("h");
  ASSERT_TRUE(h);
  EXPECT_EQ(h->kind, Kind::Let);
  EXPECT_EQ(h->type, "f32[Batch, Seq, Embed]");
  EXPECT_EQ(h->sizes, "Batch = 16, Seq = 128, Embed = 192");
  EXPECT_EQ(gpt->named("Head")->sizes, "Head = 32");
  EXPECT_EQ(gpt->named("attention")->kind, Kind::SubLayer);
  EXPECT_EQ(gpt->named("attention")->target->name, "CausalAttention");
  EXPECT_EQ(gpt->named("beta2")->owner->name, "AdamW");
  EXPECT_EQ(gpt->named("e")->type, "Embed");
}

TEST(IndexTest, AGenericTypeIsShownAsWrittenWithWhatItStandsFor) {
  auto p =
      indexText("axis A = 2, B = 3\n"
                "function f[T: float, ...L](x: T[...L]) -> T[...L] { let y = x + x return y }\n"
                "entry go(a: f32[A], b: f64[A, B]) -> (c: f32[A], d: f64[A, B]) { return f(a), f(b) }\n");
  EXPECT_FALSE(p->engine.hasErrors()) << p->engine.render();
  const Symbol *y = p->named("y");
  EXPECT_EQ(y->type, "T[...L]");
  EXPECT_EQ(y->instances, (std::vector<std::string>{"f32[A] (A = 2)", "f64[A, B] (A = 2, B = 3)"}));
}

TEST(IndexTest, NamesInBracesOfWeightsAreUses) {
  auto p = indexText("axis N = 2, Layers = 3\n"
                     "layer Cell(x: f32[N]) -> f32[N] { param w: f32[N] = 1 return x * w }\n"
                     "layer Net(x: f32[N]) -> f32[N] { repeat cells[Layers] = Cell return cells(x) }\n"
                     "layer net = Net\n"
                     "entry go(x: f32[N]) -> (y: f32[N]) { return net(x) }\n"
                     "weights hf for net from bf16 { param cells[i].w[n] = \"c.{i}.w\"[n] }\n");
  EXPECT_FALSE(p->engine.hasErrors()) << p->engine.render();
  expectAllKnown(*p->index, p->path);
  EXPECT_EQ(p->named("hf")->kind, Kind::Weights);
  EXPECT_EQ(p->named("i")->uses.size(), 2u);
  EXPECT_EQ(p->named("w")->uses.size(), 3u) << "the parameter, its use, its row";
}

TEST(IndexTest, PlansNameAxesMeshAxesAndWhatBodiesBind) {
  auto indexed = indexText(R"(
axis A = 4
link slow(bandwidth: 1e9, latency: 1e-6, domain: "node")
mesh pod(dp: 2 over slow, tp: 2 over nvlink)
plan base on pod { shard A over dp }
plan p for l extends base on mesh(tp: 4) {
  layout h: [A/tp]
  store params of l.w over dp
  save L
  assert equivalent to base(dp: 1)
}
plan general for any on mesh(dp) { shard Batch over dp }
layer L(x: f32[A]) -> f32[A] {
  param w: f32[A] = 1
  let h = x * w
  return h
}
layer l = L
entry run(x: f32[A]) -> (y: f32[A]) { return l(x) }
)");
  EXPECT_FALSE(indexed->engine.hasErrors()) << indexed->engine.render();
  // Declared by the mesh, used by both plans, given another size by the second.
  const Symbol *dp = indexed->named("dp"), *tp = indexed->named("tp");
  EXPECT_EQ(dp->kind, Kind::MeshAxis);
  EXPECT_EQ(dp->uses.size(), 4u);
  EXPECT_EQ(tp->uses.size(), 3u);
  EXPECT_EQ(dp->sizes, "2 ranks over slow");
  EXPECT_EQ(indexed->named("slow")->uses.size(), 2u);
  EXPECT_TRUE(indexed->named("nvlink")->library);
  EXPECT_EQ(indexed->named("base")->uses.size(), 3u);
  EXPECT_EQ(indexed->named("base")->kind, Kind::Plan);
  const Symbol *h = indexed->named("h"), *w = indexed->named("w");
  EXPECT_EQ(h->kind, Kind::Let);
  EXPECT_EQ(h->uses.size(), 3u);
  EXPECT_EQ(w->kind, Kind::Weight);
  EXPECT_EQ(w->uses.size(), 3u);
  EXPECT_EQ(indexed->named("A")->uses.size(), 8u);
  // By convention, not declared here.
  EXPECT_EQ(indexed->named("Batch")->kind, Kind::Builtin);
  EXPECT_EQ(indexed->named("any")->kind, Kind::Builtin);
}

TEST(IndexTest, ScopesEnd) {
  std::string text = "axis A = 4\n"
                     "function f(x: f32[A]) -> f32 { let s = sum(i) x[i] return s }\n"
                     "function g(x: f32[A]) -> f32 { return mean(i) x[i] }\n";
  auto p = indexText(text);
  EXPECT_EQ(p->named("x", 0), p->named("x", 1));
  EXPECT_NE(p->named("x", 0), p->named("x", 2));
  EXPECT_NE(p->named("i", 0), p->named("i", 2));
  auto visible = [&](const std::string &before, const std::string &name) {
    for (const Symbol *s : p->index->visible(p->path, static_cast<uint32_t>(text.find(before))))
      if (s->name == name && s->kind != Kind::Builtin)
        return true;
    return false;
  };
  EXPECT_FALSE(visible("sum(i)", "s")) << "a name is not visible in its own definition";
  EXPECT_TRUE(visible("return s", "s"));
  EXPECT_FALSE(visible("return mean", "s"));
  EXPECT_TRUE(visible("x[i] return", "i"));
  EXPECT_FALSE(visible("return s", "i"));
  EXPECT_TRUE(visible("return mean", "f"));
}

TEST(IndexTest, ABranchThatIsNotTakenIsIndexedToo) {
  auto p = indexText("hyper wide: bool = false\n"
                     "function f(x: f32) -> f32 { return if wide { yield x * 2 } else { yield x } }\n"
                     "entry go(x: f32) -> (y: f32) { return f(x) }\n");
  EXPECT_FALSE(p->engine.hasErrors()) << p->engine.render();
  EXPECT_EQ(p->named("x")->uses.size(), 3u);
}

TEST(IndexTest, ANameInBracketsStandsWhereItIsWritten) {
  std::string text = "function f(x: f32) -> f32 { let y = (x) + ((x)) return (y) }\n";
  auto p = indexText(text);
  for (const auto &o : p->index->occurrences(p->path))
    EXPECT_EQ(text.substr(o.location.begin, o.location.end - o.location.begin), o.symbol->name);
  EXPECT_EQ(p->named("x")->uses.size(), 3u);
}

TEST(IndexTest, StatementsThatDoNotParseAreLeftOut) {
  for (const char *broken :
       {"let b = nn.", "let b = f(a", "let b[i] = sum(j", "let = ) 3", "let b = \"", "b = 3"}) {
    std::string text = "axis A = 4\nfunction f(x: f32[A]) -> f32[A] {\n  let a = x + x\n  " +
                       std::string(broken) + "\n  return a\n}\n";
    auto p = indexText(text, "/nowhere/main.dsl", true);
    EXPECT_TRUE(p->engine.hasErrors());
    ASSERT_TRUE(p->named("a")) << broken;
    EXPECT_EQ(p->named("a")->type, "f32[A]") << broken;
    EXPECT_EQ(p->named("a")->uses.size(), 2u) << broken;
  }
}

TEST(IndexTest, AnyPrefixOfAProgramCanBeIndexed) {
  std::string whole = read(CLEAVE_SOURCE_DIR "/examples/04_gpt/gpt.dsl");
  size_t known = 0, all = 0;
  for (size_t length = 0; length < whole.size(); length += 37) {
    auto p = indexText(whole.substr(0, length), CLEAVE_SOURCE_DIR "/examples/04_gpt/gpt.dsl", true);
    known += p->index->outline(p->path).empty() ? 0 : 1;
    all += length > whole.find("axis Batch") + 12;
  }
  EXPECT_GE(known * 10, all * 9) << "nine prefixes in ten have something to show";
}

TEST(IndexTest, AnyPrefixOfAPlanCanBeIndexed) {
  std::string model = "axis A = 4\nlayer L(x: f32[A]) -> f32[A] {\n  param w: f32[A] = 1\n  return x * w\n}\n"
                      "layer l = L\nentry run(x: f32[A]) -> (y: f32[A]) { return l(x) }\n";
  std::string plan = "plan p for l on mesh(dp: 2 over nvlink, tp: 4) {\n  shard A over dp, tp[1:2]\n"
                     "  layout l.w: [A/dp?] partial sum over tp\n  store params of l.* over dp\n"
                     "  accumulate 2 of A\n  remainder pad for A\n  assert no all_gather in l\n"
                     "  assert bytes(all_reduce over tp) <= 1.5 MiB\n  allow reshard <= 3 B\n  save l\n}\n";
  for (size_t length = 0; length <= plan.size(); ++length) {
    auto p = indexText(model + plan.substr(0, length), "/nowhere/main.dsl", true);
    ASSERT_TRUE(p->named("w")) << plan.substr(0, length);
  }
}

TEST(IndexTest, APlanBehindAnImportThatFailsIsIndexed) {
  auto p = indexText("import nowhere\nmesh pod(dp: 2 over nvlink)\nplan a on pod { shard A over dp }\n");
  EXPECT_TRUE(p->engine.hasErrors());
  EXPECT_EQ(p->named("dp")->kind, Kind::MeshAxis);
  EXPECT_EQ(p->named("dp")->uses.size(), 2u);
}

TEST(IndexTest, DocumentationStandsAboveItsDeclaration) {
  auto p = indexText("/// Twice.\n/// Really.\nfunction f(x: f32) -> f32 { return x + x }\n");
  EXPECT_EQ(docsOf(*p->named("f")), "Twice.\nReally.\n");
  EXPECT_EQ(signatureOf(*p->named("f")), "function f(x: f32) -> f32");
}
